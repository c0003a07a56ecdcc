"""A real server on loopback that answers what a test tells it to, and records what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from watcher.domain.model import Account, Miss, Outcome, Reading
from watcher.ports.source import Reply, Request, Source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "the-secret-key-0123456789"
A = "0x9f114da25b61b77606d47eab414b9360f8783979"
B = "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Api:
    """`answer` is called for each request; `paths` has what was asked, as it was on the wire."""

    url: str = ""
    answer: Answer | None = None
    paths: list[str] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.raw_path)
        self.headers.append(request.headers)
        assert self.answer is not None
        return await self.answer(request)

    def says(self, *bodies: str | bytes | web.Response, **options: Any) -> None:
        """Answer with these bodies in turn, the last one for ever."""
        waiting = list(bodies)

        async def answer(_: web.Request) -> web.StreamResponse:
            body = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if isinstance(body, web.Response):
                # A response object can be sent once.
                return web.Response(status=body.status, body=body.body, headers=body.headers)
            data = body.encode() if isinstance(body, str) else body
            return web.Response(body=data, content_type="application/json", **options)

        self.answer = answer


def refused(status: int, body: str = "{}", **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(status=status, text=body, content_type="application/json", headers=named)


async def poll(source: Source, accounts: list[Account], now: datetime = NOW) -> list[Reply]:
    """Send what `plan` asks for and whatever follows from it."""
    replies: list[Reply] = []
    waiting: list[Request] = source.plan(accounts, now)
    while waiting:
        reply = await asyncio.to_thread((await source.send(waiting.pop(0))).read)
        replies.append(reply)
        waiting = [*reply.more, *waiting]
        assert len(replies) < 200
    return replies


def outcomes(replies: list[Reply]) -> dict[Account, Outcome]:
    """The outcome of each account; each must come exactly once."""
    found: dict[Account, Outcome] = {}
    for outcome in (outcome for reply in replies for outcome in reply.outcomes):
        assert outcome.account not in found
        found[outcome.account] = outcome
    return found


async def read(source: Source, account: Account, now: datetime = NOW) -> Reading:
    outcome = outcomes(await poll(source, [account], now))[account]
    assert isinstance(outcome, Reading), outcome
    return outcome


async def missed(source: Source, account: Account) -> tuple[Miss, Reply]:
    replies = await poll(source, [account])
    outcome = outcomes(replies)[account]
    assert isinstance(outcome, Miss), outcome
    return outcome, replies[-1]
