"""Refusals of services, and whose fault they are: by the words first, then by the number."""

from __future__ import annotations

import html
import json
import math
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from watcher.domain.messages.delivery import Fault
from watcher.domain.records import Record
from watcher.system.connections import NO_TLS, certificate_words

LONGEST_BODY = 65536
"""Bytes of an answer that are read for its words."""

LONGEST_WAIT = 3600.0
"""Seconds; a service that asks for more is asked again after an hour."""


class ServiceRefusal(Record, frozen=True):
    """Reason why nothing was taken. `words` may repeat secrets of the request: mask them before anybody sees.

    `moved`: the chat that was written to has another id now.
    """

    words: str
    fault: Fault = Fault.PASSING
    retry_after: float | None = None
    maybe_sent: bool = False
    moved: str = ""


_CHANNEL = re.compile(
    # Telegram
    r"chat not found|not enough rights|have no rights|need administrator rights|no write access"
    r"|upgraded to a supergroup|bot was (?:blocked|kicked)|bot is not a member|user is deactivated"
    r"|group chat was deactivated|can't (?:initiate conversation|send messages to)|thread not found|topic_"
    r"|(?:chat|peer|channel|user)_\w*(?:forbidden|invalid|required|blocked|private|is empty)|chat_id is empty"
    # Slack
    r"|channel_not_found|not_in_channel|is_archived|invalid_auth|not_authed|account_inactive|missing_scope"
    r"|token_(?:revoked|expired)|no_permission|access_denied|login_required|restricted_action|team_not_found"
    r"|no_service|no_active_hooks|no_team|user_not_found|action_prohibited|denied\b|not_allowed"
    # Discord, Matrix, Pushover and others
    r"|unknown (?:webhook|channel|user)|missing (?:access|permissions?)|invalid webhook token"
    r"|m_(?:forbidden|unknown_token|missing_token|not_found|user_deactivated|guest_access_forbidden)"
    r"|(?:token|key|identifier|user|credentials?|password)s? (?:is|are|was|has)? ?"
    r"(?:not valid|invalid|expired)"
    r"|(?:invalid|expired|wrong|bad) (?:api |access |application )?(?:token|key|credentials?|password)"
    r"|unauthori[sz]ed|forbidden|(?:permission|access) denied|not authori[sz]ed|authenticat"
    r"|account (?:is )?(?:disabled|suspended|closed)",
    re.IGNORECASE,
)
_MESSAGE = re.compile(
    r"can't parse|can't find end|too[ _](?:long|large|big|many_attachments)|(?:text|body|message) is empty"
    r"|must be non-empty|no_text"
    r"|cannot be (?:blank|empty)|must be encoded|invalid_(?:blocks|payload|attachments)|invalid form body"
    r"|cannot send an empty message|m_(?:bad_json|not_json|too_large)",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"rate.?limit|too many requests|limit_exceeded|flood|retry|try again|later"
    r"|(?:internal|fatal)_error|unavailable|timed?[ _]?out",
    re.IGNORECASE,
)


def blame(status: int, words: str) -> Fault:
    """Fault that an answer over HTTP tells of."""
    if status in {408, 425, 429} or status >= 500:
        return Fault.PASSING
    for pattern, fault in ((_MESSAGE, Fault.MESSAGE), (_CHANNEL, Fault.CHANNEL), (_PASSING, Fault.PASSING)):
        if pattern.search(words):
            return fault
    if 300 <= status < 400 or status in {401, 402, 403, 404, 405, 407, 410}:
        return Fault.CHANNEL
    return Fault.MESSAGE if status == 413 else Fault.UNCLEAR


def answered(status: int, wait: str, body: bytes) -> ServiceRefusal:
    """What an answer over HTTP says if it took nothing. `wait`: its `Retry-After`."""
    words = said(body[:LONGEST_BODY])
    number = f" HTTP {status}" if status >= 300 or not words else ""
    return ServiceRefusal(
        f"the service answered{number}" + (f": {words}" if words else ""),
        blame(status, words),
        asked_to_wait(status, wait, body),
        moved=moved_to(body) if status == 400 else "",
    )


def said(body: bytes) -> str:
    """Words of an answer: those of the usual fields if it is JSON, else its text without markup."""
    text = body[:LONGEST_BODY].decode("utf-8", "replace").strip()
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict | list):
            return ", ".join(dict.fromkeys(_fields(found)))
    text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", text)
    return " ".join(html.unescape(text).split())[:200]


_FIELDS = (
    "description",
    "error",
    "errcode",
    "message",
    "errors",
    "detail",
    "reason",
    "error_description",
    "needed",
)


def _fields(found: Any, depth: int = 0) -> Iterator[str]:
    """Texts of a JSON answer that explain it."""
    if isinstance(found, str):
        if found.strip():
            yield " ".join(found.split())[:200]
    elif depth < 4 and isinstance(found, list):
        for each in found[:5]:
            yield from _fields(each, depth + 1)
    elif depth < 4 and isinstance(found, dict):
        for name in _FIELDS:
            for text in _fields(found.get(name), depth + 1):
                yield f"needs {text}" if name == "needed" else text


