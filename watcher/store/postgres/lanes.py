"""Lanes of channels, as whoever tells one leaves it for the next. Written only by who tells it now."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from watcher.ports.channel_lane import LaneState, ToldThen
from watcher.ports.members import Lease
from watcher.store.codec import from_ms, ms, time, to_ms
from watcher.store.postgres.leases import check_lease
from watcher.store.postgres.pool import Connection

T = TypeVar("T")

_LAST = "SELECT told, paused_until, asked_to_wait, failures, apart FROM lanes WHERE channel = %s"
_KEEP = (
    "INSERT INTO lanes (channel, told, paused_until, asked_to_wait, failures, apart)"
    " VALUES (%(channel)s, %(told)s, %(paused)s, %(asked)s, %(failures)s, %(apart)s)"
    " ON CONFLICT (channel) DO UPDATE SET told = excluded.told, paused_until = excluded.paused_until,"
    " asked_to_wait = excluded.asked_to_wait, failures = excluded.failures, apart = excluded.apart"
)


class SharedLane:
    """One channel under one lease, as `ports.channel_lane.ChannelLane`."""

    def __init__(
        self, channel: str, lease: Lease, do: Callable[[Callable[[Connection], Any]], Awaitable[Any]]
    ) -> None:
        """`do`: does something on a connection, in a thread."""
        self._channel, self._lease, self._do = channel, lease, do

    async def last(self) -> LaneState:
        row = await self._do(lambda conn: conn.execute(_LAST, (self._channel,)).fetchone())
        if row is None:
            return LaneState()
        told, paused, asked, failures, apart = row
        return LaneState(
            tuple(ToldThen(from_ms(at), *counts) for at, *counts in json.loads(told)),
            time(paused), asked, failures, frozenset(json.loads(apart)),
        )  # fmt: skip

    async def keep(self, state: LaneState) -> None:
        values = {
            "channel": self._channel, "paused": ms(state.paused_until), "asked": state.asked_to_wait,
            "told": json.dumps([[to_ms(each.at), *each[1:]] for each in state.told]),
            "failures": state.failures, "apart": json.dumps(sorted(state.apart)),
        }  # fmt: skip

        def write(conn: Connection) -> None:
            with conn.transaction():
                check_lease(conn, self._lease)
                conn.execute(_KEEP, values)

        await self._do(write)
