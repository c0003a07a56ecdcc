"""A channel's far end: what arrived there, when, and through whom."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watcher.domain.messages.delivery import Delivery, NotSent, SendResult, Sent

TROUBLES = ("refuses", "hangs", "takes and says nothing", "slow")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery that arrived. `sent_at`: when its sending began, in seconds of the simulation."""

    delivery: Delivery
    member: str
    sent_at: float
    at: float


class Far:
    """The service behind a channel."""

    def __init__(
        self,
        name: str,
        seed: str,
        time: Callable[[], float],
        cut_off: Callable[[str], bool],
        on_arrival: Callable[[Arrival], None],
        on_begin: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`on_begin` hears who begins to send."""
        self.name, self._time, self._cut_off, self._on_arrival = name, time, cut_off, on_arrival
        self._on_begin = on_begin
        self._chance = random.Random(f"far {name} {seed}")
        self.trouble, self.share = "", 1.0
        self.arrived: dict[str, list[Arrival]] = {}
        """By the id of the delivery."""

    def ail(self, trouble: str, share: float = 1.0) -> None:
        self.trouble, self.share = trouble, share

    def recover(self) -> None:
        self.trouble = ""

    async def take(self, deliveries: Sequence[Delivery], member: str) -> SendResult:
        began, trouble = self._time(), ""
        self._on_begin(member)
        await asyncio.sleep(self._latency())
        if self.trouble and self._chance.random() < self.share:
            trouble = self.trouble
        if self._cut_off(member) or trouble == "hangs":
            await asyncio.sleep(20)
            return NotSent("it took no connection")
        if trouble == "refuses":
            wait = self._chance.choice((None, None, 7.0))
            return NotSent("it answered 503", retry_after=wait)
        for each in deliveries:
            arrival = Arrival(each, member, began, self._time())
            self.arrived.setdefault(each.id, []).append(arrival)
            self._on_arrival(arrival)
        await asyncio.sleep(self._latency())
        if self._cut_off(member) or trouble == "takes and says nothing":
            await asyncio.sleep(20)
            return NotSent("it did not answer", maybe_sent=True)
        return Sent(receipt=f"r{len(self.arrived)}")

    def _latency(self) -> float:
        if self.trouble == "slow" and self._chance.random() < self.share:
            return self._chance.uniform(1, 15)
        return self._chance.choice((0.0, 0.01, 0.05, 0.2, 1.0))
