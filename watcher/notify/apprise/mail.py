"""One e-mail to the recipients of an apprise mail URL, over one SMTP connection.

apprise reads the URL; the sending is ours: it says in the server's words who was refused and why, tells
each recipient once, and makes all mails about one alert one thread.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import Any

from watcher.domain.messages.delivery import Delivery, Fault, SendResult, Sent
from watcher.domain.records import Record, field, replace
from watcher.notify.apprise.mail_body import plain_body
from watcher.notify.apprise.mail_html import html_body
from watcher.notify.apprise.mail_message import (
    LONGEST_SUBJECT,
    MailContent,
    MailThread,
    content_id,
    domain_of,
    list_id,
    thread_of,
    written,
)
from watcher.notify.apprise.sending import SendAttempt
from watcher.notify.files import left_out
from watcher.notify.markup import plain
from watcher.notify.notice import Entry, Notice, notice
from watcher.notify.refusals import ServiceRefusal, mail_refusal, unreached
from watcher.ports.channel import Attachment, Presentation, data_url

MOST_BROKEN = 5
"""Connections that break one after another before the rest of a mail waits for the next try."""


class MailOutcome(Record):
    """Recipients who took a mail, and why others did not. An empty name: nobody in particular."""

    delivered: set[str] = field(default_factory=set)
    refusals: dict[str, ServiceRefusal] = field(default_factory=dict)


def recipients(service: Any) -> list[str]:
    """Recipients of the mail, each once."""
    to = [address for _, address in service.targets]
    return list(dict.fromkeys((*to, *sorted(service.cc), *sorted(service.bcc))))


def post(service: Any, content: MailContent, wanted: Callable[[str], bool], outcome: MailOutcome) -> None:
    """Send it to each recipient who is `wanted`; `outcome` is filled in while that goes on.

    Each address in `to` gets a mail of its own, as apprise does it; copies go with the first that can be
    sent. A connection that breaks costs the mail that it carried: the others go over a new one.
    """
    others = [each for each in recipients(service) if each in service.cc | service.bcc and wanted(each)]
    where = f"{service.smtp_host}:{service.port}"
    server: smtplib.SMTP | None = None
    broken = 0
    try:
        for name, address in service.targets:
            rest = [each for each in others if each not in outcome.delivered and each not in outcome.refusals]
            to = list(dict.fromkeys(each for each in (address, *rest) if wanted(each)))
            to = [each for each in to if each not in outcome.delivered]
            if not to or broken == MOST_BROKEN:
                continue
            if server is None or server.sock is None:
                server = _connected(service, where)
            try:
                _deliver(server, service, written(service, content, name, address), to, outcome)
                broken = 0
            except (OSError, smtplib.SMTPException) as error:
                server.close()
                broken += 1
                outcome.refusals[address] = unreached(error, where)
    except _RefusedError as error:
        outcome.refusals[""] = error.refusal
    finally:
        if server is not None and server.sock is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()


class _RefusedError(Exception):
    def __init__(self, refusal: ServiceRefusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


def _connected(service: Any, where: str) -> smtplib.SMTP:
    """A connection that is encrypted and logged in as the URL says; `_RefusedError` says why not."""
    context = ssl.create_default_context()
    if not service.verify_certificate:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    mode, timeout = service.secure_mode, service.socket_connect_timeout
    server: smtplib.SMTP | None = None
    try:
        if mode == "ssl":
            server = smtplib.SMTP_SSL(service.smtp_host, service.port, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(service.smtp_host, service.port, timeout=timeout)
        if mode == "starttls":
            server.starttls(context=context)
        if service.user and service.password:
            server.login(service.user, service.password)
    except (OSError, smtplib.SMTPException) as error:
        if server is not None:
            server.close()
        raise _RefusedError(_not_connected(error, where, mode, begun=server is not None)) from None
    if server.sock is not None:
        # A server may look at a mail for longer than it takes to connect.
        server.sock.settimeout(service.socket_read_timeout)
    return server


def _not_connected(error: Exception, where: str, mode: str, *, begun: bool) -> ServiceRefusal:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return mail_refusal(error.smtp_code, error.smtp_error, "auth")
    if isinstance(error, smtplib.SMTPResponseException):
        return mail_refusal(error.smtp_code, error.smtp_error, "connect")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ServiceRefusal(f"{where}: {error}", Fault.CHANNEL)
    if not begun and mode != "ssl" and isinstance(error, TimeoutError | smtplib.SMTPServerDisconnected):
        hint = " (a port that wants TLS from the start needs mode=ssl)" if mode == "starttls" else ""
        return ServiceRefusal(f"{where}: no greeting from a mail server{hint}")
    found = unreached(error, where)
    hint = (
        " from the start; mode=starttls may be meant"
        if mode == "ssl" and "speaks no TLS" in found.words
        else ""
    )
    return ServiceRefusal(found.words + hint, found.fault)


def _deliver(
    server: smtplib.SMTP, service: Any, mail: EmailMessage, to: Sequence[str], outcome: MailOutcome
) -> None:
    refused: Mapping[str, tuple[int, bytes]] = {}
    sent = True
    try:
        refused = server.send_message(mail, service.from_addr[1], list(to))
    except smtplib.SMTPRecipientsRefused as error:
        # Nobody has it: after a 421 the others were not even asked for.
        refused, sent = error.recipients, False
    except smtplib.SMTPSenderRefused as error:
        outcome.refusals.update(dict.fromkeys(to, mail_refusal(error.smtp_code, error.smtp_error, "mail")))
        return
    except smtplib.SMTPDataError as error:
        outcome.refusals.update(dict.fromkeys(to, mail_refusal(error.smtp_code, error.smtp_error, "data")))
        return
    outcome.refusals.update(
        {each: mail_refusal(code, text, "rcpt") for each, (code, text) in refused.items()}
    )
    if sent:
        outcome.delivered.update(each for each in to if each not in refused)


def is_plain_mail(service: Any) -> bool:
    """Mail that needs nothing of apprise but its reading of the URL."""
    return type(service).__name__ == "NotifyEmail" and service.pgp_mode == "no" and not service.inline


class MailLook(Record, frozen=True):
    """What a channel's mails look like."""

    channel: str
    html: bool
    shown: Presentation


