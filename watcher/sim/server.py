"""The simulation: both APIs, a stranger and an admin API, on free ports of loopback."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from watcher.sim.coinstats import CoinStats
from watcher.sim.faults import Faults
from watcher.sim.hints import HintPoster
from watcher.sim.inbox import Inbox
from watcher.sim.teos import Teos
from watcher.sim.transport import SENDERS, UNCHARGED, Case
from watcher.sim.wire import Log
from watcher.sim.world import World

_LONGEST_LINE = 1024 * 1024

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Stranger:
    """Another host. Whatever reaches it was sent where it should not go."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = Log()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        recorded = self.requests.take(request)
        recorded.status = 200
        return web.json_response([])


class Simulation:
    """Both providers, served over real HTTP on 127.0.0.1 while the context is open.

    Chance in faults and ids is drawn from `seed`. CoinStats is below `url` + "/coinstats", TEOS below
    `url` + "/teos", the admin API below `url` + "/admin". What a webhook channel posts to `url` + "/inbox" is
    in `inbox`.
    """

    def __init__(self, seed: int = 1, port: int = 0) -> None:
        self.seed = seed
        self.url = ""
        self.world: World = World()
        self.faults: Faults = Faults(seed)
        self.coinstats: CoinStats = CoinStats(self.world, self.faults, seed)
        self.teos: Teos = Teos(self.world, self.faults, seed)
        self.stranger = Stranger()
        self.inbox = Inbox()
        self.hints: HintPoster | None = None
        self._port = port
        self._runners: list[web.ServerRunner] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        self.url = await self._serve(self._handle, self._port)
        self._port = int(self.url.rpartition(":")[2])
        self.stranger.url = await self._serve(self.stranger.handle, 0)
        self.teos.url, self.teos.stranger = f"{self.url}/teos", self.stranger.url

    async def stop(self) -> None:
        """Close both ports and every connection; starting again takes the same port."""
        if self.hints is not None:
            await self.hints.close()
        while self._runners:
            await self._runners.pop().cleanup()

    def post_hints(self, url: str, key: str, delay: float = 0.0) -> HintPoster:
        """From now on each move on a chain, or on TEOS, is posted there as a hint, signed with the key."""
        if self.hints is not None:
            self.hints.leave()
        self.hints = HintPoster(self.world, url, key, delay)
        return self.hints

    async def _serve(self, handler: Handler, port: int) -> str:
        server = web.Server(handler, access_log=None, handler_cancellation=True, max_line_size=_LONGEST_LINE)
        runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path
        if path.startswith("/coinstats/"):
            return await self._provide("coinstats", self.coinstats, request)
        if path.startswith("/teos/"):
            return await self._provide("teos", self.teos, request)
        if path == "/inbox":
            return await self.inbox.handle(request)
        if path.startswith("/admin/"):
            return await answer_admin(self, request)
        return web.json_response({"message": "Not Found"}, status=404)

    async def _provide(
        self, where: str, provider: CoinStats | Teos, request: web.BaseRequest
    ) -> web.StreamResponse:
        recorded = provider.requests.take(request)
        fault = self.faults.refusal(where, request.raw_path)
        if fault is None:
            return provider.answer(recorded).response()
        recorded.fault = fault.name
        sender = SENDERS.get(fault.name)
        if sender is None:
            return provider.refusal(fault.name, recorded).response()
        body = b"" if fault.name in UNCHARGED else provider.answer(recorded).body_bytes()
        response = await sender(Case(request, fault, body, self.stranger.url))
        recorded.status = recorded.status or response.status
        return response


# The admin API: sets balances, prices and faults from outside the process.

_SWITCHES = {
    "coinstats": frozenset(
        {
            "credits_limit",
            "credits_used",
            "exhausted_shape",
            "requests_per_second",
            "charge_failed",
            "plan",
            "lag",
        }
    ),
    "teos": frozenset({"wrapped", "page_size", "zero", "per_minute", "per_day", "unknown_asset", "queue"}),
}


async def answer_admin(sim: Simulation, request: web.BaseRequest) -> web.StreamResponse:
    """Serve one admin request; a wrong one is a 400 with a text that says what is wrong."""
    what = f"{request.method} {request.path.removeprefix('/admin/').rstrip('/')}"
    try:
        text = await request.text()
        body = json.loads(text) if text else {}
        result = _do(sim, what, body)
    except (ValueError, TypeError, KeyError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
    if result is None:
        return web.json_response({"error": f"no such call: {what}"}, status=404)
    return web.json_response(result)


def _do(sim: Simulation, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
    if what == "GET meter":
        return _meter(sim)
    change = _CHANGES.get(what)
    if change is None:
        return None
    change(sim, body)
    return {"done": True}


def _amount(sim: Simulation, body: dict[str, Any]) -> None:
    """`amount` is text; null takes the coin out of the wallet."""
    if body["amount"] is None:
        sim.world.remove(body["address"], body["chain"], body["token"])
    else:
        sim.world.set_amount(**body)


def _switch(sim: Simulation, body: dict[str, Any]) -> None:
    """`{"coinstats": {"credits_limit": 400}, "teos": {"wrapped": true}}`."""
    for where, switches in body.items():
        for name, value in switches.items():
            if name not in _SWITCHES[where]:
                raise ValueError(f"{where} has no switch {name!r}")
            setattr(getattr(sim, where), name, value)


def _meter(sim: Simulation) -> dict[str, Any]:
    coinstats = {"credits_used": sim.coinstats.credits_used, "requests": sim.coinstats.requests.total}
    return {
        "coinstats": {**coinstats, "credits_limit": sim.coinstats.credits_limit},
        "teos": {"calls": sim.teos.requests.total},
        "stranger": {"requests": sim.stranger.requests.total},
    }


_CHANGES: dict[str, Callable[[Simulation, dict[str, Any]], Any]] = {
    "POST amount": _amount,
    "POST price": lambda sim, body: sim.world.set_price(**body),
    "POST drain": lambda sim, body: sim.world.drain(**body),
    "POST asset": lambda sim, body: sim.world.define_asset(**body),
    "POST transfer": lambda sim, body: sim.world.transfer(**body),
    "POST sparks": lambda sim, body: sim.world.set_sparks(**body),
    "POST hints": lambda sim, body: sim.post_hints(**body),
    "POST faults": lambda sim, body: sim.faults.add(**body),
    "DELETE faults": lambda sim, body: sim.faults.clear(),  # noqa: ARG005
    "POST switches": _switch,
    "POST reset-period": lambda sim, body: sim.coinstats.reset_period(),  # noqa: ARG005
}
