"""Errors in the page's own style, with what to do next; for scripts as JSON or as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiohttp import web

KEPT = ("Allow", "Location", "Retry-After", "WWW-Authenticate")
TITLES = {
    400: "This cannot be asked like that",
    401: "It is not known who you are",
    403: "This is not for you to do",
    404: "There is no such page",
    405: "This address is not asked like that",
    408: "That took too long",
    409: "That is not so any more",
    410: "This is over",
    413: "That is too long",
    415: "This cannot be read",
    421: "The page has another address",
    429: "Too many tries",
    500: "This page is broken",
    503: "The page cannot be shown now",
}
BROKEN = "the log of the daemon says why; polls and alerts go on"


class Way(NamedTuple):
    """A link that leads on from an error. `path`: below the base, or a query of the same page."""

    label: str
    path: str


class ErrorPages:
    """Answers with an error, each asker in the form that they read."""

    def __init__(self, render: Callable[..., str]) -> None:
        """`render`: renders a template that shows nothing of the store."""
        self._render = render

    def of(self, request: web.Request, error: web.HTTPException) -> web.Response:
        """The answer to what was refused while it was asked."""
        ways: Sequence[Way] = getattr(error, "ways", ())
        response = self.answer(request, error.status, error.text or error.reason, ways)
        response.headers.update({k: v for k, v in error.headers.items() if k in KEPT})
        return response

    def answer(
        self, request: web.BaseRequest, status: int, text: str, ways: Sequence[Way] = ()
    ) -> web.Response:
        if "/api/" in request.path or "application/json" in request.headers.get("Accept", ""):
            return web.json_response({"error": text}, status=status)
        if not reads_html(request):
            return web.Response(status=status, text=text + "\n")
        title = TITLES.get(status) or text
        page = self._render("error.html", status=status, title=title, text=sentence(text), ways=ways)
        return web.Response(status=status, text=page, content_type="text/html")


def reads_html(request: web.BaseRequest) -> bool:
    """Whether who asks is a browser; `curl` takes anything and gets text."""
    return "text/html" in request.headers.get("Accept", "")


def sentence(text: str) -> str:
    """A reason as people read it: with a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
