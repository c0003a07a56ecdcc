"""Look-ups of what TEOS assets are: how many sparks make one unit, and their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from watcher.domain.model import MissReason
from watcher.domain.records import Record, replace
from watcher.ports.source import Reply, Request
from watcher.sources.http import Http, HttpFailure
from watcher.sources.json_repair import NotJsonError, UnusableAnswerError, read_mended
from watcher.sources.teos.assets import Assets
from watcher.sources.teos.urls import MOST_ROWS, Urls
from watcher.sources.teos.wire import AT_ONCE, read_assets

REFUSALS = frozenset({400, 404, 414})
"""TEOS understood, and does not give it."""

_STOP = 3
"""Look-ups of single assets that are refused in a row, after which the others wait."""

_Read = TypeVar("_Read")


class Lookup(Record, frozen=True):
    """Look-up of assets; `alone`: of the first, by its key, and then of the next. `refused`: in a row."""

    ids: tuple[int, ...]
    now: datetime
    alone: bool = False
    refused: int = 0

    def more(self, ids: Sequence[int], refused: int = 0) -> tuple[Request, ...]:
        """The same question by key about these; none if that has been refused again and again."""
        if not ids or refused >= _STOP:
            return ()
        return (Request((), 0, replace(self, ids=tuple(ids), alone=True, refused=refused), lookup=True),)


class Lookups:
    """Look-ups of facts of assets, once a day and never twice for what is known."""

    def __init__(self, http: Http, urls: Urls, assets: Assets, max_url_bytes: int) -> None:
        self._http, self._urls, self._assets = http, urls, assets
        self._room = max_url_bytes - len(str(urls.assets(())))

    def plan(self, numbers: Iterable[int], now: datetime) -> tuple[list[Request], list[Request]]:
        """Those without which an amount is no amount, and those of what is known already."""
        due = self._assets.due(numbers, now)
        doubtful = tuple(number for number in due if self._assets.doubtful(number))
        most = max(1, min(MOST_ROWS, self._room // max(map(self._urls.size, due), default=1)))
        found: dict[bool, list[Request]] = {False: [], True: []}
        for known, requests in found.items():
            some = [n for n in due if n not in doubtful and (self._assets.factor(n) is not None) is known]
            for i in range(0, len(some), most):
                requests.append(Request((), 0, Lookup(tuple(some[i : i + most]), now), lookup=True))
        if doubtful:
            found[True] += Lookup((), now).more(doubtful)
        return found[False], found[True]

    async def send(self, lookup: Lookup) -> Reply:
        urls, asked = self._urls, lookup.ids[:1] if lookup.alone else lookup.ids
        url = urls.asset(asked[0]) if lookup.alone else urls.assets(asked)
        rest = lookup.ids[len(asked) :]
        self._assets.asking(asked, lookup.now)
        answer = await self._http.get(url)
        if isinstance(answer, HttpFailure):
            more: tuple[Request, ...] = ()
            if answer.status in REFUSALS:
                more = lookup.more(rest, lookup.refused + 1) if lookup.alone else lookup.more(lookup.ids)
            if not more:  # the others fare no better now
                self._assets.asking(rest, lookup.now)
            text = f"{answer.reason}: {answer.text}"
            return Reply(more=more, charged=0, failure=text, pause=answer.pause)
        try:
            found = await read_teos(answer.data, lambda data: list(read_assets(data)))
        except UnusableAnswerError as error:
            return Reply(charged=0, failure=f"{MissReason.MALFORMED}: {error}")
        told = {number: facts for number, facts in found if number in asked}
        facts = self._assets.learn(told, lookup.now)
        left = tuple(number for number in asked if number not in told)
        # The filter may compare ids as text, leading zeros included: ask by key as well.
        more = lookup.more(rest, 0 if told else lookup.refused + 1) if lookup.alone else lookup.more(left)
        return Reply(more=more, charged=0, facts=facts)


async def read_teos(data: bytes, reading: Callable[[bytes], _Read]) -> _Read:
    """Content of a body, read beside the loop if it is long, or no JSON and to be mended. It decides what is
    asked next, so it is read at once, and not where it is judged."""
    if len(data) <= AT_ONCE:
        with suppress(NotJsonError):
            return reading(data)
    return await asyncio.to_thread(read_mended, data, reading)
