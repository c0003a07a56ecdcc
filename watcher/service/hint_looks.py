"""Hint looks: requests of hint sources to the API of a polled source, within its rate and its allowance."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.credits.allowance import Booking, CreditRefusal, Purpose
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import moment
from watcher.ports.clock import Clock
from watcher.ports.hints import HintCallRejectedError, HintSourceError
from watcher.ports.source import RawAnswer, RawCall
from watcher.ports.store import Settlement, Store
from watcher.service.throttle import SourceThrottle


class HintLooks:
    """Access to the API of one source, as `ports.hints.ApiAccess`. A look leaves the reserve alone, and waits
    for its turn like a poll; its failure slows down none."""

    def __init__(self, throttle: SourceThrottle, store: Store, clock: Clock) -> None:
        self._throttle, self._store, self._clock = throttle, store, clock

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        """The body of the answer; HintSourceError says why there is none."""
        with self._throttle.request():
            try:
                answer = await self._ask(RawCall(method, path, tuple(query)), cost)
            except StoreError as error:
                raise HintSourceError(f"the ledger cannot be written: {error}") from None
        if answer.rejected:
            raise HintCallRejectedError(f"{self._name}: {answer.failure}")
        if answer.failure:
            raise HintSourceError(f"{self._name}: {answer.failure}", refused=answer.refused)
        return answer.body

    async def _ask(self, call: RawCall, cost: int) -> RawAnswer:
        until = self._throttle.asleep_until
        if until is not None and await self._throttle.asleep(Purpose.HINTING, cost):
            raise self._without_credits(CreditRefusal(until, self._throttle.asleep_because))
        await self._throttle.turn()
        booking = Booking(self._name, 0, cost, Purpose.HINTING, self._clock.now())
        grant = await self._store.reserve(booking, self._throttle.source.allowance)
        if isinstance(grant, CreditRefusal):
            raise self._without_credits(grant)
        answer = await self._throttle.ask(call, cost)
        settlement = Settlement(grant, self._clock.now(), answer.charged, failure=answer.failure)
        await self._store.fail(settlement)
        return answer

    def _without_credits(self, refusal: CreditRefusal) -> HintSourceError:
        return HintSourceError(
            f"{self._name}: nothing may be asked until {moment(refusal.until)}: {refusal.reason}"
        )

    @property
    def _name(self) -> str:
        return self._throttle.source.name
