"""Schemas beside the files of a configuration, which editors complete from and check with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from watcher.system.files import make_folder, text_file

FOLDER = "schemas"


def named(texts: Mapping[str, str]) -> dict[str, str]:
    """The files of a configuration, each with a first line that says to an editor which schema it follows."""
    found = {}
    for name, text in texts.items():
        folders = PurePosixPath(name).parts[:-1]
        which = "tests" if "tests" in folders else "rules" if "rules" in folders else "watcher"
        path = "../" * len(folders) + f"{FOLDER}/{which}.json"
        found[name] = f"# yaml-language-server: $schema={path}\n{text}"
    return found


def write(directory: Path) -> Path:
    """Write all schemas, in place of those of an earlier version; their folder."""
    from watcher.analysis.ruletest.schema import tests_schema
    from watcher.config.json_schema import json_schema, rules_schema

    folder = directory / FOLDER
    make_folder(folder, 0o755)
    for name, made in (("watcher", json_schema), ("rules", rules_schema), ("tests", tests_schema)):
        with text_file(folder / f"{name}.json") as file:
            file.write(json.dumps(made(), indent=1) + "\n")
    return folder
