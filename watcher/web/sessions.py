"""Who has logged in: a cookie that says nothing of the token, ends by itself, and ends at once by log-out."""

from __future__ import annotations

import secrets
from functools import cache
from hashlib import sha256
from typing import NamedTuple

LASTS = 7 * 24 * 3600.0
"""Seconds after which somebody has to log in again."""

MOST = 100
"""Sessions of one token at once; one more ends the oldest of that token."""


class Session(NamedTuple):
    """One that has begun. `token`: which one was shown, by `key_of`."""

    token: bytes
    begun: float


class Sessions:
    """All of a process. They are kept in memory alone: a restart ends them, a reload does not."""

    def __init__(self) -> None:
        self._begun: dict[bytes, Session] = {}

    def begin(self, token: bytes, now: float) -> str:
        """A new one, as its cookie. `token`: which one was shown. `now`: monotonic seconds."""
        of_it = [key for key, each in self._begun.items() if each.token == token]
        for key in of_it[: max(len(of_it) - MOST + 1, 0)]:
            del self._begun[key]
        cookie = secrets.token_urlsafe(32)
        self._begun[key_of(cookie)] = Session(token, now)
        return cookie

    def token(self, cookie: str, now: float) -> bytes | None:
        """Which token was shown for a cookie; None if there is no such session any more."""
        found = self._begun.get(key_of(cookie))
        return found.token if found is not None and now - found.begun < LASTS else None

    def end(self, cookie: str) -> None:
        self._begun.pop(key_of(cookie), None)


@cache
def sessions() -> Sessions:
    """As long as the process lives: a reload that keeps a token logs nobody out who showed it."""
    return Sessions()


def key_of(secret: str) -> bytes:
    """What a secret is known by where it is not kept. Text of a header may be no text: bytes come as
    surrogates."""
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()
