"""Notifications through apprise: Slack, e-mail, Telegram and a hundred more, one URL a channel."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import apprise
from pydantic import SecretStr

from watcher.domain.messages.delivery import Delivery, Fault, NotSent, SendResult, Sent
from watcher.domain.messages.message import Severity
from watcher.domain.model import EMPTY
from watcher.domain.records import Record, field, replace
from watcher.domain.values.errors import InputError
from watcher.domain.values.text import clean
from watcher.notify.apprise import http_outcome, plugins
from watcher.notify.apprise.incidents import IncidentTracker
from watcher.notify.apprise.mail import MailLook, by_mail, is_plain_mail
from watcher.notify.apprise.sending import SendAttempt, attached, follow, through_plugin, without_bells
from watcher.notify.apprise.taps import TapSetter
from watcher.notify.apprise.urgency import UrgencySetter, service_of
from watcher.notify.apprise.urls import NO_SCHEME, query_of, scheme_of, secrets_of
from watcher.notify.files import files_for, making
from watcher.notify.markup import HTML, PLAIN, STYLES, Rendered, Space, Style, render
from watcher.notify.notice import tone
from watcher.notify.urgency import Urgency
from watcher.ports.channel import PLAINLY, UNGROUPED, Attachment, Presentation

LONGEST_DETAIL = 300
"""Characters of what a service says that are kept."""

MOST_FEW_WORDS = 500
"""Characters of a message that goes without its facts."""

HUNG_PATIENCE = 5
"""Timeouts that a hung send is waited for before another one starts beside it."""

MOST_ABANDONED = 3
"""Hung sends of one channel that may lie about; with so many, nothing more is started."""

_OWN_MACHINES = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises", "syslog"})
_PROGRAMS = _OWN_MACHINES | {"rsyslog", "mqtt", "mqtts", "amqp", "amqps"}
_LOUD = ("apprise", "requests", "urllib3", "urllib3.connectionpool", "smtplib")


class _Sending(Record):
    """One send in its thread: of what, when it began, whether it came back, and with what."""

    ids: frozenset[str]
    began: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)
    attempt: SendAttempt = field(default_factory=SendAttempt)
    result: SendResult | None = None
    late: bool = False
    """Nobody waited for the result any more."""


class _Target(Record, frozen=True):
    """A URL loaded: apprise's object, and what is set on its plugin before each send."""

    apprise: apprise.Apprise
    urgency: UrgencySetter
    incidents: IncidentTracker | None
    taps: TapSetter

    @property
    def plugin(self) -> Any:
        return self.apprise[0]