def refused_in_words(body: bytes) -> bool:
    """Whether an answer with a good number says that nothing was taken: `"ok": false`, say."""
    if len(body) > LONGEST_BODY or not body.lstrip().startswith(b"{"):
        return False
    with suppress(ValueError, RecursionError):
        found = json.loads(body)
        return isinstance(found, dict) and found.get("ok", True) is False
    return False


def asked_to_wait(status: int, header: str, body: bytes) -> float | None:
    """Seconds that the service asks for: in `Retry-After` (RFC 9110, seconds or a date), or, of one that has
    had too much, in `retry_after` of its answer (Discord), or of the `parameters` there (Telegram)."""
    header, seconds = header.strip(), None
    with suppress(ValueError, TypeError, OverflowError):
        seconds = float(header)
    if seconds is None and header:
        with suppress(ValueError, TypeError, OverflowError):
            seconds = (parsedate_to_datetime(header).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    if seconds is None and status == 429:
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            found = json.loads(body[:LONGEST_BODY])
            seconds = float(found.get("parameters", found)["retry_after"])
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def moved_to(body: bytes) -> str:
    """Id that a Telegram group has since it became a supergroup; empty if it did not."""
    with suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
        found = json.loads(body[:LONGEST_BODY])["parameters"]["migrate_to_chat_id"]
        return str(int(found)) if not isinstance(found, bool | float) else ""
    return ""


# E-mail

_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_FULL = re.compile(r"quota|mailbox (?:is )?full|over ?quota|insufficient (?:system )?storage", re.IGNORECASE)
_RELAY = re.compile(
    r"relay|blocked|black ?list|blocklist|reputation|dnsbl|rbl|spamhaus|not allowed|denied", re.I
)
_CONTENT = re.compile(
    r"content|\bspam\b|virus|malware|attachment|message (?:rejected|refused)|size", re.IGNORECASE
)


def mail_refusal(code: int, text: bytes | str, stage: str) -> ServiceRefusal:
    """Refusal of an SMTP server. `stage`: `auth`, `mail`, `rcpt`, `data` or `connect`."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    words = " ".join(words.split())[:200]
    what = {"auth": "authentication refused: ", "mail": "sender refused: "}.get(stage, "")
    return ServiceRefusal(f"{what}{code} {words}".rstrip(), _mail_blame(code, words, stage))


def _mail_blame(code: int, words: str, stage: str) -> Fault:
    if 400 <= code < 500:
        return Fault.PASSING
    enhanced = _CODE.search(words)
    subject, detail = (int(enhanced[2]), int(enhanced[3])) if enhanced else (0, 0)
    if (subject, detail) in {(2, 3), (3, 4)} or subject == 6:
        return Fault.MESSAGE  # too large for the mailbox or the system; its content cannot be handled
    if _FULL.search(words) or (subject, detail) == (2, 2):
        return Fault.CHANNEL
    if code == 552:
        return Fault.MESSAGE
    if stage != "data" or subject == 1:
        return Fault.CHANNEL
    return Fault.CHANNEL if _RELAY.search(words) and not _CONTENT.search(words) else Fault.MESSAGE


# What never was an answer


def unreached(error: BaseException, where: str) -> ServiceRefusal:
    """Refusal that is no answer at all. `where`: host and port, which are no secret."""
    for each in _causes(error):
        found = _unreached(each, where)
        if found is not None:
            return found
    return ServiceRefusal(f"{where}: no answer ({type(error).__name__})", maybe_sent=True)


def _unreached(error: BaseException, where: str) -> ServiceRefusal | None:
    broken = Fault.CHANNEL
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServiceRefusal(
            f"{where}: {certificate_words(error, where.rpartition(':')[0] or where)}", broken
        )
    if isinstance(error, ssl.SSLError):
        words = "it speaks no TLS there" if error.reason in NO_TLS else f"no TLS: {error.reason}"
        return ServiceRefusal(f"{where}: {words}", broken)
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            return ServiceRefusal(f"{where}: the name could not be looked up now")
        return ServiceRefusal(f"{where}: there is no such name", broken)
    if isinstance(error, ConnectionRefusedError):
        return ServiceRefusal(f"{where}: connection refused", broken)
    if isinstance(error, ConnectionResetError | BrokenPipeError | smtplib.SMTPServerDisconnected):
        return ServiceRefusal(f"{where}: the connection was closed", maybe_sent=True)
    if isinstance(error, OSError) and error.strerror and not isinstance(error, TimeoutError):
        return ServiceRefusal(f"{where}: {error.strerror}")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what lies under it, outermost first; libraries wrap them in each other."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < 20:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        under = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [one for one in under if isinstance(one, BaseException)]
