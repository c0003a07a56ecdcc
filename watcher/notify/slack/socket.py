"""Socket mode of Slack: presses and commands over a connection that is made from here, with no open port.

Own code over aiohttp: the library's client tries again for ever whatever the cause, logs the address, which
is secret, and ends its tasks only when asked to. Facts are from
https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import DecodeError, Struct, ValidationError, convert, field
from msgspec.json import decode
from pydantic import SecretStr

from watcher.domain.messages.presentation import Display
from watcher.domain.records import Record
from watcher.domain.values.errors import InputError
from watcher.notify.markup import plain
from watcher.notify.refusals import ServiceRefusal
from watcher.notify.slack.api import SlackApi
from watcher.notify.slack.blocks import said_plainly
from watcher.ports.chat import BotError, ChatAnswer, Ear, Said
from watcher.system.http_client import aiohttp

log = logging.getLogger(__name__)

IN_TIME = 2.0
"""Seconds after which an envelope is confirmed although its effect is not done: Slack waits for three."""

HEARTBEAT = 30.0
"""Seconds between two looks whether the other end is still there; it ends a connection that is not."""

SHORTEST = 10.0
"""Seconds that a connection must last before Slack may ask for a new one at once."""

QUIET = 30.0
"""Seconds of silence after which a connection that still stands is said to be one."""

MOST_AT_ONCE = 20
"""Envelopes under way; the next one is read when one of them is done."""

LARGEST = 1_000_000
"""Bytes of an envelope; the message under a button is in it."""

_MENTION = re.compile(r"\s*<@[UW][A-Z0-9]+(?:\|[^>]*)?>\s*")
_COMMAND = re.compile(r"(?<!\S)/(?=[a-z]+\b)")
_PLANNED = frozenset({"warning", "refresh_requested"})


class _Envelope(Struct):
    type: str = ""
    reason: str = ""
    envelope_id: str = ""
    accepts_response_payload: bool = False
    payload: dict[str, Any] = field(default_factory=dict)


class _Named(Struct):
    id: str


class _Action(Struct):
    value: str = ""


class _Press(Struct):
    type: Literal["block_actions"]
    user: _Named
    channel: _Named
    actions: tuple[_Action, ...]


class _Command(Struct):
    command: str
    user_id: str
    channel_id: str
    text: str = ""


class _Event(Struct):
    type: Literal["message", "app_mention"]
    user: str
    channel: str
    text: str
    ts: str
    channel_type: str = ""
    subtype: str = ""
    bot_id: str = ""
    thread_ts: str = ""


class _Message(Struct):
    event: _Event


class _Heard(Record, frozen=True):
    """What was said, and where an answer goes."""

    said: Said
    channel: str
    thread: str = ""
    direct: bool = False
    """Whether nobody but this person reads there."""
    begins: str = ""
    """How a command begins where this was said; after a button nothing tells."""


class SlackSocket:
    """What one app hears. A connection is made anew when Slack asks for it, which it does every few hours."""

    def __init__(
        self, api: SlackApi, app_token: SecretStr, display: Display, shortest: float = SHORTEST
    ) -> None:
        self._api, self._token = api, app_token
        self._display, self._shortest = display, shortest

    async def hear(self, ear: Ear) -> None:
        """Hand on what people press and write. BotError if Slack cannot be listened to."""
        clock = asyncio.get_running_loop()
        while True:
            url, began = await self._address(), clock.time()
            try:
                async with self._api.session.ws_connect(
                    url,
                    proxy=self._api.proxy(),
                    heartbeat=HEARTBEAT,
                    max_msg_size=LARGEST,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                ) as socket:
                    await self._until_renewed(socket, ear)
            except aiohttp.WSServerHandshakeError as error:
                raise BotError(f"Slack opened no connection: HTTP {error.status}") from None
            except (aiohttp.ClientError, OSError, InputError) as error:
                raise BotError(self._api.words(self._api.no_answer(error))) from None
            if clock.time() - began < self._shortest:
                raise BotError("Slack ended a connection that it had only just made")

    async def _address(self) -> str:
        """Where to connect: an address that is good for one connection, and secret."""
        answer = await self._api.call("apps.connections.open", {"token": self._token.get_secret_value()})
        if isinstance(answer, ServiceRefusal):
            raise BotError(_advised(self._api.words(answer)), answer.retry_after)
        url = str(answer.get("url", ""))
        if not url.startswith(("wss://", "ws://")):
            raise BotError("Slack named no address to connect to")
        return url

    async def _until_renewed(self, socket: aiohttp.ClientWebSocketResponse[bool], ear: Ear) -> None:
        """Take what comes until Slack asks for a new connection; what was begun is brought to its end."""
        room, one_after_another = asyncio.Semaphore(MOST_AT_ONCE), asyncio.Lock()

        async def take(envelope: _Envelope) -> None:
            try:
                await self._one(socket, envelope, ear, one_after_another)
            finally:
                room.release()

        trouble: BotError | None = None
        async with asyncio.TaskGroup() as group:
            try:
                while (envelope := await _next(socket, ear)) is not None:
                    await room.acquire()
                    group.create_task(take(envelope))
            except BotError as error:
                trouble = error
        if trouble is not None:
            raise trouble

    async def _one(
        self,
        socket: aiohttp.ClientWebSocketResponse[bool],
        envelope: _Envelope,
        ear: Ear,
        one_after_another: asyncio.Lock,
    ) -> None:
        """One envelope, confirmed when its effect is done, or when Slack will wait no longer."""

        async def judged(heard: _Heard) -> ChatAnswer | None:
            async with one_after_another:
                return await ear.hear(heard.said)

        heard, answer, told = _heard(envelope), None, False
        async with asyncio.TaskGroup() as group:
            work = group.create_task(judged(heard)) if heard is not None else None
            if work is not None:
                await asyncio.wait({work}, timeout=IN_TIME)
                answer = work.result() if work.done() else None
            payload: dict[str, Any] = {}
            if (
                heard is not None
                and answer is not None
                and envelope.accepts_response_payload
                and envelope.type == "slash_commands"
            ):
                payload = {
                    "payload": {"response_type": "ephemeral", **said_plainly(self._shown(heard, answer))}
                }
                told = True
            with suppress(ConnectionError):  # Slack brings it again, to the next connection
                await socket.send_json({"envelope_id": envelope.envelope_id, **payload})
            answer = await work if work is not None else None
        if heard is not None and answer is not None and not told:
            await self._answer(heard, answer)

    async def _answer(self, heard: _Heard, answer: ChatAnswer) -> None:
        """Say it to the person alone. What was done is done, whether or not it can be said."""
        message: dict[str, Any] = {**said_plainly(self._shown(heard, answer)), "channel": heard.channel}
        if heard.thread:
            message["thread_ts"] = heard.thread
        if heard.direct:
            found = await self._api.call("chat.postMessage", message)
        else:
            found = await self._api.call("chat.postEphemeral", {**message, "user": heard.said.person})
        if isinstance(found, ServiceRefusal):
            log.info("an answer in Slack was not taken: %s", self._api.words(found))

    def _shown(self, heard: _Heard, answer: ChatAnswer) -> str:
        """An answer with commands as they are written here, where `/alerts` alone is one of Slack's."""
        lines = (_COMMAND.sub(heard.begins, line) for line in answer.text.splitlines())
        return "\n".join(map(self._display.localised, lines))