class AppriseChannel:
    """Channel to one service, reached from a thread of its own.

    The thread is a daemon: a service that hangs holds neither the event loop nor another channel
    nor the end of the process. apprise's own pools, shared by all services, are not used: a call
    without a timeout of apprise's runs in the thread that makes it.
    """

    def __init__(
        self,
        name: str,
        url: SecretStr,
        timeout: float,
        proxy: SecretStr | None = None,
        shown: Presentation = PLAINLY,
        priority: Mapping[Severity, Urgency] = EMPTY,
    ) -> None:
        """`timeout` in seconds; `shown`: how messages are shown; `priority`: as its settings name it.

        ValueError, without the URL in it, if apprise does not take the URL.
        """
        self.name = name
        self._url = url
        self._timeout = timeout
        self._moved: dict[str, str] = {}
        self._proxy = proxy.get_secret_value() if proxy is not None else None
        http_outcome.install()
        _quieten()
        self._priority = priority
        self._target = self._open()
        self._current: _Sending | None = None
        self._abandoned: list[_Sending] = []
        self._shown = shown if self.takes_pictures else replace(shown, attach=None)

    @property
    def _apprise(self) -> apprise.Apprise:
        return self._target.apprise

    @property
    def takes_pictures(self) -> bool:
        return bool(self._apprise[0].attachment_support)

    @property
    def rings(self) -> bool | None:
        """Whether the service can tell the urgent from the rest; None for a program."""
        return None if scheme_of(self._url) in _PROGRAMS else service_of(self._target.plugin) is not None

    def loudness(self, deliveries: Sequence[Delivery]) -> str:
        """What the service is told of how urgent deliveries are, for people."""
        incident = ", opens an incident" if self._target.incidents is not None else ""
        return self._target.urgency.words(deliveries) + incident

    @property
    def burst(self) -> int:
        """So many notifications may go out one after another; more are merged into one.

        A plugin sleeps `request_rate_per_sec` (seconds, despite its name) between two messages.
        """
        service = self._apprise[0]
        if self._target.incidents is not None:
            return UNGROUPED
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
        late = self._came_late(deliveries)
        if late is not None and isinstance(late.result, Sent):
            self._current = None  # whoever wants it sent once more, gets that
            return late.result
        loop = asyncio.get_running_loop()
        done: asyncio.Future[SendResult] = loop.create_future()

        def settle(result: SendResult) -> None:
            if not done.done():
                done.set_result(result)

        first = deliveries[0]
        delivered = set(late.attempt.delivered) if late is not None else set()
        attempt = SendAttempt(first.delivered_to, first.only, delivered=delivered)
        sending = self._current = _Sending(frozenset(each.id for each in deliveries), attempt=attempt)

        def work(target: _Target = self._target) -> None:
            result = sending.result = self._notify(target, deliveries, sending.attempt)
            sending.over.set()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result)

        threading.Thread(target=work, name=f"channel {self.name}", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience(deliveries)):
                return await done
        except TimeoutError:
            sending.late = True
            words = f"no answer within {self._timeout:g} s; it may have arrived"
            return NotSent(words, maybe_sent=True, delivered_to=frozenset(sending.attempt.delivered))

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back what was learnt in an earlier run: the new ids of chats."""
        self._moved |= {name[5:]: new for name, new in facts.items() if name.startswith("chat ")}
        follow(self._apprise[0], self._moved)

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
        self._target = self._open()
        return None

    def _came_late(self, deliveries: Sequence[Delivery]) -> _Sending | None:
        """The send before, if it was of the same and came back after its time: who took it then, has it."""
        before = self._current
        if before is None or not before.late or not before.ids.issuperset(each.id for each in deliveries):
            return None
        return before

    def _open(self) -> _Target:
        """A fresh object with the URL loaded, which also loads the plugin's code."""
        scheme = scheme_of(self._url)
        url = self._url.get_secret_value().strip()
        asset = apprise.AppriseAsset(
            app_id="watcher", app_desc="watcher", app_url="", image_url_mask="", image_url_logo="",
            service_timeout=0, storage_mode="memory", http_redirects=False, allow_templates=False,
            interpret_emojis=False, secure_logging=True,
        )  # fmt: skip
        target = apprise.Apprise(asset=asset)
        query = query_of(url, scheme)
        if query.get("optional", "no") not in {"no", "false", "0", "off", ""}:
            raise InputError(f"the {scheme} URL has optional=yes: a failure would pass for a success")
        plugins.load(scheme)
        if not target.add(url):
            plugins.load_all()
        if not target and scheme == NO_SCHEME:
            raise InputError("the URL has no scheme, as slack:// is one", plugins.advice(scheme))
        if not target and not target.add(url):
            raise InputError(f"apprise does not take this {scheme} URL", plugins.advice(scheme))
        if len(target) != 1 and sum(1 for _ in target) != 1:
            raise InputError("more than one URL", "give each its own channel")
        service = target[0]
        if self._proxy is not None and not plugins.over_http(service):
            raise InputError(f"{scheme} goes through no HTTP proxy", "leave proxy out", ("proxy",))
        self._adapt(service, query)
        follow(service, self._moved)
        urgency = UrgencySetter(service, query, self._priority)
        taps = TapSetter(service)
        return _Target(target, urgency, IncidentTracker.of(service, query, urgency), taps)

    def _adapt(self, service: Any, query: Mapping[str, str]) -> None:
        """Take from the plugin what is ours to decide, unless the URL says otherwise."""
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

    def _notify(self, target: _Target, deliveries: Sequence[Delivery], attempt: SendAttempt) -> SendResult:
        """In the channel's thread: render, send, and tell what came of it, without secrets."""
        with http_outcome.observing(self._proxy) as outcome:
            try:
                service = target.plugin
                style = STYLES[service.resolve_format(plugins.preferred_format(service)).value]
                ask = partial(self._ask, target, style, outcome)
                target.urgency.set(deliveries)
                if is_plain_mail(service):
                    look = MailLook(self.name, style is HTML, self._shown)
                    files = files_for(deliveries, self._shown)
                    result = by_mail(service, deliveries, look, files, attempt)
                elif target.incidents is not None:
                    result = target.incidents.tell(deliveries, attempt, ask)
                else:
                    result = ask(deliveries, attempt)
            except Exception as error:  # noqa: BLE001 (top of this thread; a plugin may raise anything)
                return NotSent(f"the plugin failed: {type(error).__name__}", maybe_sent=True)
        self._moved |= {name[5:]: new for name, new in result.facts.items()}
        remarks = {name: self._mask(words, service) for name, words in result.remarks.items()}
        if isinstance(result, Sent):
            return replace(result, remarks=remarks)
        return replace(result, remarks=remarks, detail=self._mask(result.detail, service))

    def _ask(
        self,
        target: _Target,
        style: Style,
        outcome: http_outcome.HttpOutcome,
        deliveries: Sequence[Delivery],
        attempt: SendAttempt,
    ) -> SendResult:
        """Result of one message through the plugin."""
        service = target.plugin
        target.taps.set(deliveries, self._shown)
        shown = render(deliveries, style, plugins.space_of(service, style.name), self._shown)
        call = partial(_call, target.apprise, shown, tone(deliveries), style.name)
        files = without_bells(service, files_for(deliveries, self._shown))
        result = through_plugin(service, call, files, attempt, outcome)
        if isinstance(result, NotSent) and result.fault is Fault.MESSAGE and len(deliveries) == 1:
            return _in_few_words(target.apprise, deliveries[0], result, attempt, outcome)
        return result

    def _patience(self, deliveries: Sequence[Delivery]) -> float:
        """Seconds for one notification, with the pauses that the plugin makes between its requests."""
        requests = self._target.incidents.requests(deliveries) if self._target.incidents else 1
        pause = max(self._apprise[0].request_rate_per_sec, 0)
        return (self._timeout + pause) * requests + making(deliveries, self._shown)

    def _mask(self, text: str, service: Any) -> str:
        """Words of a service: one line, not long, and of the URL nothing but recipients and the host."""
        secrets = secrets_of(self._url.get_secret_value())
        if hasattr(service, "smtp_host"):
            # Whoever runs the daemon must see which mailbox is dead, and which server says so.
            headers = self._target.urgency.headers
            hidden = {str(service.password or ""), *map(str, headers.values())}
            secrets = [
                each for each in secrets if any(each in text or text in each for text in hidden if text)
            ]
        shown = plugins.public_parts(service) | self._moved.keys()
        for secret in secrets:
            if secret not in shown:
                text = text.replace(secret, "***")
        return clean(text)[:LONGEST_DETAIL]


def _in_few_words(
    target: apprise.Apprise,
    delivery: Delivery,
    result: NotSent,
    attempt: SendAttempt,
    outcome: http_outcome.HttpOutcome,
) -> SendResult:
    """What is refused as it is may be taken as its title alone, in plain text: an alert must not be lost
    for its form."""
    bare = replace(delivery, message=replace(delivery.message, facts=()))
    service = target[0]
    shown = render([bare], PLAIN, Space(MOST_FEW_WORDS, min(service.title_maxlen, MOST_FEW_WORDS)))
    outcome.refusals.clear()
    call = partial(_call, target, shown, tone([bare]), PLAIN.name)
    again = through_plugin(service, call, (), attempt, outcome)
    if isinstance(again, NotSent):
        return result
    return replace(
        again, remarks={**again.remarks, "form": f"a message went without its facts: {result.detail}"}
    )


def _call(
    target: apprise.Apprise, shown: Rendered, kind: str, style: str, files: Sequence[Attachment]
) -> Any:
    return target.notify(
        body=shown.body,
        title=shown.title,
        notify_type=apprise.NotifyType(kind),
        body_format=apprise.NotifyFormat(style),
        attach=attached(files),
    )


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
