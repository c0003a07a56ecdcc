"""Metrics: what this process has done since it began, counted for `/metrics`.

Counts are of this process alone and begin at zero with it, as Prometheus expects of counters. The loop
writes them; whoever reads takes a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import DeliveryState, Fault, NotSent, SendResult
from watcher.domain.model import MissReason
from watcher.domain.records import Record, field
from watcher.ports.figures import Durations, StoreFigures
from watcher.ports.hint_state import HINT_RESULTS
from watcher.ports.hints import HintedPoll

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds of a request, at most."""
HINT_BUCKETS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds from a hint to its reading, at most. It waits for the provider, and for its turn."""
READ = "read"
FAILURES = ("refused", "rate limited", "timeout", "failed")
"""Why a notification failed: for good; asked to wait; it may have arrived; anything else."""


HINT_POLLS = ("confirmed", "barren", "unread", "refused")
"""What came of a poll upon a hint: a change; none; no reading; it was not made, for want of credits say."""


class Metrics(Record):
    """All counts. `loaded`: when the configuration in force was read; `refused`: mistakes in the file that
    was last asked for, if it could not be."""

    loaded: datetime
    refused: int = 0
    polls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Source and `read`, or why not → accounts asked for."""
    requests: dict[str, Durations] = field(default_factory=dict)
    credits: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Source and `amount` or `zero` → readings that were held until a second one agrees."""
    notifications: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Channel and one of `FAILURES` → notifications that it did not take."""
    suppressed: Counter[str] = field(default_factory=lambda: Counter(silenced=0, inhibited=0))
    hints: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Hint source and one of `HINT_RESULTS` → hints that it told."""
    hint_gaps: Counter[str] = field(default_factory=Counter)
    """Hint source → times for which hints of it may be missing."""
    hint_posts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Hint source and HTTP status → requests that were posted to it."""
    hint_up: dict[str, bool] = field(default_factory=dict)
    """Hint source → whether it is heard."""
    hint_silent: dict[str, bool] = field(default_factory=dict)
    """Hint source → whether it tells nothing of changes that polls find."""
    last_hints: dict[str, datetime] = field(default_factory=dict)
    hint_polls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Hint source and one of `HINT_POLLS` → accounts that were to be polled upon its word."""
    hint_credits: Counter[str] = field(default_factory=Counter)
    """Hint source → what those polls cost."""
    hint_delays: dict[str, Durations] = field(default_factory=dict)
    """Hint source → seconds from its word to the reading."""
    stalled: int = 0
    """Jobs that members had taken that are gone, and that were given to others."""
    store: StoreFigures | None = None
    """What the store does, if it says so."""
    lag: Callable[[], float] | None = None
    """Tells by how many seconds the loop was late at most, in the last minute; None: nobody knows."""

    def know(self, sources: Iterable[str], channels: Iterable[str]) -> None:
        """Begin at zero with what has not happened yet: otherwise its first time would not be seen."""
        for source in sources:
            self.requests.setdefault(source, Durations(BUCKETS))
            self.credits[source] += 0
            for outcome in (READ, MissReason.INTERNAL):
                self.polls[source, str(outcome)] += 0
        for channel in channels:
            self.notifications[channel] += 0
            for reason in FAILURES:
                self.failed[channel, reason] += 0

    def concluded(self, conclusion: Decision, *, polled: bool) -> None:
        """Something was decided and is in the store. `polled`: because of a request."""
        if polled and conclusion.accounts:
            self._polled(conclusion)
        for alert in conclusion.alerts:
            if alert.held and alert.fired_at == conclusion.at:
                self.suppressed[alert.held.split()[0]] += 1
        held = {
            (each.message.id, each.message.kind): each.last_error
            for each in conclusion.deliveries
            if each.state is DeliveryState.WITHHELD
        }
        for why in held.values():
            self.suppressed[why.split()[0]] += 1

    def _polled(self, conclusion: Decision) -> None:
        source = conclusion.accounts[0].account.source
        missed = 0
        for state in conclusion.accounts:
            if state.misses:
                missed += 1
                self.polls[source, state.miss.partition(":")[0]] += 1
            elif state.held:
                for held in state.held.values():
                    if held.since == conclusion.at:
                        self.quarantined[source, "amount" if held.amount else "zero"] += 1
        self.polls[source, READ] += len(conclusion.accounts) - missed

    def requested(self, source: str, seconds: float, charged: int) -> None:
        """A request was answered, or failed."""
        self.requests.setdefault(source, Durations(BUCKETS)).note(seconds)
        self.credits[source] += charged

    def listens(self, names: Iterable[str]) -> None:
        """Begin at zero with what hint sources have not done yet."""
        for name in names:
            self.hint_credits[name] += 0
            self.hint_gaps[name] += 0
            self.hint_up[name] = self.hint_silent[name] = False
            self.hint_delays.setdefault(name, Durations(HINT_BUCKETS))
            for result in HINT_RESULTS:
                self.hints[name, result] += 0
            for result in HINT_POLLS:
                self.hint_polls[name, result] += 0

    def hinted(self, name: str, result: str, now: datetime) -> None:
        """A hint came."""
        self.hints[name, result] += 1
        self.last_hints[name] = now

    def hint_poll(self, poll: HintedPoll) -> None:
        """A poll that was made upon a hint is settled."""
        name = poll.word.by
        self.hint_polls[name, "unread" if poll.changed is None else _FOUND[poll.changed]] += 1
        self.hint_credits[name] += poll.credits
        if poll.changed is not None:
            seconds = max((poll.at - poll.word.at).total_seconds(), 0.0)
            self.hint_delays.setdefault(name, Durations(HINT_BUCKETS)).note(seconds)

    def notified(self, channel: str, result: SendResult) -> None:
        """A notification was tried."""
        self.notifications[channel] += 1
        if isinstance(result, NotSent):
            self.failed[channel, _failure(result)] += 1


_FOUND = {True: "confirmed", False: "barren"}


def _failure(result: NotSent) -> str:
    if result.fault is not Fault.PASSING:
        return "refused"
    if result.retry_after is not None:
        return "rate limited"
    return "timeout" if result.maybe_sent else "failed"
