"""Errors in the page's own style, with what to do next; for scripts as JSON or as plain text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from watcher.domain.values.spelling import closest
from watcher.web.addresses import path_part
from watcher.web.navigation import Navigation

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
WORDS = {
    404: "nothing is at this address",
    405: "what this address offers is on its page",
    413: "a form takes at most 32 KiB; write less",
    500: "the log of the daemon says why; polls and alerts go on",
}
"""What is said in place of the words of the library."""
MANY = 1000
"""Names among which a likely one is looked for at once; of more, people look in the list."""


class Way(NamedTuple):
    """A link that leads on from an error. `path`: below the base, or a query of the same page."""

    label: str
    path: str


class UnknownParameterError(web.HTTPBadRequest):
    """A word in the query of an address that is not known there."""

    def __init__(self, name: str, query: MultiMapping[str], known: Collection[str]) -> None:
        names = ", ".join(sorted(known)) or "none"
        super().__init__(text=f"unknown parameter '{name[:40]}'; known here: {names}")
        rest = urlencode([(key, value) for key, value in query.items() if key in known])
        self.ways = (Way("The page without it", f"?{rest}"),)


class UnknownNameError(web.HTTPNotFound):
    """A name that is not configured."""

    def __init__(self, what: str, name: str, known: Collection[str], place: str = "") -> None:
        """`what`: what it would be the name of. `place`: the path below which those that are known stand."""
        close = closest(name[:100], known) if len(known) <= MANY else None
        likely = f"; did you mean '{close}'?" if close else ""
        super().__init__(text=f"there is no {what} '{name[:60]}'{likely}")
        self.ways = (Way(close, f"{place}/{path_part(close)}"),) if close and place else ()


class ErrorPages:
    """Answers with an error, each asker in the form that they read."""

    def __init__(self, render: Callable[..., str], ways: Navigation) -> None:
        """`render`: renders a template that shows nothing of the store. `ways`: to all pages."""
        self._render, self._pages = render, {**ways.first, **ways.more}

    def of(self, request: web.Request, path: str, error: web.HTTPException) -> web.Response:
        """The answer to what was refused. `path`: what was asked for, without the base."""
        ways: list[Way] = list(getattr(error, "ways", ()))
        if error.status == web.HTTPNotFound.status_code:
            ways += self._near(path)
        text = error.text or error.reason
        if text == f"{error.status}: {error.reason}" or error.status == 413:
            text = WORDS.get(error.status, error.reason)
        response = self.answer(request, error.status, text, ways)
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

    def broken(self, request: web.BaseRequest) -> web.Response:
        """The answer where the server itself is at fault."""
        return self.answer(request, 500, WORDS[500])

    def _near(self, path: str) -> list[Way]:
        """The page that an address probably was to be, or the list that it would be in."""
        place = f"/{path.split('/')[1]}" if "/" in path else path
        others = [each for each in self._pages if each != "/"]
        found = place if place in others else closest(place, others)
        return [Way(self._pages[found], found)] if found else []


def reads_html(request: web.BaseRequest) -> bool:
    """Whether who asks is a browser; `curl` takes anything and gets text."""
    return "text/html" in request.headers.get("Accept", "")


def sentence(text: str) -> str:
    """A reason as people read it: with a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
