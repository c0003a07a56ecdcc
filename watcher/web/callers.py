"""Who asks: under which name, and whether they may act or only look."""

from __future__ import annotations

from typing import NamedTuple

from aiohttp import web


class Caller(NamedTuple):
    """Whoever sent a request. `name`: who they are, as far as this is known; empty if it is not."""

    name: str = ""
    may_act: bool = False


NOBODY = Caller()
CALLER = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """As the server found out before it handed the request on."""
    caller: Caller = request.get(CALLER, NOBODY)
    return caller
