"""The OpenAPI description of `/api/v1`; a test holds it against the server."""

from __future__ import annotations

from typing import Any

from watcher import __version__
from watcher.domain.messages.delivery import DeliveryState
from watcher.reports.alerts import STATES
from watcher.web.parameters import MOST, SPAN

TEXT: dict[str, Any] = {"type": "string"}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
FLAG: dict[str, Any] = {"type": "boolean"}
NUMBER: dict[str, Any] = {"type": "number", "minimum": 0}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
AMOUNT: dict[str, Any] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
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


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _rows(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(**fields)}


def _object(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


BALANCES = _rows(
    wallet=TEXT, source=TEXT, chain=TEXT, address=TEXT, asset=TEXT, symbol=TEXT, amount=AMOUNT,
    price_usd=_maybe(AMOUNT), value_usd=_maybe(AMOUNT), claimed=FLAG, as_of=_maybe(TIME),
)  # fmt: skip
HISTORY = _rows(
    wallet=TEXT, source=TEXT, chain=TEXT, asset=TEXT, symbol=TEXT, before=_maybe(AMOUNT), after=AMOUNT,
    after_at=TIME, before_at=_maybe(TIME), interest=FLAG,
)  # fmt: skip
ALERTS = _rows(
    id=TEXT, rule=TEXT, subject=TEXT, wallet=TEXT,
    state={"enum": list(STATES)},
    severity={"enum": ["info", "warning", "critical"]}, since=TIME, because=TEXT,
    acknowledged_by=_maybe(TEXT), held=TEXT,
)  # fmt: skip
OUTBOX = _rows(
    id=TEXT, alert=TEXT, channel=TEXT, state={"enum": [str(each) for each in DeliveryState]},
    attempts=COUNT, last_error=TEXT, created=TIME, sent=_maybe(TIME), title=TEXT,
)  # fmt: skip
STATUS = _object(
    state={"enum": ["ok", "warning", "critical", "unknown"]},
    never_held=_rows(wallet=TEXT, since=TIME),
    accounts=_rows(
        wallet=TEXT, source=TEXT, chain=TEXT, address=TEXT, last_reading=_maybe(TIME),
        next_poll=_maybe(TIME), misses=COUNT, miss=TEXT, late=_maybe(FLAG), stale=FLAG, held=TEXTS,
        quarantined=COUNT, interval_seconds=_maybe(NUMBER), expected_delay_seconds=_maybe(NUMBER),
    ),
    credits={
        "type": "object",
        "additionalProperties": _object(
            limit=COUNT, spent={"type": "integer"}, remaining=COUNT, period_start=TIME, period_end=TIME,
            runs_out=_maybe(TIME), planned=_maybe(COUNT), stretch=_maybe(NUMBER),
            finds=_maybe(_object(
                count=COUNT, mean_gap_seconds=_maybe(NUMBER), planned_gap_seconds=_maybe(NUMBER),
            )),
            configured_limit=COUNT,
            provider=_maybe(_object(limit=COUNT, used=COUNT, at=TIME, renewed=_maybe(TIME))),
        ),
    },
    alerts=ALERTS,
    deliveries=_object(pending=COUNT, sent=COUNT, given_up=COUNT),
    held_prices=_rows(
        chain=TEXT, asset=TEXT, symbol=TEXT, wallets=TEXTS, price_usd=_maybe(AMOUNT),
        believed_usd=_maybe(AMOUNT), since=TIME, reason=TEXT,
    ),
    channels=_rows(channel=TEXT, pending=COUNT, since=_maybe(TIME), trouble=TEXT),
)  # fmt: skip


def describe(wallet: str, *, token: bool) -> dict[str, Any]:
    """The description, OpenAPI 3.1. `wallet`: the name of one, as an example; `token`: whether one is
    needed."""
    wallets = {
        "name": "wallet", "in": "query", "description": "Only this wallet; may be repeated.",
        "schema": {"type": "array", "items": TEXT}, "style": "form", "explode": True,
        "example": [wallet],
    }  # fmt: skip
    states = {"name": "state", "in": "query", "schema": {"enum": [str(each) for each in DeliveryState]}}
    past = {"name": "all", "in": "query", "description": "Resolved ones too.", "schema": {"type": "boolean"}}
    since = {
        "name": "since", "in": "query", "description": "Only the last so long, as in 24h or 7d.",
        "schema": {"type": "string", "pattern": f"^({SPAN})$"}, "example": "24h",
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "balance-watcher",
            "version": __version__,
            "description": "What `watcher --json` prints. Amounts and times are text; times end in Z.",
        },
        "paths": {
            "/api/v1/status": _get("The state of everything, and one word for it.", STATUS),
            "/api/v1/balances": _get("What is held: confirmed amounts that are not zero.", BALANCES, wallets),
            "/api/v1/history": _get("What changed, newest first.", HISTORY, wallets, since, LIMIT),
            "/api/v1/alerts": _get("Alerts that are pending or firing.", ALERTS, past, LIMIT),
            "/api/v1/outbox": _get("Deliveries, newest first.", OUTBOX, states, LIMIT),
        },
        **({"components": {"securitySchemes": SCHEMES}, "security": [{"token": []}]} if token else {}),
    }


def _get(summary: str, schema: dict[str, Any], *parameters: dict[str, Any]) -> dict[str, Any]:
    wrong = {"application/json": {"schema": _object(error=TEXT)}}
    fine = {"description": "As asked.", "content": {"application/json": {"schema": schema}}}
    refusals = {status: {"description": text, "content": wrong} for status, text in REFUSALS.items()}
    return {
        "get": {
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": fine, **refusals},
        }
    }
