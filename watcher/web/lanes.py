"""Lanes: what is large waits in a lane of its own, so that a page waits behind none of it."""

from __future__ import annotations

from contextvars import ContextVar
from enum import StrEnum

FREE_ALONE = ("/healthz", "/readyz", "/news")
FREE_BELOW = ("/static/", "/login", "/a/")
LARGE_ALONE = ("/metrics",)
LARGE_BELOW = ("/api/",)
LARGE_ENDS = (".csv",)


class Lane(StrEnum):
    """Where a request is answered. Each lane has a few places, and a thread."""

    FREE = "free"
    """What is kept in memory, waits for a body or says how the process fares: it takes no place."""
    PAGES = "pages"
    LARGE = "large"
    """What may take seconds: JSON, figures, tables as files."""


LANE: ContextVar[Lane] = ContextVar("lane", default=Lane.PAGES)
"""The lane of the request that is being answered."""


def lane_of(method: str, path: str) -> Lane:
    """`path`: without the one below which the pages are."""
    if method not in ("GET", "HEAD") or path in FREE_ALONE or path.startswith(FREE_BELOW):
        return Lane.FREE
    large = path in LARGE_ALONE or path.startswith(LARGE_BELOW) or path.endswith(LARGE_ENDS)
    return Lane.LARGE if large else Lane.PAGES
