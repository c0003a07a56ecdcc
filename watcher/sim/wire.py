"""JSON text in which a number keeps the digits it was given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web


class Number(str):
    """A JSON number, printed as it stands."""

    __slots__ = ()


class Text(str):
    """JSON text already made, printed as it stands."""

    __slots__ = ()


def to_json(value: Any) -> str:
    """The JSON text of a value of dicts, lists, strings, None, bools, ints, and the two above."""
    if isinstance(value, Number | Text):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    if isinstance(value, float):
        raise TypeError("a float would lose the digits")
    return json.dumps(value)


@dataclass(slots=True)
class Recorded:
    """A request as the provider saw it. `cost`: credits charged for it."""

    path: str
    query: str
    headers: dict[str, str]
    cost: int = 0
    status: int = 0
    fault: str | None = None
    method: str = "GET"


class Log(list[Recorded]):
    """The latest requests; the oldest half goes when there are too many. `total` counts all of them."""

    def __init__(self, most: int = 20_000) -> None:
        super().__init__()
        self.total = 0
        self._most = most

    def take(self, request: web.BaseRequest) -> Recorded:
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        recorded = Recorded(path, query, headers, method=request.method)
        if len(self) >= self._most:
            del self[: self._most // 2]
        self.append(recorded)
        self.total += 1
        return recorded


@dataclass(slots=True)
class Answer:
    """What a provider would say, before faults of the transport."""

    status: int
    body: Any
    headers: dict[str, str] | None = None
    cost: int = 0

    def body_bytes(self) -> bytes:
        return to_json(self.body).encode()

    def response(self) -> web.Response:
        return web.Response(
            status=self.status,
            body=self.body_bytes(),
            content_type="application/json",
            charset="utf-8",
            headers=self.headers,
        )
