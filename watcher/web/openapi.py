"""The OpenAPI description of `/api/v1`, made from the rows that it answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import TypedDictSchema
from typing_extensions import TypedDict

from watcher import __version__
from watcher.domain.messages.delivery import DeliveryState
from watcher.reports.rows import AlertRow, DeliveryRow, HistoryRow, StatusRow, WalletBalanceRow
from watcher.web.parameters import MOST, SPAN

LIMIT = {
    "name": "limit", "in": "query", "description": "At most so many, newest first.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100},
}  # fmt: skip

SCHEMES = {"token": {"type": "http", "scheme": "bearer"}}
REFUSALS = {
    "400": "A parameter is wrong; the text says which.",
    "401": "A token is needed.",
    "404": "What a parameter names is not there.",
    "421": "Asked under a name that is not this machine's.",
    "429": "Too many wrong tokens; wait a minute.",
    "503": "The store cannot be read now.",
}
"""Each with its reason as text."""


class Refusal(TypedDict):
    """Why there is no answer."""

    error: str


ANSWERS: Mapping[str, Any] = {
    "status": StatusRow,
    "balances": list[WalletBalanceRow],
    "history": list[HistoryRow],
    "alerts": list[AlertRow],
    "outbox": list[DeliveryRow],
    "refusal": Refusal,
}


class _RowSchema(GenerateJsonSchema):
    """Rows as they are sent: every field is there, and no other."""

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def describe(wallet: str, *, token: bool) -> dict[str, Any]:
    """The description, OpenAPI 3.1. `wallet`: the name of one, as an example; `token`: whether one is
    needed."""
    wallets = {
        "name": "wallet", "in": "query", "description": "Only this wallet; may be repeated.",
        "schema": {"type": "array", "items": {"type": "string"}}, "style": "form", "explode": True,
        "example": [wallet],
    }  # fmt: skip
    states = {"name": "state", "in": "query", "schema": {"enum": [str(each) for each in DeliveryState]}}
    past = {"name": "all", "in": "query", "description": "Resolved ones too.", "schema": {"type": "boolean"}}
    events = {
        "name": "events", "in": "query", "description": "In their place the changes that rules told.",
        "schema": {"type": "boolean"},
    }  # fmt: skip
    since = {
        "name": "since", "in": "query", "description": "Only the last so long, as in 24h or 7d.",
        "schema": {"type": "string", "pattern": f"^({SPAN})$"}, "example": "24h",
    }  # fmt: skip
    found, schemas = TypeAdapter.json_schemas(
        [(name, "serialization", TypeAdapter(answer)) for name, answer in ANSWERS.items()],
        ref_template="#/components/schemas/{model}",
        schema_generator=_RowSchema,
    )

    def get(name: str, summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
        fine = {"description": "As asked.", "content": _json(found[name, "serialization"])}
        wrong = _json(found["refusal", "serialization"])
        refusals = {status: {"description": text, "content": wrong} for status, text in REFUSALS.items()}
        responses = {"200": fine, **refusals}
        return {"get": {"summary": summary, "parameters": list(parameters), "responses": responses}}

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "balance-watcher",
            "version": __version__,
            "description": "What `watcher --json` prints. Amounts and times are text; times end in Z.",
        },
        "paths": {
            "/api/v1/status": get("status", "The state of everything, and one word for it."),
            "/api/v1/balances": get(
                "balances", "What is held: confirmed amounts that are not zero.", wallets
            ),
            "/api/v1/history": get("history", "What changed, newest first.", wallets, since, LIMIT),
            "/api/v1/alerts": get("alerts", "Alerts that are pending or firing.", past, events, LIMIT),
            "/api/v1/outbox": get("outbox", "Deliveries, newest first.", states, LIMIT),
        },
        "components": {"schemas": schemas["$defs"], **({"securitySchemes": SCHEMES} if token else {})},
        **({"security": [{"token": []}]} if token else {}),
    }


def _json(schema: JsonSchemaValue) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
