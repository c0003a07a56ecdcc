"""The JSON Schema says what the loader accepts."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.config.given import KINDS
from watcher.config.json_schema import json_schema, part_schema, rules_schema
from watcher.config.settings import Settings
from watcher.domain.rules import TYPES


def definition(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json_schema(KINDS)["$defs"][name]
    return found


def test_the_schema_names_every_key_of_the_file() -> None:
    schema = json_schema(KINDS)

    written = set(Settings.__struct_fields__) - {"path", "store_place", "parts", "warnings"}
    assert set(schema["properties"]) == written | {"version", "include"}
    assert schema["additionalProperties"] is False
    json.dumps(schema)


def test_a_secret_may_be_a_file_in_the_schema_too() -> None:
    for name, key in (("CoinStatsSettings", "api_key"), ("AppriseSettings", "url"), ("WebSettings", "token")):
        assert {key, f"{key}_file"} <= set(definition(name)["properties"])
        assert key not in definition(name).get("required", [])


def test_a_duration_is_text_in_the_schema() -> None:
    cadence = definition("WalletEntry")["properties"]["at_least_every"]["anyOf"][0]

    assert cadence["type"] == "string"
    assert re.search(cadence["pattern"], "12h")
    assert not re.search(cadence["pattern"], "PT12H")


def test_only_the_default_kind_need_not_be_written() -> None:
    assert "kind" in definition("CoinStatsSettings")["required"]
    assert "kind" in definition("ConsoleSettings")["required"]
    assert "kind" not in definition("AppriseSettings")["required"]
    assert definition("ConsoleSettings")["properties"]["kind"]["const"] == "console"


def test_every_reference_leads_somewhere() -> None:
    schema = json_schema(KINDS)

    references = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)))

    assert references <= set(schema["$defs"])


def test_the_schema_of_rules_names_every_type_with_all_that_people_write() -> None:
    schema = rules_schema()

    assert [each["$ref"] for each in schema["properties"]["rules"]["items"]["anyOf"]] == [
        f"#/$defs/{model.__name__}" for model in TYPES.values()
    ]
    threshold = schema["$defs"]["ThresholdRule"]
    assert {"for", "all", "any", "per", "max_age", "below"} <= set(threshold["properties"])
    assert {"id", "type"} <= set(threshold["required"])
    assert threshold["properties"]["type"]["const"] == "threshold"
    assert set(schema["$defs"]["RatioRule"]["required"]) == {"id", "type", "of", "to"}
    assert set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema))) <= set(schema["$defs"])


def test_an_included_file_has_a_schema_of_its_own() -> None:
    schema = part_schema(KINDS)

    references = set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)))

    assert set(schema["properties"]) == {"wallets", "channels", "rules"}
    assert references <= set(schema["$defs"])
    assert "CoinStatsSettings" not in schema["$defs"]
    assert schema["additionalProperties"] is False


def test_what_is_written_below_a_field_is_shown_by_editors() -> None:
    assert definition("WebSettings")["properties"]["tokens"]["description"].startswith("More tokens")
    assert definition("SignOnSettings")["properties"]["act"]["description"].startswith("Who may act")
    assert definition("WalletEntry")["properties"]["label"]["description"].startswith("What people read")
