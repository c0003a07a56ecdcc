"""Services that ring telephones, on loopback: they refuse what the real ones refuse, and keep the rest."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

NTFY_PRIORITIES = {"min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5}
PUSHOVER_SOUNDS = frozenset({"pushover", "siren", "none", "persistent", "bike"})

TAKEN = {"ok": True, "status": 1, "id": 7, "code": 200, "result": {}}


class RefusedError(Exception):
    """What a service says when it takes no message."""


@dataclass(frozen=True)
class Request:
    """Request as a service gets it."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Phone:
    """Service of one kind. `check` gives what a telephone is told, or says why not."""

    check: Callable[[Request], dict[str, Any]]
    status: int = 200
    answer: Mapping[str, Any] = field(default_factory=lambda: TAKEN)
    others: Callable[[Request], Mapping[str, Any] | None] = lambda _request: None
    """What requests are answered that tell nothing; None: it does tell something."""
    told: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    port: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = b"" if "multipart" in request.content_type else await request.read()
        form = await request.post() if "form" in request.content_type else {}
        seen = Request(
            request.path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            body,
            {name: str(value) for name, value in form.items()},
        )
        if (other := self.others(seen)) is not None:
            return web.json_response(other)
        try:
            self.told.append(self.check(seen))
        except (RefusedError, KeyError, ValueError) as error:
            self.refused.append(repr(error))
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(self.answer, status=self.status)


@asynccontextmanager
async def ringing(check: Callable[[Request], dict[str, Any]], **words: Any) -> AsyncIterator[Phone]:
    phone = Phone(check, **words)
    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/{path:.*}", phone.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    phone.port = runner.addresses[0][1]
    try:
        yield phone
    finally:
        await runner.cleanup()


def _one_of(value: Any, allowed: Any) -> Any:
    if value not in allowed:
        raise RefusedError(f"{value!r} is not allowed")
    return value


def ntfy(request: Request) -> dict[str, Any]:
    """Publishing as JSON (docs.ntfy.sh/publish): headers count beside it, as `transformBodyJSON` of its
    server leaves them; with an attachment the text is in the query."""
    payload = request.json if request.path == "/" else dict(request.query)
    topic = payload.get("topic") or request.path.strip("/")
    if re.fullmatch(r"[-_A-Za-z0-9]{1,64}", topic) is None:
        raise RefusedError("topic invalid")
    priority = str(payload.get("priority") or request.headers.get("x-priority", "default"))
    number = int(priority) if priority.isdecimal() else NTFY_PRIORITIES[priority]
    return {
        "priority": _one_of(number, range(1, 6)),
        "tags": request.headers.get("x-tags", "").split(","),
        "title": payload["title"],
        "click": request.headers.get("x-click"),
        "buttons": _ntfy_buttons(request.headers.get("x-actions", "[]")),
    }


def _ntfy_buttons(text: str) -> list[tuple[str, str]]:
    """`parseActions` of ntfy's server, of its JSON."""
    actions = json.loads(text)
    if len(actions) > 3 or not all(
        each["action"] == "view" and each["label"] and each["url"] for each in actions
    ):
        raise RefusedError("actions invalid")
    return [(each["label"], each["url"]) for each in actions]


def pushover(request: Request) -> dict[str, Any]:
    """`messages.json` (pushover.net/api)."""
    form = request.form
    priority = _one_of(int(form.get("priority", "0")), range(-2, 3))
    if len(form["message"]) > 1024 or len(form.get("title", "")) > 250:
        raise RefusedError("message is too long")
    if priority == 2 and (int(form["retry"]) < 30 or not 0 < int(form["expire"]) <= 10800):
        raise RefusedError("retry must be at least 30, expire at most 10800")
    if "sound" in form:
        _one_of(form["sound"], PUSHOVER_SOUNDS)
    if len(form.get("url", "")) > 512 or len(form.get("url_title", "")) > 100:
        raise RefusedError("url is too long")
    told = {"priority": priority, "sound": form.get("sound"), "retry": form.get("retry")}
    return {**told, "url": form["url"]} if "url" in form else told


def gotify(request: Request) -> dict[str, Any]:
    """`POST /message`: priorities from 0 to 10 (gotify/android, message priorities)."""
    if request.path != "/message" or not request.json["message"]:
        raise RefusedError("no message")
    return {"priority": _one_of(request.json["priority"], range(11))}


def telegram(request: Request) -> dict[str, Any]:
    """`sendMessage` of the Bot API."""
    payload = request.json
    if not 0 < len(payload["text"]) <= 4096:
        raise RefusedError("message is too long")
    return {"silent": _one_of(payload["disable_notification"], (True, False))}


