"""The admin API: sets balances, prices and faults from outside the process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from watcher.sim.server import Simulation

_SWITCHES = {
    "coinstats": frozenset(
        {"credits_limit", "credits_used", "exhausted_shape", "requests_per_second", "charge_failed", "plan"}
    ),
    "teos": frozenset({"wrapped", "page_size", "zero", "per_minute", "per_day", "unknown_asset"}),
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
    "POST sparks": lambda sim, body: sim.world.set_sparks(**body),
    "POST faults": lambda sim, body: sim.faults.add(**body),
    "DELETE faults": lambda sim, body: sim.faults.clear(),  # noqa: ARG005
    "POST switches": _switch,
    "POST reset-period": lambda sim, body: sim.coinstats.reset_period(),  # noqa: ARG005
}
