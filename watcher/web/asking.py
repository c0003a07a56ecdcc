"""What a request asks for: its parameters, read strictly."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from watcher.domain.duration import parse_duration

MOST = 10_000


class Asked:
    """The query of one request. What is wrong in it is a 400 that names the parameter and the remedy."""

    def __init__(self, query: MultiMapping[str], known: Collection[str]) -> None:
        self._query = query
        for name in query:
            if name not in known:
                names = ", ".join(sorted(known)) or "none"
                raise refused(f"unknown parameter '{name[:40]}'; known here: {names}")

    def one(self, name: str) -> str | None:
        values = self._query.getall(name, [])
        if len(values) > 1:
            raise refused(f"{name} may be given once")
        return values[0] if values else None

    def many(self, name: str) -> list[str]:
        return list(self._query.getall(name, []))

    def limit(self, usual: int = 100) -> int:
        text = self.one("limit")
        if text is None:
            return usual
        if not (text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MOST):
            raise refused(f"limit must be a whole number from 1 to {MOST}")
        return int(text)

    def page(self) -> int:
        text = self.one("page") or "1"
        if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text)):
            raise refused("page must be a whole number from 1")
        return int(text)

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
        chosen = self.many(name)
        for each in chosen:
            if each not in known:
                raise refused(f"there is no {name} '{each[:60]}'")
        return chosen

    def span(self, name: str) -> timedelta | None:
        text = self.one(name)
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            raise refused(f"{name}: {error}") from None


def refused(why: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": why}), content_type="application/json")
