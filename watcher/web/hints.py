"""Where hints are posted to. Anybody can reach it: it costs little before a request is known to be signed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import nullcontext

from aiohttp import web

from watcher.ports.clock import Clock
from watcher.ports.hints import LARGEST_POST, Posted, Posting
from watcher.service.metrics import Metrics
from watcher.web.connection_limits import ConnectionLimits, connection_of
from watcher.web.login_throttle import ADDRESSES, MINUTE, REST, Address, LoginThrottle, asker

A_SECOND, BURST = 50.0, 200.0
"""Requests of one address in a second, and at once."""
PIECE = 20 * 1024
"""Bytes that count as one more request."""
PATIENCE = 5.0
"""Seconds for a body to come."""
HELD = 32 * 1024 * 1024
"""Bytes of all bodies that are not whole yet."""
SOON = {"Retry-After": "5"}


class PostRate:
    """How much each address may still post now. Debts are paid by waiting."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._pruned = 0.0

    def has_room(self, who: str, now: float) -> bool:
        """Whether one more request may be looked at. `now`: monotonic seconds."""
        return self.charge(who, now, 0.0) >= 1.0

    def charge(self, who: str, now: float, requests: float) -> float:
        """Take so many requests; how many are left."""
        if len(self._left) >= ADDRESSES and now - self._pruned >= 1.0:
            self._pruned = now
            self._left = {each: of for each, of in self._left.items() if self._filled(of, now) < BURST}
        place = who if who in self._left or len(self._left) < ADDRESSES else REST
        left = self._filled(self._left.get(place, (BURST, now)), now) - requests
        self._left[place] = (left, now)
        return left

    @staticmethod
    def _filled(of: tuple[float, float], now: float) -> float:
        left, at = of
        return min(BURST, left + (now - at) * A_SECOND)


class HintPosts:
    """`POST /hints/{name}`. Who may post is proved by the request itself, so no token is asked for."""

    def __init__(
        self,
        postings: Mapping[str, Posting],
        clock: Clock,
        limits: ConnectionLimits,
        proxies: Collection[Address],
        metrics: Metrics | None,
    ) -> None:
        self._postings, self._clock, self._limits, self._proxies = postings, clock, limits, proxies
        self._metrics = metrics
        self._rate, self._throttle, self._held = PostRate(), LoginThrottle(), 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hints/{name}", self.post)]

    async def post(self, request: web.Request) -> web.StreamResponse:
        """Take a request, and count the answer."""
        name = request.match_info["name"]
        try:
            response = await self._take(request, name)
        except web.HTTPException as error:
            self._count(name, error.status)
            raise
        self._count(name, response.status)
        return response

    def _count(self, name: str, status: int) -> None:
        if self._metrics is not None and name in self._postings:
            self._metrics.hint_posts[name, str(status)] += 1

    async def _take(self, request: web.Request, name: str) -> web.StreamResponse:
        """What is cheap comes first. Nothing of a request is ever logged."""
        who = asker(request, self._proxies)
        if not self._rate.has_room(who, self._clock.monotonic()):
            raise web.HTTPTooManyRequests(text="too many requests", headers=SOON)
        self._rate.charge(who, self._clock.monotonic(), 1.0)
        posting = self._postings.get(name)
        if posting is None:
            raise web.HTTPNotFound(text="there is no such hint source")
        body = await self._body(request)
        connection = connection_of(request)
        sent = connection.received if connection is not None else len(body)
        self._rate.charge(who, self._clock.monotonic(), sent / PIECE)
        receipt = posting.receive(Posted(_headers(request), body, self._clock.now()))
        if receipt.status == web.HTTPUnauthorized.status_code:
            self._wrong(who, name)
        return web.Response(status=receipt.status, text=receipt.said + "\n")

    async def _body(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > LARGEST_POST:
            raise _too_large()
        connection, parts, size = connection_of(request), list[bytes](), 0
        try:
            async with asyncio.timeout(PATIENCE):
                with connection.sending() if connection is not None else nullcontext():
                    while part := await request.content.readany():
                        size += len(part)
                        self._held += len(part)
                        if size > LARGEST_POST:
                            raise _too_large()
                        if self._held > HELD:
                            raise web.HTTPServiceUnavailable(text="too much at once", headers=SOON)
                        parts.append(part)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text=f"the body took longer than {PATIENCE:g} s") from None
        finally:
            self._held -= size
        return b"".join(parts)

    def _wrong(self, who: str, name: str) -> None:
        """Count a request that is not signed; say so now and then, since a key may have been changed."""
        self._limits.warn(f"hints {name}", f"what {who} posts to /hints/{name} is not signed with its key")
        if self._throttle.wrong(who, self._clock.monotonic()):
            text = "too many unsigned requests from this address; wait a minute"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{MINUTE:.0f}"})


def _headers(request: web.Request) -> dict[str, str]:
    """Each once: what comes twice is joined, and so is no signature."""
    return {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}


def _too_large() -> web.HTTPException:
    text = f"a body has at most {LARGEST_POST:,} bytes"
    return web.HTTPRequestEntityTooLarge(max_size=LARGEST_POST, actual_size=LARGEST_POST + 1, text=text)
