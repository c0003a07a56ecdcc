"""JSON Schema of rule test files, which editors complete from."""

from __future__ import annotations

from typing import Any

from watcher.analysis.ruletest.models import TestFile
from watcher.config.json_schema import DURATION, file_schema, model_schema


def tests_schema() -> dict[str, Any]:
    """A file of rule tests."""
    definitions: dict[str, Any] = {}
    model_schema(TestFile, definitions)
    expectation = definitions["Expectation"]["properties"]
    for name in ("alerts", "told"):
        said = expectation[name].pop("description")
        expectation[name] = {"description": said, "anyOf": [expectation[name], {"const": "nothing"}]}
    restarts = definitions["RuleTest"]["properties"]["restarts"]
    restarts["items"] = {"anyOf": [restarts["items"], DURATION]}
    file = definitions.pop("TestFile")
    return file_schema("watcher rule tests", file["properties"], ["tests"], definitions)
