"""Slack and Telegram on loopback: they check what apprise really sends, and refuse it as the real ones do."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SLACK_URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
TELEGRAM_URL = "tgram://123456789:abcdefg_hijklmnop/12315544/"
_RESERVED = "_*[]()~`>#+-=|{}.!"
_ENTITY = re.compile(r"<(?:https?://[^|>]+|#C\w+|@U\w+)(?:\|[^>]*)?>")


@dataclass
class Service:
    """`script`: what the next requests are answered with, as (status, headers); then it checks and takes."""

    check: Callable[[dict[str, Any]], str]
    """The texts that people would see; ValueError with the service's words if it would refuse."""
    script: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    refuses: str = ""
    """It refuses for good whatever contains this."""
    requests: int = 0
    shown: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What it refused of itself, and why."""
    port: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        raw = await request.read()
        if self.script:
            status, headers = self.script.pop(0)
            return web.Response(status=status, headers=headers, text="not now")
        try:
            text = self.check(json.loads(raw))
        except ValueError as error:
            self.wrong.append(f"{error}: {raw[:300]!r}")
            return web.json_response({"ok": False, "description": f"Bad Request: {error}"}, status=400)
        if self.refuses and self.refuses in text:
            return web.json_response({"ok": False}, status=400)
        self.shown.append(text)
        return (
            web.Response(text="ok") if self.check is slack else web.json_response({"ok": True, "result": {}})
        )

    def order(self, *words: str) -> list[int]:
        """Where each of these first stands in what people have seen; -1: nowhere."""
        everything = "\n".join(self.shown)
        return [everything.find(each) for each in words]


def slack(payload: dict[str, Any]) -> str:
    """An incoming web hook (Slack docs): at most 40,000 characters; `&`, `<` and `>` only as entities."""
    attachments = payload.get("attachments") or []
    blocks = [block for each in attachments for block in each.get("blocks", [])]
    for block in blocks:
        most = {"header": 150, "section": 3000}.get(block["type"])
        if most is not None and not 0 < len(block["text"]["text"]) <= most:
            raise ValueError("invalid_blocks")
    parts = [payload.get("text") or "", *(block["text"]["text"] for block in blocks if "text" in block)]
    parts += [each.get(key) or "" for each in attachments for key in ("title", "text")]
    if not any(parts):
        raise ValueError("no_text")
    if sum(map(len, parts)) > 40_000:
        raise ValueError("msg_too_long")
    text = "\n".join(part for part in parts if part)
    if re.search(r"[<>]", _ENTITY.sub("", text)) or re.search(r"&(?!amp;|lt;|gt;)", text):
        raise ValueError("invalid_payload")
    if re.search(r"<!(?:channel|here|everyone)|(?<!\w)@(?:here|channel|everyone)\b", text):
        raise ValueError("somebody calls the whole channel")
    return text


def telegram(payload: dict[str, Any]) -> str:
    """`sendMessage` (Telegram docs): 1 to 4,096 UTF-16 units, MarkdownV2 read strictly."""
    text = str(payload["text"])
    if payload.get("parse_mode") == "MarkdownV2":
        text = _markdown_v2(text)
    units = len(text.encode("utf-16-le")) // 2
    if not 0 < units <= 4096:
        raise ValueError("message is too long" if units else "message text is empty")
    return text


def _markdown_v2(text: str) -> str:
    """The text without its marks; ValueError as Telegram says it."""
    shown: list[str] = []
    opened: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text) and ord(text[at + 1]) < 127:
            shown.append(text[at + 1])
            at += 2
        elif char == "`":
            end = text.find("`", at + 1)
            if end < 0:
                raise ValueError("can't find end of Code entity")
            shown.append(text[at + 1 : end])
            at = end + 1
        elif char in "*_~":
            opened.remove(char) if char in opened else opened.append(char)
            at += 1
        elif char == "[" and (
            link := re.compile(r"\[((?:[^\]\\]|\\.)*)\]\(((?:[^)\\]|\\.)*)\)").match(text, at)
        ):
            shown.append(_markdown_v2(link[1]))
            at = link.end()
        elif char in _RESERVED:
            raise ValueError(f"can't parse entities: character '{char}' is reserved")
        else:
            shown.append(char)
            at += 1
    if opened:
        raise ValueError(f"can't find end of the entity starting with {opened}")
    return "".join(shown)


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[Service]:
    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/{path:.*}", service.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.port = runner.addresses[0][1]
    try:
        yield service
    finally:
        await runner.cleanup()