def by_mail(
    service: Any,
    deliveries: Sequence[Delivery],
    look: MailLook,
    files: Sequence[Attachment],
    attempt: SendAttempt,
) -> SendResult:
    """Result of one mail to all recipients of the URL who have not got it."""
    service.throttle()
    people = recipients(service)
    attempt.asked.update({each: each for each in people})
    content = _content(service, deliveries, look, files)
    outcome = MailOutcome(attempt.delivered)
    post(service, content, lambda each: not attempt.skips(each), outcome)
    if files and any(each.fault is Fault.MESSAGE for each in outcome.refusals.values()):
        why = next(iter(outcome.refusals.values())).words
        attempt.remarks["picture"] = f"{left_out(files)}: {why}"
        outcome.refusals.clear()
        content = _content(service, deliveries, look, ())
        post(service, content, lambda each: not attempt.skips(each), outcome)
    last = next(reversed(outcome.refusals.values()), None)
    result = attempt.result(outcome.refusals, last, well=not outcome.refusals)
    return replace(result, receipt=content.thread.identity) if isinstance(result, Sent) else result


def _content(
    service: Any, deliveries: Sequence[Delivery], look: MailLook, files: Sequence[Attachment]
) -> MailContent:
    said, domain = notice(deliveries, look.shown), domain_of(service)
    title, thread = plain(said.title) or "-", thread_of(deliveries, domain)
    cut = len(title) > LONGEST_SUBJECT
    page = next((each for each in files if each.mime.startswith("text/html") and look.html), None)
    if len(said.entries) > 1:
        page = None  # it tells of one of them only: it goes along as a file
    return MailContent(
        title[: LONGEST_SUBJECT - 1] + "…" if cut else title,
        plain_body(said, titled=cut),
        _html(said, look, files, page, thread) if look.html else "",
        thread,
        [each for each in files if each is not page],
        {"List-Id": list_id(look.channel, domain)},
    )


def _html(
    said: Notice, look: MailLook, files: Sequence[Attachment], page: Attachment | None, thread: MailThread
) -> str:
    """The page that comes with the message, with its pictures found by name; else one made of the notice."""
    shown = [each for each in files if each.is_picture]
    pictures = [(content_id(each, thread), each.name) for each in shown]
    if page is None:
        return html_body(said, said.summary or _reason(said.entries[0], look.shown), pictures)
    text = page.content.decode()
    for each, (cid, name) in zip(shown, pictures, strict=True):
        text = text.replace(f'"cid:{name}"', f'"cid:{cid}"').replace(data_url(each), f"cid:{cid}")
    return text


def _reason(entry: Entry, shown: Presentation) -> str:
    """Why it is told: what a list of mails shows beside the subject."""
    because = shown.display.localised(entry.message.particulars.because)
    return because or next((value for _, value in entry.lines), "")
