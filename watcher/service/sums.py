"""Sums apart: where many share a store, one judges what their decisions have left, a moment after each."""

from __future__ import annotations

import logging

from watcher.domain.values.errors import StoreError
from watcher.service.engine import SUMS, RuleEngine

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds from one look for what others have left to the next."""

AFTER_FAULT = 5.0


class SumEvaluation:
    """Judges until nothing is left, then waits. It rests for as long as it has worked, so that polls which
    share its process are not held up; what was left many times meanwhile is judged once."""

    def __init__(self, engine: RuleEngine) -> None:
        self._engine, self._clock = engine, engine.clock
        self._most = SUMS

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            began = self._clock.monotonic()
            try:
                left = await self.once()
            except StoreError as error:
                log.error("store: %s; sums wait", error)  # noqa: TRY400
                await self._clock.sleep(AFTER_FAULT)
                continue
            if left:
                await self._clock.sleep(min(self._clock.monotonic() - began, LOOK))
            elif await self._clock.wait(self._engine.left, LOOK):
                self._engine.left.clear()

    async def once(self) -> bool:
        """Judge some; whether there were any. Where one cannot be judged for a fault of ours the others are,
        one by one, and it is left out until it moves again."""
        try:
            found = await self._engine.judge_sums(self._most)
        except StoreError:
            raise
        except Exception:
            # The one broad catch of this loop: one bad sum must not end the judging of others.
            log.exception("unexpected error while judging sums")
            self._most = 1
            return True
        self._most = min(self._most * 2, SUMS)
        return found > 0
