"""Bot API of Telegram on loopback: it holds requests against the documentation, and people press and write.

Written to https://core.telegram.org/bots/api (9.x); the words of refusals are those of the real server
(tdlib/telegram-bot-api).
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
GROUP = -1001234567890
BOT = "ops_watch_bot"

_TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "a", "code", "pre", "tg-spoiler"}
_TAGS |= {"blockquote"}
_SAID_TO = {"chat_id", "message_thread_id", "disable_notification", "reply_parameters", "reply_markup"}
_SHOWN = _SAID_TO | {"parse_mode"}
_TAKES = {
    "getMe": set[str](),
    "getUpdates": {"offset", "limit", "timeout", "allowed_updates"},
    "sendMessage": _SHOWN | {"text", "link_preview_options"},
    "sendPhoto": _SHOWN | {"photo", "caption", "show_caption_above_media"},
    "sendDocument": _SHOWN | {"document", "caption"},
    "editMessageReplyMarkup": {"chat_id", "message_id", "reply_markup"},
    "answerCallbackQuery": {"callback_query_id", "text", "show_alert"},
}
Fields = dict[str, Any]


class RefusedError(Exception):
    """What the server says no to, and how."""

    def __init__(self, status: int, words: str, **parameters: int) -> None:
        super().__init__(words)
        self.status, self.parameters = status, parameters


@dataclass
class TelegramServer:
    """One server with one bot and some chats. `sent`: each message as people see it, by its receipt."""

    port: int = 0
    chats: dict[int, str] = field(default_factory=lambda: {GROUP: "supergroup"})
    names: dict[str, int] = field(default_factory=dict)
    topics: set[int] = field(default_factory=set)
    sent: dict[str, Fields] = field(default_factory=dict)
    toasts: list[Fields] = field(default_factory=list)
    calls: list[tuple[str, Fields]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What was refused, and why."""
    answers: dict[str, list[tuple[int, Fields]]] = field(default_factory=dict)
    """What the next calls of a method are answered with, whatever they ask for."""
    hangs: set[str] = field(default_factory=set)
    """Methods that never answer."""
    page: web.Response | None = None
    """What stands there in place of the API."""
    moved: dict[int, int] = field(default_factory=dict)
    takes_pictures: bool = True
    webhook: bool = False
    waiting: list[Fields] = field(default_factory=list)
    """Updates that are not confirmed."""
    confirmed: list[Fields] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with every call that was answered."""
    _next: int = 100
    _poll: asyncio.Event | None = None
    _open: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def made(self, method: str) -> list[Fields]:
        """The fields of each call of a method."""
        return [fields for name, fields in self.calls if name == method]

    def texts(self) -> list[str]:
        """What people read, in order."""
        return [str(each.get("text", each.get("caption", ""))) for each in self.sent.values()]

    def buttons(self, receipt: str) -> list[str]:
        """What the buttons under a message say."""
        return self._below(receipt, "callback_data")

    def links(self, receipt: str) -> list[str]:
        """What the buttons under a message open."""
        return self._below(receipt, "url")

    def _below(self, receipt: str, name: str) -> list[str]:
        rows = (self.sent[receipt].get("reply_markup") or {}).get("inline_keyboard", [])
        return [button[name] for row in rows for button in row if name in button]

    async def until(self, done: Any) -> None:
        """Wait until something is so; each call may have brought it about."""
        async with asyncio.timeout(60):
            while not done():
                self.happened.clear()
                await self.happened.wait()

    # ---------------------------------------------------------------- what people do

    def press(self, person: int, receipt: str, data: str) -> str:
        """Somebody presses a button; the id of the query."""
        chat, _, message = receipt.partition(":")
        kept = self.sent.get(receipt, {})
        below: Fields = {
            "message_id": int(message),
            "chat": {"id": int(chat), "type": self.chats.get(int(chat), "supergroup")},
            "date": 1772366400,
        }
        if kept.get("reply_markup"):
            below["reply_markup"] = kept["reply_markup"]
        query = f"query-{self._number()}"
        self._open.add(query)
        user = {"id": person, "is_bot": False, "first_name": "P"}
        self.bring({"callback_query": {"id": query, "from": user, "message": below, "data": data}})
        return query

    def write(
        self, person: int, text: str, *, chat: int = GROUP, kind: str = "", date: int = 0, **more: Any
    ) -> int:
        """Somebody writes a message; its number."""
        number = self._number()
        self.bring(
            {
                "message": {
                    "message_id": number,
                    "from": {"id": person, "is_bot": False, "first_name": "P"},
                    "chat": {"id": chat, "type": kind or self.chats.get(chat, "private")},
                    "date": date or int(time.time()),
                    "text": text,
                    **more,
                }
            }
        )
        self.chats.setdefault(chat, kind or "private")
        return number

    def bring(self, update: Fields) -> None:
        self.waiting.append({"update_id": self._number(), **update})
        self.news.set()

    # ---------------------------------------------------------------- the server

    async def handle(self, request: web.Request) -> web.Response:
        if self.page is not None:
            return self.page
        try:
            method = _method(request)
            fields = await _fields(request)
            self.calls.append((method, fields))
            if method in self.hangs:
                await asyncio.Event().wait()
            if scripted := self.answers.get(method):
                status, body = scripted.pop(0)
                return web.json_response(body, status=status)
            _known(method, fields)
            result = await getattr(self, f"_{_snake(method)}")(fields)
            return web.json_response({"ok": True, "result": result})
        except RefusedError as error:
            self.wrong.append(str(error))
            body = {"ok": False, "error_code": error.status, "description": str(error)}
            if error.parameters:
                body["parameters"] = error.parameters
            return web.json_response(body, status=error.status)
        finally:
            self.happened.set()

    async def _get_me(self, _: Fields) -> Fields:
        return {"id": 123456, "is_bot": True, "first_name": "watch", "username": BOT}

    async def _get_updates(self, asked: Fields) -> list[Fields]:
        if self.webhook:
            words = (
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook"
            )
            raise RefusedError(409, f"Conflict: {words} first")
        if self._poll is not None:
            self._poll.set()  # the earlier one is thrown out
        mine = self._poll = asyncio.Event()
        offset = asked.get("offset") or 0
        self.confirmed += [each for each in self.waiting if each["update_id"] < offset]
        self.waiting = [each for each in self.waiting if each["update_id"] >= offset]
        self.happened.set()
        if not self.waiting and asked.get("timeout"):
            self.news.clear()
            waits = [asyncio.create_task(each.wait()) for each in (self.news, mine)]
            await asyncio.wait(waits, timeout=asked["timeout"], return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
        if mine.is_set():
            words = "terminated by other getUpdates request; make sure that only one bot instance is running"
            raise RefusedError(409, f"Conflict: {words}")
        self._poll = None
        allowed = asked.get("allowed_updates") or ["message", "callback_query"]
        found = [each for each in self.waiting if any(name in each for name in allowed) or len(each) == 1]
        return found[: asked.get("limit") or 100]

    async def _send_message(self, given: Fields) -> Fields:
        text = _read(given, "text", 4096, "message is too long")
        if not text:
            raise RefusedError(400, "Bad Request: message text is empty")
        return self._keep({**given, "text": text})

    async def _send_photo(self, given: Fields) -> Fields:
        if not isinstance(given.get("photo"), bytes) or not given["photo"]:
            raise RefusedError(400, "Bad Request: there is no photo in the request")
        if not self.takes_pictures:
            raise RefusedError(400, "Bad Request: not enough rights to send photos to the chat")
        return self._keep({**given, "caption": _read(given, "caption", 1024, "message caption is too long")})

    async def _send_document(self, given: Fields) -> Fields:
        if not isinstance(given.get("document"), bytes):
            raise RefusedError(400, "Bad Request: there is no document in the request")
        return self._keep(given)

    async def _edit_message_reply_markup(self, given: Fields) -> Fields:
        receipt = f"{given.get('chat_id')}:{given.get('message_id')}"
        if receipt not in self.sent:
            raise RefusedError(400, "Bad Request: message to edit not found")
        markup = given.get("reply_markup")
        _check_markup(markup)
        if markup == self.sent[receipt].get("reply_markup"):
            raise RefusedError(400, "Bad Request: message is not modified")
        self.sent[receipt]["reply_markup"] = markup
        return self._message(receipt)

    async def _answer_callback_query(self, given: Fields) -> bool:
        if given.get("callback_query_id") not in self._open:
            words = "query is too old and response timeout expired or query ID is invalid"
            raise RefusedError(400, f"Bad Request: {words}")
        if len(given.get("text") or "") > 200:
            raise RefusedError(400, "Bad Request: MESSAGE_TOO_LONG")
        self._open.discard(given["callback_query_id"])
        self.toasts.append(given)
        return True

    # ---------------------------------------------------------------- what it holds a message against

    def _keep(self, given: Fields) -> Fields:
        chat = self._chat(given.get("chat_id"))
        if chat in self.moved:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise RefusedError(400, words, migrate_to_chat_id=self.moved[chat])
        topic = given.get("message_thread_id")
        if topic is not None and topic not in self.topics:
            raise RefusedError(400, "Bad Request: message thread not found")
        reply = given.get("reply_parameters")
        if reply is not None:
            _must(isinstance(reply, dict) and isinstance(reply.get("message_id"), int), "reply_parameters")
            here = f"{chat}:{reply['message_id']}"
            if here not in self.sent and not reply.get("allow_sending_without_reply"):
                raise RefusedError(400, "Bad Request: message to be replied not found")
        _check_markup(given.get("reply_markup"))
        preview = given.get("link_preview_options")
        _must(preview is None or isinstance(preview, dict), "link_preview_options")
        receipt = f"{chat}:{self._number()}"
        self.sent[receipt] = given
        return self._message(receipt)

    def _chat(self, identity: Any) -> int:
        if identity in (None, ""):
            raise RefusedError(400, "Bad Request: chat_id is empty")
        text = str(identity)
        chat = self.names.get(text, 0) if text.startswith("@") else int(text)
        if chat not in self.chats and chat not in self.moved:
            raise RefusedError(400, "Bad Request: chat not found")
        if self.chats.get(chat) == "kicked":
            raise RefusedError(403, "Forbidden: bot was kicked from the supergroup chat")
        return chat

    def _message(self, receipt: str) -> Fields:
        chat, _, message = receipt.partition(":")
        return {
            "message_id": int(message),
            "date": 1772366400,
            "chat": {"id": int(chat), "type": self.chats.get(int(chat), "supergroup")},
        }

    def _number(self) -> int:
        self._next += 1
        return self._next


def _method(request: web.Request) -> str:
    """What is called, by whom it may be."""
    found = re.fullmatch(r"/bot([0-9]+:[A-Za-z0-9_-]{20,})/([A-Za-z]+)", request.path)
    if found is None or request.method != "POST" or found[2] not in _TAKES:
        raise RefusedError(404, "Not Found")
    if found[1] != TOKEN:
        raise RefusedError(401, "Unauthorized")
    return found[2]


def _known(method: str, fields: Fields) -> None:
    if unknown := fields.keys() - _TAKES[method]:
        raise RefusedError(400, f"Bad Request: the documentation has no {sorted(unknown)}")


async def _fields(request: web.Request) -> Fields:
    """The fields of a request, in JSON or in parts: there what is no text is JSON."""
    if request.content_type == "application/json":
        found: Fields = await request.json()
        return found
    form = await request.post()
    fields: Fields = {}
    for name, value in form.items():
        if isinstance(value, web.FileField):
            fields[name] = value.file.read()
        elif name in ("caption", "text", "parse_mode"):
            fields[name] = str(value)
        else:
            try:
                fields[name] = json.loads(str(value))
            except ValueError:
                fields[name] = str(value)
    return fields


def _read(given: Fields, name: str, most: int, words: str) -> str:
    """A text as people see it, its markup read strictly."""
    text = given.get(name) or ""
    _must(isinstance(text, str), name)
    mode = given.get("parse_mode")
    _must(mode in (None, "HTML"), "parse_mode")
    shown = parse_html(text) if mode == "HTML" else text
    if len(shown.encode("utf-16-le")) // 2 > most:
        raise RefusedError(400, f"Bad Request: {words}")
    return shown.strip()


def parse_html(text: str) -> str:
    """What is seen of a text in Telegram's HTML; refused as its parser does."""
    shown: list[str] = []
    opened: list[str] = []
    at = 0
    for tag in re.finditer(r"<(/?)([^\s>]*)([^>]*)(>?)", text):
        before = len(text[: tag.start()].encode())
        shown.append(_entities(text[at : tag.start()]))
        at, name = tag.end(), tag[2].lower()
        if not tag[4]:
            raise RefusedError(
                400, f"Bad Request: can't parse entities: Unclosed start tag at byte offset {before}"
            )
        if tag[1]:
            if not opened or opened.pop() != name:
                words = f"Unexpected end tag at byte offset {before}"
                raise RefusedError(400, f"Bad Request: can't parse entities: {words}")
            continue
        if name not in _TAGS:
            words = f'Unsupported start tag "{tag[2]}" at byte offset {before}'
            raise RefusedError(400, f"Bad Request: can't parse entities: {words}")
        opened.append(name)
    if opened:
        words = f'Can\'t find end tag corresponding to start tag "{opened[-1]}"'
        raise RefusedError(400, f"Bad Request: can't parse entities: {words}")
    return "".join([*shown, _entities(text[at:])])


