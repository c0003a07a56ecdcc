"""What a request asks for: its parameters, read strictly."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from urllib.parse import urlencode

from aiohttp import web
from multidict import MultiMapping

from watcher.domain.values.decimals import whole_number
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.normalization import one_form
from watcher.web.connection_limits import connection_of
from watcher.web.errors import UnknownNameError, UnknownParameterError
from watcher.web.results import TOLD

MOST = 10_000
ROWS = 50
"""Rows of a page of a table."""
MANY, LONGEST = 100, 100
"""How often a parameter may be repeated, and characters of a text that is looked for."""
SPAN = r"[0-9]{1,9}s|[0-9]{1,7}m|[0-9]{1,5}h|[0-9]{1,4}d"
"""A length of time that a question may name."""
YEARS = range(1970, 9999)
"""Of a time that a question may name: such a one is a time in every zone."""
FORM = "application/x-www-form-urlencoded"


class Slice(NamedTuple):
    """A page of a list. `limit`: None for all of it."""

    limit: int | None = None
    page: int = 1

    @property
    def most(self) -> int:
        """Rows, at most."""
        return self.limit or MOST

    @property
    def skip(self) -> int:
        return (self.page - 1) * (self.limit or 0)


class Parameters:
    """The query of one request; `told` may be in each. What is wrong in it is a 400 that names the parameter
    and the remedy; a name that is not configured, a 404."""

    def __init__(self, query: MultiMapping[str], known: Collection[str]) -> None:
        self._query = query
        for name in query:
            if name not in known and name != TOLD:
                raise UnknownParameterError(name, query, known)

    def one(self, name: str) -> str | None:
        values = self._query.getall(name, [])
        if len(values) > 1:
            raise refused(f"{name} may be given once")
        return values[0] if values else None

    def many(self, name: str) -> list[str]:
        values = list(self._query.getall(name, []))
        if len(values) > MANY:
            raise refused(f"{name} may be given at most {MANY} times")
        return values

    def text(self, name: str) -> str:
        """The same, where there may be one; empty if nothing is looked for."""
        return self.texts(name)[0] if self.one(name) is not None else ""

    def texts(self, name: str) -> list[str]:
        """What is looked for, whatever there may be."""
        values = self.many(name)
        if not all(0 < len(each) <= LONGEST for each in values):
            raise refused(f"{name} must have 1 to {LONGEST} characters")
        return values

    def __str__(self) -> str:
        """The same for all that ask the same."""
        return urlencode(sorted(self._query.items()))

    def with_(self, name: str, value: str) -> str:
        """The query with another value of one parameter."""
        return urlencode([*((key, each) for key, each in self._query.items() if key != name), (name, value)])

    def slice(self, usual: int | None) -> Slice:
        """The page of a list that machines read. `usual`: its rows, if nothing is said; None: all."""
        limit = self.limit(usual)
        return Slice(MOST if limit is None and "page" in self._query else limit, self.page())

    def limit(self, usual: int | None = 100) -> int | None:
        text = self.one("limit")
        if text is None:
            return usual
        limit = whole_number(text, most_digits=6)
        if limit is None or not 1 <= limit <= MOST:
            raise refused(f"limit must be a whole number from 1 to {MOST}")
        return limit

    def page(self) -> int:
        page = whole_number(self.one("page") or "1", most_digits=6)
        if not page:
            raise refused("page must be a whole number from 1")
        return page

    def flag(self, name: str) -> bool:
        text = self.one(name)
        if text not in (None, "true", "false"):
            raise refused(f"{name} must be true or false")
        return text == "true"

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        text = self.one(name)
        if text is not None and text not in choices:
            raise refused(f"{name} must be one of {', '.join(choices)}")
        return text

    def names(self, name: str, known: Collection[str]) -> list[str]:
        chosen = list(map(one_form, self.many(name)))
        for each in chosen:
            if each not in known:
                raise UnknownNameError(name, each, known)
        return chosen

    def span(self, name: str) -> timedelta | None:
        text = self.one(name)
        if text is None:
            return None
        if not re.fullmatch(SPAN, text):
            raise refused(f"{name} must be a duration of at most 9999 days, as in 30m, 24h or 7d")
        return parse_duration(text)


def time_in(text: str, now: datetime, zone: tzinfo) -> datetime:
    """A time that a person wrote: how long ago (`24h`), a day (`2026-11-30`), or a minute of one
    (`2026-11-30T02:14`). ValueError says what was expected."""
    if re.fullmatch(SPAN, text):
        return now - parse_duration(text)
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.year in YEARS:
            return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    raise ValueError("must be a time, as in 24h (ago), 2026-11-30 or 2026-11-30T02:14")


async def form_of(request: web.Request) -> MultiMapping[object]:
    """The fields of a form. One that cannot be read is a 4xx: it is never a fault of the server."""
    if request.content_type != FORM:
        raise web.HTTPUnsupportedMediaType(text=f"send the form as {FORM}")
    connection = connection_of(request)
    try:
        with connection.sending() if connection is not None else nullcontext():
            return await request.post()
    except (ValueError, LookupError):  # not in the character set that it names; no such character set
        raise refused("the form cannot be read") from None


def path_below(base: str, path: str) -> str:
    """A path without the one below which the pages are, for a proxy may leave that out."""
    return path.removeprefix(base) if path.startswith(f"{base}/") else path


def refused(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=why)
