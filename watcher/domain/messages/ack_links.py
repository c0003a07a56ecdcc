"""Acknowledge link: the right to acknowledge what one delivery told, for whoever has the link, for a while.

The word in the link is made from a key that only this installation knows: it is for one delivery, for one
purpose, and until one moment. It tells nothing, and opens nothing else.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from watcher.domain.messages.delivery import Delivery, NotSent, SendResult
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace

LASTS = timedelta(days=7)

_ROUNDS = 100_000
_WORD = 32
"""Hexadecimal digits: half of SHA-256, as RFC 2104 allows. No digit means anything to a chat's markup."""
_MOMENT = 8
_IN_TEXT = re.compile(r"(\?t=)[0-9a-f]{8,}")
_ACKNOWLEDGE = "ack"
TEST = "test"
"""The purpose of a link in a test message: it shows that links work, and does nothing."""


class LinkFault(enum.StrEnum):
    """Why a link is not taken."""

    FORGED = "forged"
    EXPIRED = "expired"


class LinkSigner:
    """Makes the words of links, and tells the right ones from others."""

    def __init__(self, secret: str) -> None:
        """`secret`: a token or a key of the configuration. The key of links is made from it so that who has
        links, and guesses, pays for each guess."""
        self._key = _derived(secret)

    def word(self, delivery: str, until: datetime, purpose: str = _ACKNOWLEDGE) -> str:
        """What must stand in a link about a delivery."""
        moment = f"{int(until.timestamp()):0{_MOMENT}x}"
        said = "\0".join((purpose, delivery, moment)).encode("utf-8", "backslashreplace")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()[:_WORD] + moment

    def fault(self, delivery: str, word: str, now: datetime, purpose: str = _ACKNOWLEDGE) -> LinkFault | None:
        """Why a word is not taken for a delivery; None if it is. Compared in a time that tells nothing."""
        until = _moment_in(word)
        right = self.word(delivery, until or now, purpose).encode()
        if not hmac.compare_digest(word.encode("utf-8", "replace"), right) or until is None:
            return LinkFault.FORGED
        return LinkFault.EXPIRED if now >= until else None


def masked(text: str) -> str:
    """A text without the words of links in it, for what others are shown: a service may send back what it
    was sent."""
    return _IN_TEXT.sub(r"\1…", text)


def without_links(result: SendResult) -> SendResult:
    """What became of a message, without the words of links in what the service said of it."""
    remarks = {name: masked(words) for name, words in result.remarks.items()}
    if isinstance(result, NotSent):
        return replace(result, remarks=remarks, detail=masked(result.detail))
    return replace(result, remarks=remarks)


def purpose_of(delivery: Delivery) -> str:
    """What a link in a message is for; empty if there is nothing to take care of, and so no link."""
    kind = delivery.message.kind
    if kind is Kind.TEST:
        return TEST
    return _ACKNOWLEDGE if kind.present or kind is Kind.EVENT else ""


def _moment_in(word: str) -> datetime | None:
    if len(word) != _WORD + _MOMENT or not word.isascii():
        return None
    try:
        return datetime.fromtimestamp(int(word[_WORD:], 16), UTC)
    except ValueError:
        return None


@lru_cache(maxsize=4)
def _derived(secret: str) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", secret.encode("utf-8", "surrogateescape"), b"watcher links", _ROUNDS)
