"""Mail as it goes over the wire: its headers, its place in a thread, and its parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import formatdate
from typing import Any, cast

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind
from watcher.domain.model import EMPTY
from watcher.domain.records import Record, field
from watcher.ports.channel import Attachment

LONGEST_SUBJECT = 250

_PLAIN = SMTP.clone(cte_type="7bit")
"""Every server takes it."""

_ONCE = frozenset({Kind.EVENT, Kind.REPORT, Kind.TEST})
"""What nothing follows: a mail of it begins no thread."""

_OURS = (
    *("Auto-Submitted", "X-Auto-Response-Suppress", "Subject", "From", "To", "Date"),
    *("Message-ID", "In-Reply-To", "References"),
)
"""Headers that a URL cannot set."""

_RECEIPT = re.compile(r"<[^<>\s]{1,900}>")


class MailThread(Record, frozen=True):
    """Place of a mail among others, as Message-IDs. `identity` is the same on every try of the same news."""

    identity: str
    parent: str = ""
    """The mail that first told of it, if one did."""
    root: str = ""
    """What every mail about this alert refers to; no mail has this id."""


class MailContent(Record, frozen=True):
    """Subject, texts and files of a mail. `html` is empty in plain text."""

    subject: str
    plain: str
    html: str
    thread: MailThread
    files: Sequence[Attachment] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)


def domain_of(service: Any) -> str:
    """The sender's domain, in which names of mails and lists are ours to give."""
    return str(service.from_addr[1]).rpartition("@")[2]


def list_id(channel: str, domain: str) -> str:
    """The name of a channel as RFC 2919 wants it, for filters: `<ops.watcher.example.org>`."""
    label = re.sub(r"[^a-z0-9]+", "-", channel.lower()).strip("-") or "channel"
    return f"<{label}.watcher.{domain}>"


def thread_of(deliveries: Sequence[Delivery], domain: str) -> MailThread:
    """The thread of one notification. One of several alerts follows a mail only if that told of them all."""
    ids = sorted({each.id for each in deliveries})
    identity = f"<{ids[0] if len(ids) == 1 else short_id(*ids)}@{domain}>"
    lasting = [each for each in deliveries if each.message.kind not in _ONCE]
    parents, alerts = ({each.thread for each in lasting}, {each.message.id for each in lasting})
    parent = parents.pop() if len(parents) == 1 else ""
    return MailThread(
        identity,
        parent if _RECEIPT.fullmatch(parent) and parent != identity else "",
        f"<alert.{alerts.pop()}@{domain}>" if len(alerts) == 1 else "",
    )


def content_id(file: Attachment, thread: MailThread) -> str:
    """What a page calls a picture that comes with it, after `cid:`."""
    return f"{re.sub(r'[^A-Za-z0-9-]+', '-', file.name)}.{thread.identity[1:-1]}"


def written(service: Any, content: MailContent, name: object, address: str) -> EmailMessage:
    """The mail to one recipient of the URL, and those who get a copy."""
    mail = EmailMessage(policy=_PLAIN if _ascii(service, address) else SMTPUTF8)
    for header, value in {"X-Application": service.app_id, **content.headers, **service.headers}.items():
        with suppress(ValueError, TypeError):
            del mail[header]
            mail[header] = " ".join(str(value).split())
    for header in _OURS:
        del mail[header]
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    # As the policy folds it, a space between two signs that are no ASCII may be lost.
    mail.set_raw("Subject", Header(" ".join(content.subject.split()), header_name="Subject").encode())
    mail["From"] = _address(*service.from_addr)
    mail["To"] = _address(name, address)
    for header, addresses in {"Cc": service.cc - service.bcc, "Reply-To": service.reply_to}.items():
        if addresses - {address}:
            del mail[header]
            mail[header] = [_address(service.names.get(each), each) for each in sorted(addresses - {address})]
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = content.thread.identity
    if content.thread.parent:
        mail["In-Reply-To"] = content.thread.parent
    if references := [each for each in (content.thread.root, content.thread.parent) if each]:
        mail["References"] = " ".join(references)
    _fill(mail, content)
    return mail


def _fill(mail: EmailMessage, content: MailContent) -> None:
    """alternative: plain, and related: HTML with its pictures. What the page does not show is attached."""
    mail.set_content(content.plain + "\n")
    shown = [each for each in content.files if content.html and each.is_picture]
    if content.html:
        mail.add_alternative(content.html + "\n", subtype="html")
        page = cast(EmailMessage, list(mail.iter_parts())[-1])
        for each in shown:
            name = f"<{content_id(each, content.thread)}>"
            page.add_related(each.content, *_mime(each), cid=name, disposition="inline", filename=each.name)
    for each in content.files:
        if each not in shown:
            mail.add_attachment(each.content, *_mime(each), filename=each.name)


def _mime(file: Attachment) -> tuple[str, str]:
    main, _, sub = file.mime.partition(";")[0].partition("/")
    return main, sub


def _address(name: object, address: str) -> Address:
    return Address(display_name=str(name) if name else "", addr_spec=address)


def _ascii(service: Any, address: str) -> bool:
    return all(each.isascii() for each in (address, service.from_addr[1], *service.cc, *service.reply_to))
