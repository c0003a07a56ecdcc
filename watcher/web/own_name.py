"""A person's own name: what they typed once is there the next time. It proves nothing."""

from __future__ import annotations

from urllib.parse import quote, unquote

from aiohttp import web

from watcher.commands.alerts import is_keepable

COOKIE = "watcher-name"
LASTS = 365 * 24 * 3600
LONGEST_NAME = 100


def is_name(text: str) -> bool:
    """Whether a text can be somebody's name; empty is none, and no mistake."""
    return len(text) <= LONGEST_NAME and is_keepable(text)


def remembered(request: web.Request) -> str:
    """Who the sender of a request once said to be; empty if they never did."""
    name = unquote(request.cookies.get(COOKIE, "")).strip()
    return name if is_name(name) else ""


def remember(response: web.StreamResponse, name: str, *, base: str, secure: bool) -> None:
    """Have the browser keep the name. Sent from other sites too: a link in a chat leads to a form with it."""
    response.set_cookie(
        COOKIE, quote(name), max_age=LASTS, path=f"{base}/", httponly=True, samesite="Lax", secure=secure
    )
