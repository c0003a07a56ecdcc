"""Discord's HTTP API on loopback, to its documentation: it refuses what Discord refuses."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

BOT = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
OPS = "290926798999357250"


@dataclass
class Guild:
    """One channel, in which one bot writes. `refusals`: method → the answer that it gets."""

    bot: str = BOT
    refusals: dict[str, tuple[int, Any, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Id → the message as it is now."""
    files: list[bytes] = field(default_factory=list)
    url: str = ""
    wrong: list[str] = field(default_factory=list)
    """What it refused of itself, and why."""

    def posted(self) -> list[dict[str, Any]]:
        return [payload for method, payload in self.asked if method == "POST"]

    async def handle(self, request: web.Request) -> web.Response:
        payload, files = await _read(request)
        self.asked.append((request.method, payload))
        refusal = self.refusals.get("FILES" if files else request.method)
        if refusal is not None:
            return web.json_response(refusal[1], status=refusal[0], headers=refusal[2])
        if not re.fullmatch(r"DiscordBot \(.+, .+\)", request.headers["User-Agent"]):
            return web.Response(status=403, text="error code: 1010")
        if request.headers.get("Authorization") != f"Bot {self.bot}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        if request.match_info["channel"] != OPS:
            return web.json_response({"message": "Unknown Channel", "code": 10003}, status=404)
        try:
            _judge(payload, len(files))
        except ValueError as error:
            self.wrong.append(f"{error}: {payload}"[:300])
            told = {"code": 50035, "message": "Invalid Form Body", "errors": {"_errors": [str(error)]}}
            return web.json_response(told, status=400)
        self.files += files
        return self._keep(request, payload)

    def _keep(self, request: web.Request, payload: dict[str, Any]) -> web.Response:
        identity = request.match_info.get("message") or str(334385199974967042 + len(self.messages))
        if request.method == "PATCH":
            if identity not in self.messages:
                return web.json_response({"message": "Unknown Message", "code": 10008}, status=404)
            self.messages[identity] = {**self.messages[identity], **payload}
        else:
            for known, each in self.messages.items():
                if payload.get("enforce_nonce") and each.get("nonce") == payload["nonce"]:
                    return web.json_response({"id": known, "channel_id": OPS})
            self.messages[identity] = payload
        return web.json_response({"id": identity, "channel_id": OPS})


async def _read(request: web.Request) -> tuple[dict[str, Any], list[bytes]]:
    if request.content_type == "application/json":
        found: dict[str, Any] = await request.json()
        return found, []
    form = await request.post()
    files = [each.file.read() for name, each in form.items() if isinstance(each, web.FileField)]
    names = [each.filename for each in form.values() if isinstance(each, web.FileField)]
    written: Any = form["payload_json"]
    payload: dict[str, Any] = json.loads(bytes(written) if isinstance(written, bytearray) else written)
    for embed in payload["embeds"]:
        assert embed["image"]["url"].removeprefix("attachment://") in names
    return payload, files


def _judge(payload: dict[str, Any], files: int) -> None:
    """Discord's rules for a message (docs.discord.com/developers/resources/message)."""
    content, embeds = payload.get("content", ""), payload.get("embeds", [])
    if not content and not embeds and not files:
        raise ValueError("Cannot send an empty message")
    if len(content) > 2000 or len(embeds) > 10:
        raise ValueError("Must be 2000 or fewer in length.")
    if any(len(embed["description"]) > 4096 for embed in embeds):
        raise ValueError("Must be 4096 or fewer in length.")
    if sum(len(embed.get("title", "")) + len(embed["description"]) for embed in embeds) > 6000:
        raise ValueError("Embed size exceeds maximum size of 6000")
    if len(str(payload.get("nonce", ""))) > 25:
        raise ValueError("Must be 25 or fewer in length.")
    if payload.get("flags", 0) & ~(1 << 2 | 1 << 12 | 1 << 13 | 1 << 15):
        raise ValueError("these flags cannot be set")
    if payload.get("allowed_mentions", {}).get("parse") != []:
        raise ValueError("somebody may be called")
    if not all(0 <= embed["color"] <= 0xFFFFFF for embed in embeds):
        raise ValueError("int value should be less than or equal to 16777215.")


@asynccontextmanager
async def guild(tls: ssl.SSLContext | None = None, **words: Any) -> AsyncIterator[Guild]:
    here = Guild(**words)
    app = web.Application(client_max_size=10**7)
    app.router.add_post("/api/v10/channels/{channel}/messages", here.handle)
    app.router.add_patch("/api/v10/channels/{channel}/messages/{message}", here.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    here.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    try:
        yield here
    finally:
        await runner.cleanup()
