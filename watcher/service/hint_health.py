"""Hint health: says once that a hint source is not heard, or is silent, and once that it is heard again."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.builtin_notices import HINTS_RULE, hint_notice
from watcher.domain.messages.message import Severity
from watcher.domain.values.durations import span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import met, not_met
from watcher.ports.hint_state import HintSourceState
from watcher.ports.store import Recall
from watcher.service.engine import RuleEngine

log = logging.getLogger(__name__)

TELL_AFTER = timedelta(minutes=15)
"""A hint source that is not heard for so long is told of; polls go on without it."""

SILENT_FOR = timedelta(hours=1)
"""The same of one that tells nothing of the changes that polls find."""

STOOD = 30.0
"""A connection that has lasted so many seconds stands: one that breaks ever again at once is none."""

NET = "the schedule finds changes without them, later"


class HintHealth:
    """What people were told of one hint source. That is in the store; the rest may be lost in a crash."""

    def __init__(self, name: str, engine: RuleEngine) -> None:
        self._name, self._engine, self._clock = name, engine, engine.clock
        self._down: tuple[float, datetime] | None = None
        """Since when no connection stands, by the monotonic clock and by the time of day."""
        self._up: float | None = None
        self._told: bool | None = None
        """What the store's notice says; None: not asked since the start."""

    async def judge(self, state: HintSourceState) -> None:
        """Fire or resolve the notice, as the state of the source asks for."""
        now = self._clock.now()
        self._note(state, now)
        trouble = self._trouble(state, now)
        if trouble is None or bool(trouble) is self._told:
            return
        severity = Severity.CRITICAL if state.refused else Severity.WARNING

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            known = past.alerts.get((HINTS_RULE, self._name))
            if trouble and known is not None:
                return Decision(at=now)  # told before a restart
            since = known.since if known is not None else now
            lasted = span(max((now - since).total_seconds(), 0.0))
            verdict = met(trouble) if trouble else not_met(f"heard again, {lasted} after that was told")
            return hint_notice(past, self._name, verdict, self._engine.rules.channels, now, severity)

        try:
            await self._engine.conclude([], deciding)
        except StoreError as error:
            log.warning("the notice about hints %s waits: %s", self._name, error)
            return
        self._told = bool(trouble)

    def _note(self, state: HintSourceState, now: datetime) -> None:
        """Since when a connection stands, or none does."""
        elapsed = self._clock.monotonic()
        if state.up_since is None:
            if state.why:  # before the first failure it may merely take its time
                self._down = self._down or (elapsed, now)
            self._up = None
            return
        self._up = elapsed if self._up is None else self._up
        if elapsed - self._up >= STOOD:
            self._down = None

    def _trouble(self, state: HintSourceState, now: datetime) -> str | None:
        """What is wrong with the source, in words; empty if nothing is; None: nobody can say yet."""
        if self._down is not None:
            elapsed, since = self._down
            lasted = timedelta(seconds=self._clock.monotonic() - elapsed)
            if state.up_since is not None or (lasted < TELL_AFTER and not state.refused):
                return None
            return f"not heard since {moment(since)} ({state.why}); {NET}"
        if state.up_since is None:
            return None
        if state.silent_since is not None and now - state.silent_since >= SILENT_FOR:
            return (
                f"silent: since {moment(state.silent_since)} polls found changes that it did not tell; {NET}"
            )
        return ""