def _entities(text: str) -> str:
    return re.sub(r"&(?:lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);", lambda found: unescape(found[0]), text)


def _check_markup(markup: Any) -> None:
    if markup is None:
        return
    _must(isinstance(markup, dict) and set(markup) == {"inline_keyboard"}, "reply_markup")
    for row in markup["inline_keyboard"]:
        _must(isinstance(row, list) and 0 < len(row) <= 8, "reply_markup row")
        for button in row:
            _must(isinstance(button, dict) and len(button) == 2, "reply_markup button")
            if not button.get("text"):
                raise RefusedError(400, "Bad Request: inline keyboard button text must be non-empty")
            if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= 64:
                raise RefusedError(400, "Bad Request: BUTTON_DATA_INVALID")
            if "url" in button and not _is_link(button["url"]):
                words = f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL"
                raise RefusedError(400, f"Bad Request: {words}")


def _is_link(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "tg") and "." in (parts.hostname or "")


def _must(condition: bool, what: str) -> None:
    if not condition:
        raise RefusedError(400, f"Bad Request: {what} is not as documented")


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name)


@asynccontextmanager
async def telegram_server(**words: Any) -> AsyncIterator[TelegramServer]:
    """The server at work."""
    server = TelegramServer(**words)
    app = web.Application(client_max_size=20_000_000)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", server.port)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()
