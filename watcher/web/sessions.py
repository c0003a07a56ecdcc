"""Who has logged in: a cookie that says nothing of the token, ends by itself, and ends at once by log-out."""

from __future__ import annotations

import secrets
from functools import cache
from hashlib import sha256

LASTS = 7 * 24 * 3600.0
"""Seconds after which somebody has to log in again."""

MOST = 100
"""Sessions at once; one more ends the oldest."""


class Sessions:
    """Those of one token. They are kept in memory alone: a restart ends them, a reload does not."""

    def __init__(self) -> None:
        self._begun: dict[bytes, float] = {}

    def begin(self, now: float) -> str:
        """A new one, as its cookie. `now`: monotonic seconds."""
        while len(self._begun) >= MOST:
            del self._begun[next(iter(self._begun))]
        cookie = secrets.token_urlsafe(32)
        self._begun[_key(cookie)] = now
        return cookie

    def holds(self, cookie: str, now: float) -> bool:
        begun = self._begun.get(_key(cookie))
        return begun is not None and now - begun < LASTS

    def end(self, cookie: str) -> None:
        self._begun.pop(_key(cookie), None)


@cache
def sessions_of(token: str) -> Sessions:
    """As long as the process lives: a reload that keeps the token logs nobody out."""
    del token
    return Sessions()


def _key(cookie: str) -> bytes:
    return sha256(cookie.encode("utf-8", "surrogateescape")).digest()
