"""Notifications through apprise: Slack, e-mail, Telegram and a hundred more, one URL a channel."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit

import apprise
from apprise.attachment.memory import AttachMemory
from pydantic import AfterValidator, BeforeValidator, SecretStr

from watcher.domain.delivery import Delivery, NotSent, SendResult, Sent
from watcher.domain.duration import parse_duration
from watcher.notify import _hearing, _plugins
from watcher.notify._common import ChannelSettings, scheme_of, secrets_of
from watcher.notify.markup import HTML, MARKDOWN, PLAIN, STYLES, Rendered, Space, clean, render, tone
from watcher.ports import Draw

PERMANENT = frozenset({400, 413, 422})
"""HTTP answers that are about the message itself: it has no better chance later.

A refused key or address (401, 403, 404) is the channel's trouble, which people mend: it is tried for a day.
"""

DRAWING = 2.5
"""Seconds that pictures may take at most, beside what the service may take."""

HUNG_PATIENCE = 5
"""Timeouts that a hung send is waited for before another one starts beside it."""

MOST_ABANDONED = 3
"""Hung sends of one channel that may lie about; with so many, nothing more is started."""

_OWN_MACHINES = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises", "syslog"})
_MEMORY: Any = AttachMemory
_LOUD = ("apprise", "requests", "urllib3", "urllib3.connectionpool", "smtplib")


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _no_bare_number(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError("is a bare number; write a duration such as 30s")  # noqa: TRY004 (pydantic's contract)
    return value


def _a_while(value: timedelta) -> timedelta:
    if not timedelta(seconds=0.1) <= value <= timedelta(minutes=10):
        raise ValueError("must be between 0.1s and 10m")
    return value


class AppriseSettings(ChannelSettings):
    """One apprise URL. `timeout`: how long one message may take before it is tried again."""

    kind: Literal["apprise"] = "apprise"
    url: SecretStr
    pictures: bool = False
    """Whether a chart goes with each alert (extra `charts`), where the service takes attachments."""
    timeout: Annotated[
        timedelta, AfterValidator(_a_while), BeforeValidator(_duration), BeforeValidator(_no_bare_number)
    ] = timedelta(seconds=30)

    def build(self, name: str) -> AppriseChannel:
        """ValueError, without the URL in it, if apprise does not take the URL."""
        return AppriseChannel(name, self.url, self.timeout.total_seconds())


@dataclass(slots=True)
class _Sending:
    """One send in its thread: when it began, and whether it came back."""

    began: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)


class AppriseChannel:
    """One service, reached from a thread of its own.

    The thread is a daemon: a service that hangs holds neither the event loop nor another channel
    nor the end of the process. apprise's own pools, shared by all services, are not used: a call
    without a timeout of apprise's runs in the thread that makes it.
    """

    def __init__(self, name: str, url: SecretStr, timeout: float) -> None:
        self.name = name
        self._url = url
        self._timeout = timeout
        self._secrets = secrets_of(url.get_secret_value())
        _hearing.install()
        _quieten()
        self._apprise = self._open()
        self._current: _Sending | None = None
        self._abandoned: list[_Sending] = []
        self.draw: Draw | None = None
        """Who draws the pictures; set by those who build the channel."""

    @property
    def takes_pictures(self) -> bool:
        return bool(self._apprise[0].attachment_support)

    @property
    def burst(self) -> int:
        """So many notifications may go out one after another; more are merged into one.

        A plugin sleeps `request_rate_per_sec` (seconds, despite its name) between two messages.
        """
        service = self._apprise[0]
        if service.request_rate_per_sec <= 0 and scheme_of(self._url) in _OWN_MACHINES:
            return 1000
        return 3 if service.request_rate_per_sec <= 1.5 else 1

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        """One notification. An answer that does not come in time may still have been a success.

        The plugin's own pause between two messages is not counted against the service.
        """
        busy = self._make_way()
        if busy:
            return busy
        loop = asyncio.get_running_loop()
        done: asyncio.Future[SendResult] = loop.create_future()

        def settle(result: SendResult) -> None:
            if not done.done():
                done.set_result(result)

        sending = self._current = _Sending()

        def work(target: apprise.Apprise = self._apprise) -> None:
            result = self._notify(target, deliveries)
            sending.over.set()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result)

        threading.Thread(target=work, name=f"channel {self.name}", daemon=True).start()
        try:
            pause = max(self._apprise[0].request_rate_per_sec, 0)
            async with asyncio.timeout(self._timeout + pause + (DRAWING if self.draw else 0)):
                return await done
        except TimeoutError:
            return NotSent(f"no answer within {self._timeout:g} s; it may have arrived", maybe_sent=True)

    async def close(self) -> None:
        """Threads are daemons: nothing waits for a send that hangs."""

    def _make_way(self) -> NotSent | None:
        """None if a send may start now. After long enough a hung one is left behind."""
        if self._current is None or self._current.over.is_set():
            return None
        self._abandoned = [each for each in self._abandoned if not each.over.is_set()]
        hung = time.monotonic() - self._current.began
        if hung < HUNG_PATIENCE * self._timeout:
            return NotSent(f"the message before is under way for {hung:.0f} s and has not come back")
        if len(self._abandoned) >= MOST_ABANDONED:
            return NotSent(f"{len(self._abandoned) + 1} messages hang; nothing is sent until one comes back")
        self._abandoned.append(self._current)
        self._current = None
        self._apprise = self._open()
        return None

    def _open(self) -> apprise.Apprise:
        """A fresh object with the URL loaded, which also loads the plugin's code."""
        scheme = scheme_of(self._url)
        url = self._url.get_secret_value().strip()
        asset = apprise.AppriseAsset(
            app_id="watcher", app_desc="watcher", app_url="", image_url_mask="", image_url_logo="",
            service_timeout=0, storage_mode="memory", http_redirects=False, allow_templates=False,
            interpret_emojis=False, secure_logging=True,
        )  # fmt: skip
        target = apprise.Apprise(asset=asset)
        query = {key.lower(): value.lower() for key, value in parse_qsl(urlsplit(url).query)}
        if query.get("optional", "no") not in {"no", "false", "0", "off", ""}:
            raise ValueError(f"the {scheme} URL has optional=yes: a failure would pass for a success")
        _plugins.load(scheme)
        if not target.add(url):
            _plugins.load_all()
        if not target and not target.add(url):
            raise ValueError(f"apprise does not take this {scheme} URL; see its page on {scheme}")
        if len(target) != 1 and sum(1 for _ in target) != 1:
            raise ValueError("more than one URL; give each its own channel")
        service = target[0]
        service.retry = 0  # repeats are the deliverer's, and only its
        service.optional = False
        service.redirects = False
        if hasattr(service, "markdown_ver") and "mdv" not in query:
            # Telegram's older Markdown knows no escapes inside bold text; the newer one is exact.
            service.markdown_ver = "MarkdownV2"
        if getattr(service, "use_blocks", False):
            # Slack takes 3,000 characters in a section and 150 in a header; apprise counts to 35,000.
            service.title_maxlen, service.body_maxlen = 0, 3000
        if "rto" not in query:
            service.socket_read_timeout = self._timeout * 0.8
        if "cto" not in query:
            service.socket_connect_timeout = min(15.0, self._timeout * 0.8)
        return target

    def _notify(self, target: apprise.Apprise, deliveries: Sequence[Delivery]) -> SendResult:
        """In the channel's thread: render, send, and tell what came of it."""
        with _hearing.listening() as heard:
            try:
                service = target[0]
                style = STYLES[service.resolve_format(_preferred(service)).value]
                shown = render(deliveries, style, _space(service, style.name))
                result = _call(target, shown, tone(deliveries), style.name, self._pictures(deliveries))
            except Exception as error:  # noqa: BLE001 (top of this thread; a plugin may raise anything)
                return NotSent(f"the plugin failed: {type(error).__name__}", maybe_sent=True)
        if result.status == apprise.AppriseResultStatus.SUCCESS:
            return Sent()
        return self._refused(result, heard)

    def _pictures(self, deliveries: Sequence[Delivery]) -> apprise.AppriseAttachment | None:
        """What was not taken with a picture goes without one the next time: it may have been its fault."""
        if self.draw is None or not self.takes_pictures or any(each.attempts for each in deliveries):
            return None
        attached = apprise.AppriseAttachment()
        for number, picture in enumerate(self.draw(deliveries), start=1):
            attached.add(_MEMORY(content=picture, name=f"chart-{number}.png", mimetype="image/png"))
        return attached if len(attached) else None

    def _refused(self, result: Any, heard: _hearing.Heard) -> NotSent:
        if heard.status:
            return NotSent(
                f"the service answered HTTP {heard.status}",
                retry_after=heard.retry_after,
                permanent=heard.status in PERMANENT,
            )
        if heard.fault:
            return NotSent(f"no answer: {heard.fault}", maybe_sent=heard.maybe_sent)
        words = [entry.message for entry in result.logs()]
        return NotSent(self._mask(words[0]) if words else "apprise reports no success and no reason")

    def _mask(self, text: str) -> str:
        """An apprise log line as a detail: no part of the URL, one line, not long."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return clean(text)[:200]


def _call(
    target: apprise.Apprise,
    shown: Rendered,
    kind: str,
    style: str,
    attached: apprise.AppriseAttachment | None,
) -> Any:
    return target.notify(
        body=shown.body,
        title=shown.title,
        notify_type=apprise.NotifyType(kind),
        body_format=apprise.NotifyFormat(style),
        attach=attached,
    )


def _preferred(service: Any) -> str:
    """Markdown for chats, HTML for mail, plain text for the rest and for programs."""
    declared = service.notify_format
    several = [declared] if isinstance(declared, str) else declared
    formats = [str(getattr(each, "value", each)) for each in several]
    if MARKDOWN.name in formats and (HTML.name not in formats or formats[0] != PLAIN.name):
        return MARKDOWN.name
    return HTML.name if formats[0] == HTML.name else PLAIN.name


def _space(service: Any, style: str) -> Space:
    """What the service takes, measured as the plugin will send it, in UTF-16 units as Telegram counts."""

    def measure(text: str) -> int:
        sent = service.dialect_convert(text, apprise.NotifyFormat(style))
        return len(sent.encode("utf-16-le")) // 2

    return Space(total=service.body_maxlen or 32768, title=service.title_maxlen, measure=measure)


def _quieten() -> None:
    """apprise and what it sends with print URLs and payloads on DEBUG, and some on WARNING.

    What they have to say of a failed send is in its result, where it is masked.
    """
    for name in _LOUD:
        logger = logging.getLogger(name)
        if logger.level < logging.WARNING:
            logger.setLevel(logging.WARNING)
    own = logging.getLogger("apprise")
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