def bark(request: Request) -> dict[str, Any]:
    """`POST /push` of bark-server."""
    payload = request.json
    level = _one_of(payload.get("level", "active"), ("active", "timeSensitive", "passive", "critical"))
    return {"level": level, "call": payload.get("call")}


def discord(request: Request) -> dict[str, Any]:
    """Execute webhook: of the flags a webhook may set only these (Discord's documentation)."""
    payload = request.json
    flags = payload.get("flags", 0)
    if flags & ~(1 << 2 | 1 << 12 | 1 << 15) or len(payload.get("content", "")) > 2000:
        raise RefusedError("invalid form body")
    return {"silent": bool(flags & 1 << 12)}


def prowl(request: Request) -> dict[str, Any]:
    """`publicapi/add` (prowlapp.com/api.php)."""
    return {"priority": _one_of(int(request.form["priority"]), range(-2, 3))}


def simplepush(request: Request) -> dict[str, Any]:
    return {"priority": _one_of(request.json["priority"], range(1, 6))}


def pagertree(request: Request) -> dict[str, Any]:
    """An incoming webhook integration."""
    levels = ("silent", "low", "medium", "high", "critical")
    return {"urgency": _one_of(request.json["urgency"], levels)}


def pagerduty(request: Request) -> dict[str, Any]:
    """`POST /v2/enqueue` (PagerDuty's Events API v2)."""
    event = request.json
    action = _one_of(event["event_action"], ("trigger", "acknowledge", "resolve"))
    key = event.get("dedup_key", "")
    if len(event["routing_key"]) != 32 or len(key) > 255 or (action != "trigger" and not key):
        raise RefusedError("event object is invalid")
    told = {"action": action, "key": key}
    if action == "trigger":
        payload = event["payload"]
        if not 0 < len(payload["summary"]) <= 1024 or not payload["source"]:
            raise RefusedError("'payload.summary' is missing or too long")
        told["severity"] = _one_of(payload["severity"], ("critical", "error", "warning", "info"))
        told |= {"summary": payload["summary"], "details": payload.get("custom_details", {})}
        told["links"] = [each["href"] for each in event.get("links", [])]
    return told


def opsgenie(request: Request) -> dict[str, Any]:
    """Create and close alert (docs.opsgenie.com, alert API); Jira Service Management has the same."""
    if not request.headers.get("authorization", "").startswith("GenieKey "):
        raise RefusedError("Key format is not valid")
    payload = request.json
    if request.path == "/v2/alerts":
        if not 0 < len(payload["message"]) <= 130 or len(payload["description"]) > 15_000:
            raise RefusedError("message is too long")
        if len(payload["alias"]) > 512:
            raise RefusedError("alias is too long")
        priority = _one_of(payload.get("priority", "P3"), ("P1", "P2", "P3", "P4", "P5"))
        return {
            "action": "create",
            "key": payload["alias"],
            "priority": priority,
            "message": payload["message"],
        }
    closing = re.fullmatch(r"/v2/alerts/([^/]+)/close", request.path)
    if closing is None or request.query.get("identifierType") not in ("id", "alias", "tiny"):
        raise RefusedError("no such path")
    if len(payload.get("note", "")) > 25_000 or request.query["identifierType"] != "alias":
        raise RefusedError("note is too long, or an id that nobody has told")
    return {"action": "close", "key": closing[1], "note": payload["note"]}


def splunk(request: Request) -> dict[str, Any]:
    """The generic REST endpoint of Splunk On-Call."""
    types = ("CRITICAL", "WARNING", "ACKNOWLEDGEMENT", "INFO", "RECOVERY")
    return {"type": _one_of(request.json["message_type"], types), "key": request.json["entity_id"]}


def matrix(request: Request) -> dict[str, Any]:
    """`PUT …/send/m.room.message/…` of the client-server API: a bot's m.notice rings nowhere by the push rule
    `.m.rule.suppress_notices`."""
    if re.fullmatch(r"/_matrix/client/v3/rooms/[^/]+/send/m\.room\.message/[^/]+", request.path) is None:
        raise RefusedError("M_UNRECOGNIZED")
    if not request.json["body"]:
        raise RefusedError("M_BAD_JSON")
    return {"type": _one_of(request.json["msgtype"], ("m.text", "m.notice"))}


def matrix_session(request: Request) -> Mapping[str, Any] | None:
    if request.path.endswith("/login"):
        return {"access_token": "t", "home_server": "h", "user_id": "@u:h", "device_id": "D"}
    return {"room_id": "!r:h"} if "/join/" in request.path else None
