"""The OpenAPI description of `/api/v1`, made from what its endpoints declare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import TypedDictSchema
from typing_extensions import TypedDict

from watcher import __version__
from watcher.web.endpoints import PREFIX, Endpoint

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


HEADERS = {
    "ETag": "Stands for what the answer says; sent back in `If-None-Match`, it spares the answer.",
    "X-Total-Count": "Rows of the whole list, where that is known.",
    "Link": "The pages beside this one: first, prev, next, last. Addresses are relative.",
}
CONDITION = {
    "name": "If-None-Match", "in": "header", "schema": {"type": "string"},
    "description": "`ETag` of an answer that one has: 304 if it is the same still.",
}  # fmt: skip


class _RowSchema(GenerateJsonSchema):
    """Rows as they are sent: every field is there, and no other."""

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def describe(endpoints: Sequence[Endpoint], *, token: bool) -> dict[str, Any]:
    """The description, OpenAPI 3.1. `token`: whether one is needed."""
    answers = {"refusal": Refusal} | {each.name: each.rows for each in endpoints}
    found, schemas = TypeAdapter.json_schemas(
        [(name, "serialization", TypeAdapter(answer)) for name, answer in answers.items()],
        ref_template="#/components/schemas/{model}",
        schema_generator=_RowSchema,
    )
    wrong = _json(found["refusal", "serialization"])
    refusals = {status: {"description": text, "content": wrong} for status, text in REFUSALS.items()}
    # What is too long, or no HTTP, is refused before anybody sees that JSON was meant.
    refusals["400"] = {**refusals["400"], "content": {**wrong, "text/plain": {"schema": {"type": "string"}}}}

    def get(endpoint: Endpoint) -> dict[str, Any]:
        fine = {"description": "As asked.", "content": _json(found[endpoint.name, "serialization"])}
        headers = {
            name: _header(HEADERS[name], required=name == "ETag")
            for name in (HEADERS if endpoint.paged else ("ETag",))
        }
        same = {"description": "As it was.", "headers": {"ETag": headers["ETag"]}}
        return {
            "summary": endpoint.summary,
            "parameters": [*(each.described() for each in endpoint.taken), CONDITION],
            "responses": {"200": {**fine, "headers": headers}, "304": same, **refusals},
        }

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "balance-watcher",
            "version": __version__,
            "description": "What `watcher --json` prints. Amounts and times are text; times end in Z.",
        },
        "paths": {PREFIX + each.name: {"get": get(each)} for each in endpoints},
        "components": {"schemas": schemas["$defs"], **({"securitySchemes": SCHEMES} if token else {})},
        **({"security": [{"token": []}]} if token else {}),
    }


def _json(schema: JsonSchemaValue) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _header(description: str, *, required: bool) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": "string"}}