async def _next(socket: aiohttp.ClientWebSocketResponse[bool], ear: Ear) -> _Envelope | None:
    """The next envelope that wants to be confirmed; None when Slack asks for a new connection."""
    while True:
        try:
            message: Any = await socket.receive(QUIET)
        except TimeoutError:
            ear.connected()
            continue
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise BotError("Slack broke the connection")
        ear.connected()
        try:
            envelope = decode(message.data, type=_Envelope)
        except DecodeError:
            log.debug("an envelope of Slack is not read: it has another form")
            continue
        if envelope.type == "disconnect":
            if envelope.reason in _PLANNED:
                return None
            raise BotError(_ended(envelope.reason))
        if envelope.envelope_id:
            return envelope


def _heard(envelope: _Envelope) -> _Heard | None:
    """What an envelope says; None if it is nothing that is listened to."""
    with suppress(ValidationError):
        if envelope.type == "interactive":
            press = convert(envelope.payload, _Press)
            says = press.actions[0].value if press.actions else ""
            return _Heard(Said(press.user.id, says, pressed=True), press.channel.id) if says else None
        if envelope.type == "slash_commands":
            command = convert(envelope.payload, _Command)
            said = Said(command.user_id, _command(command.text))
            return _Heard(said, command.channel_id, begins=f"{command.command} ")
        if envelope.type == "events_api":
            return _written(convert(envelope.payload, _Message).event)
    return None


def _written(event: _Event) -> _Heard | None:
    """A message to the bot: in a conversation with it alone, or one that names it."""
    direct = event.channel_type == "im"
    if event.bot_id or event.subtype or not (direct or event.type == "app_mention"):
        return None
    at = None
    with suppress(ValueError, OverflowError, OSError):
        at = datetime.fromtimestamp(float(event.ts), UTC)
    said = Said(event.user, _command(_MENTION.sub(" ", event.text)), at=at)
    return _Heard(said, event.channel, event.thread_ts, direct)


def _command(text: str) -> str:
    """What is written to the bot, as a command; Slack writes three characters as entities."""
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return f"/{text.strip().removeprefix('/') or 'help'}"


def _ended(reason: str) -> str:
    if reason == "link_disabled":
        return "socket mode is turned off: turn it on under Socket Mode of your app"
    return f"Slack ended the connection: {plain(reason)[:60] or 'no reason'}"


def _advised(words: str) -> str:
    """What Slack says, with what to do about it."""
    if "not_allowed_token_type" in words or "invalid_auth" in words:
        return f"{words}: app_token must be a token of the app, which begins with xapp-"
    if "missing_scope" in words:
        return f"{words}: the app_token needs the scope connections:write"
    return words
