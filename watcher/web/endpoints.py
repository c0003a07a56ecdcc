"""Endpoints of `/api/v1`: each declared once, and from that both answered and described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from watcher.domain.records import Record, replace
from watcher.web.documents import Packed, answer
from watcher.web.parameters import MANY, MOST, SPAN, Parameters, Slice

PREFIX = "/api/v1/"

Usual = int | None | Callable[[Parameters], int | None]


class QueryParameter(Record, frozen=True):
    """Parameter of a question. `many`: it may be repeated. `example`: what can be asked for."""

    name: str
    description: str
    schema: Mapping[str, Any]
    many: bool = False
    example: str | None = None

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "in": "query", "description": self.description}
        if self.many:
            items = {"type": "array", "items": self.schema, "maxItems": MANY}
            found |= {"schema": items, "style": "form", "explode": True}
        else:
            found |= {"schema": self.schema}
        if self.example is not None:
            found["example"] = [self.example] if self.many else self.example
        return found

    def such_as(self, example: str) -> QueryParameter:
        """The same with an example."""
        return replace(self, example=example)


def limit(usual: Usual) -> QueryParameter:
    """How many rows, at most. `usual`: where nothing is said; None: all of them."""
    words = "At most so many." if isinstance(usual, int) else "At most so many; without it, all."
    if callable(usual):
        words = "At most so many; without it, all that is there now, and of what else is asked for some."
    default = {"default": usual} if isinstance(usual, int) else {}
    return QueryParameter("limit", words, {"type": "integer", "minimum": 1, "maximum": MOST, **default})


PAGE = QueryParameter(
    "page", f"Which page; `Link` of the answer names the next one. Without `limit` it has {MOST:,} rows.",
    {"type": "integer", "minimum": 1, "maximum": 999_999, "default": 1}, example="1",
)  # fmt: skip
SINCE = QueryParameter(
    "since", "Only the last so long, as in 24h or 7d.", {"type": "string", "pattern": f"^({SPAN})$"},
    example="24h",
)  # fmt: skip


class Asked(NamedTuple):
    """A question: its parameters, and which page of the answer."""

    parameters: Parameters
    slice: Slice
    name: str
    """The same for all who ask the same."""


class Endpoint(Record, frozen=True):
    """Address of the API: what it answers, and what it takes.

    `handler` makes the answer, a document. `rows`: the type of what is in it. `usual`: rows of a page, if
    nothing is said, or how that follows from the question; None: all of them. `paged`: whether there are
    pages.
    """

    name: str
    summary: str
    rows: Any
    handler: Callable[[Asked], Awaitable[Packed]]
    parameters: tuple[QueryParameter, ...] = ()
    paged: bool = False
    usual: Usual = None

    @property
    def taken(self) -> tuple[QueryParameter, ...]:
        """All that it takes."""
        return (*self.parameters, limit(self.usual), PAGE) if self.paged else self.parameters

    async def answer(self, request: web.Request) -> web.Response:
        parameters = Parameters(request.query, [each.name for each in self.taken])
        usual = self.usual(parameters) if callable(self.usual) else self.usual
        part = parameters.slice(usual) if self.paged else Slice()
        document = await self.handler(Asked(parameters, part, f"{self.name}?{parameters}"))
        return answer(request, document, "application/json", _beside(part, parameters, document))

    def route(self) -> web.RouteDef:
        return web.get(PREFIX + self.name, self.answer)


def _beside(part: Slice, parameters: Parameters, document: Packed) -> dict[str, str]:
    """What an answer says of its list: how long it is, and where the pages beside it are. The addresses are
    relative: a proxy may have another idea of where this is."""
    found = {} if document.total is None else {"X-Total-Count": str(document.total)}
    if part.limit is None:
        return found
    pages = {"first": 1, "prev": part.page - 1, "next": part.page + 1 if document.more else 0}
    if document.total is not None:
        pages["last"] = max(1, -(-document.total // part.limit))
    links = [f'<?{parameters.with_("page", str(page))}>; rel="{rel}"' for rel, page in pages.items() if page]
    return {**found, "Link": ", ".join(links)}
