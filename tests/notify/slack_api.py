"""A workspace of Slack on loopback, to its documentation: it refuses what Slack refuses."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web
from slack_sdk.models.blocks import Block

BOT = "xoxb-1234567890-1234567890-abcdefghijklmnop"
APP = "xapp-1-A0123-1234567890-abcdef"
OPS = "C0123ABCD"
DIRECT = "D0123ABCD"
"""A conversation of one person with the bot."""
_CONTROL = re.compile(r"<(?:https?://[^<>|\s]+\|[^<>|]*|[!@#][^<>]*)>")
_CALLS = re.compile(r"<(?:!(?:here|channel|everyone)|!subteam\^|@)")


@dataclass
class Workspace:
    """One workspace. `refusals`: method → the error that it answers, until taken out."""

    bot: str = BOT
    calls: bool = False
    """Whether messages may call people."""
    refusals: dict[str, str | tuple[int, str, dict[str, str]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Time → the message as it is now."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    shared: list[dict[str, Any]] = field(default_factory=list)
    whispered: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)
    """Answers that one person alone is shown."""
    sockets: asyncio.Queue[web.WebSocketResponse] = field(default_factory=asyncio.Queue)
    acks: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    gate: asyncio.Event | None = None
    """Until it is set nothing is answered."""
    url: str = ""
    wrong: list[str] = field(default_factory=list)
    """What it refused of itself, and why."""

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def posted(self) -> list[dict[str, Any]]:
        return [payload for method, payload in self.asked if method == "chat.postMessage"]

    def methods(self) -> list[str]:
        return [method for method, _ in self.asked]

    async def api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        raw = await request.read()
        payload: dict[str, Any] = {**request.query}
        if request.content_type == "application/json":
            payload |= json.loads(raw)
        elif raw:
            payload |= await request.post()
        self.asked.append((method, payload))
        if self.gate is not None:
            await self.gate.wait()
        refusal = self.refusals.get(method)
        if isinstance(refusal, tuple):
            status, text, headers = refusal
            return web.Response(status=status, text=text, headers=headers)
        if refusal is not None:
            return web.json_response({"ok": False, "error": refusal})
        token = request.headers.get("Authorization", "")
        if token != f"Bearer {APP if method == 'apps.connections.open' else self.bot}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        try:
            return web.json_response({"ok": True, **_done(self, method, payload)})
        except ValueError as error:
            self.wrong.append(f"{method}: {error}")
            return web.json_response({"ok": False, "error": str(error)})

    async def upload(self, request: web.Request) -> web.Response:
        file = self.files[request.match_info["file"]]
        file["content"] = await request.read()
        if len(file["content"]) != int(file["length"]):
            return web.Response(status=400, text="length mismatch")
        return web.Response(text=f"OK - {len(file['content'])}")

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "debug_info": {"host": "applink-1"}})
        self.sockets.put_nowait(socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                answer = json.loads(message.data)
                self.acks.put_nowait(answer)
        return socket


def _done(here: Workspace, method: str, payload: dict[str, Any]) -> dict[str, Any]:
    if odd := set(payload) - ARGUMENTS[method]:
        raise ValueError(f"no such arguments: {odd}")
    return METHODS[method](here, payload)


def _post(here: Workspace, payload: dict[str, Any]) -> dict[str, Any]:
    channel = {OPS: OPS, "#ops": OPS, "ops": OPS, DIRECT: DIRECT}.get(payload.get("channel", ""))
    if channel is None:
        raise ValueError("channel_not_found")
    thread = payload.get("thread_ts")
    if thread is not None and thread not in here.messages:
        raise ValueError("thread_not_found")
    _judge(here, payload)
    ts = f"17400000{len(here.messages):02}.000100"
    here.messages[ts] = payload
    return {"channel": channel, "ts": ts, "message": {"ts": ts, "text": payload.get("text", "")}}


def _update(here: Workspace, payload: dict[str, Any]) -> dict[str, Any]:
    if payload["channel"] != OPS:
        raise ValueError("channel_not_found")  # chat.update takes no names
    if payload["ts"] not in here.messages:
        raise ValueError("message_not_found")
    _judge(here, payload)
    here.messages[payload["ts"]] = payload
    return {"channel": OPS, "ts": payload["ts"]}


def _whisper(here: Workspace, payload: dict[str, Any]) -> dict[str, Any]:
    if not re.fullmatch(r"[CDG][A-Z0-9]+", payload["channel"]) or not payload["user"].startswith("U"):
        raise ValueError("user_not_in_channel")
    _judge(here, payload)
    here.whispered.put_nowait((payload["user"], shown(payload)))
    return {"message_ts": "1740000099.000100"}


def _place_for(here: Workspace, payload: dict[str, Any]) -> dict[str, Any]:
    name = f"F{len(here.files)}"
    here.files[name] = {"filename": payload["filename"], "length": payload["length"]}
    return {"file_id": name, "upload_url": f"{here.url}/upload/{name}"}


def _complete(here: Workspace, payload: dict[str, Any]) -> dict[str, Any]:
    files = payload["files"]
    found = json.loads(files) if isinstance(files, str) else files
    if payload.get("channel_id") != OPS:
        raise ValueError("channel_not_found")
    if any("content" not in here.files[each["id"]] for each in found):
        raise ValueError("file_not_found")
    here.shared.append({"thread_ts": payload.get("thread_ts"), "files": [each["id"] for each in found]})
    return {"files": found}


def _open(here: Workspace, _payload: dict[str, Any]) -> dict[str, Any]:
    return {"url": f"{here.url.replace('http', 'ws')}/link?ticket=very-secret"}


_MESSAGE = {"channel", "text", "blocks", "attachments"}
ARGUMENTS: Mapping[str, set[str]] = {
    "chat.postMessage": _MESSAGE | {"thread_ts", "reply_broadcast", "mrkdwn", "unfurl_links", "unfurl_media"},
    "chat.update": _MESSAGE | {"ts"},
    "chat.postEphemeral": _MESSAGE | {"user", "thread_ts"},
    "files.getUploadURLExternal": {"filename", "length", "alt_txt", "snippet_type"},
    "files.completeUploadExternal": {"files", "channel_id", "thread_ts", "initial_comment"},
    "apps.connections.open": set(),
}
"""Arguments of each method, of those that are documented."""
METHODS: Mapping[str, Callable[[Workspace, dict[str, Any]], dict[str, Any]]] = {
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.postEphemeral": _whisper,
    "files.getUploadURLExternal": _place_for,
    "files.completeUploadExternal": _complete,
    "apps.connections.open": _open,
}


def blocks_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """All blocks of a message, those in attachments too."""
    found = list(payload.get("blocks") or [])
    for each in payload.get("attachments") or []:
        found += each.get("blocks") or []
    return found


def texts_of(payload: dict[str, Any]) -> list[str]:
    """Texts of a message that Slack reads as markup."""
    blocks = blocks_of(payload)
    texts = [block["text"] for block in blocks if block["type"] == "section"]
    texts += [each for block in blocks if block["type"] == "context" for each in block["elements"]]
    found = [each["text"] for each in texts if each["type"] == "mrkdwn"]
    return [
        payload.get("text", ""),
        *(each.get("fallback", "") for each in payload.get("attachments", [])),
        *found,
    ]


def shown(payload: dict[str, Any]) -> str:
    """What people read of a message."""
    parts = [payload["text"]]
    for block in blocks_of(payload):
        if "text" in block:
            parts.append(block["text"]["text"])
        texts = [each["text"] for each in block.get("elements", [])]
        parts += [each if isinstance(each, str) else each["text"] for each in texts]
    text = "\n".join(parts)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _judge(here: Workspace, payload: dict[str, Any]) -> None:
    """Slack's rules for a message: limits of Block Kit, and which characters are control sequences."""
    if not payload.get("text"):
        raise ValueError("no_text")
    if len(payload["text"]) > 40_000:
        raise ValueError("msg_too_long")
    blocks = blocks_of(payload)
    if len(blocks) > 50:
        raise ValueError("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False).encode()) > 12_000:
        raise ValueError("msg_blocks_too_long")
    for block in blocks:
        _block(block)
    for each in Block.parse_all(blocks):  # Slack's own library, which knows its limits too
        each.validate_json()
    if any(set(each) - {"color", "fallback", "blocks"} for each in payload.get("attachments") or []):
        raise ValueError("invalid_attachments")
    for text in texts_of(payload):
        _markup(here, text)


def _markup(here: Workspace, text: str) -> None:
    if re.search(r"[<>]", _CONTROL.sub("", text)) or re.search(r"&(?!amp;|lt;|gt;)", text):
        raise ValueError("invalid_payload")
    if _CALLS.search(text) and not here.calls:
        raise ValueError("somebody is called")


def _block(block: dict[str, Any]) -> None:
    kind = block["type"]
    most = {"header": 150, "section": 3000}.get(kind)
    if most is not None and not 0 < len(block["text"]["text"]) <= most:
        raise ValueError("invalid_blocks")
    if kind == "context" and not all(0 < len(each["text"]) <= 3000 for each in block["elements"]):
        raise ValueError("invalid_blocks")
    if kind == "header" and block["text"]["type"] != "plain_text":
        raise ValueError("invalid_blocks")
    if kind == "actions":
        elements = block["elements"]
        ids = {each["action_id"] for each in elements}
        fits = all(len(each["text"]["text"]) <= 75 and len(each["value"]) <= 2000 for each in elements)
        if not 0 < len(elements) <= 25 or len(ids) < len(elements) or not fits:
            raise ValueError("invalid_blocks")


@asynccontextmanager
async def workspace(tls: ssl.SSLContext | None = None, **words: Any) -> AsyncIterator[Workspace]:
    here = Workspace(**words)
    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/api/{method}", here.api)
    app.router.add_post("/upload/{file}", here.upload)
    app.router.add_get("/link", here.socket)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    here.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()
