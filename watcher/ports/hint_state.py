"""State of a hint source, as whoever listens to it keeps it for those who look beside the daemon."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime

from watcher.domain.records import Record, field

STATE = "listening"
"""Under this name, of `hints_of` a hint source, the store keeps its state."""

HINT_RESULTS = ("taken", "gathered", "late", "duplicate", "unknown")
"""What came of a hint: a poll is planned upon it; one was planned already; what it tells of is long past; it
was told before; nobody watches the place."""

COUNTED = (*HINT_RESULTS, "gaps")
"""And times for which hints may be missing."""


class HintSourceState(Record):
    """How a hint source fares. Times are times of day.

    `up_since`: since when it is heard, None if it is not; `down_since`: since when it is not, and `why`, in
    words without a secret; `refused`: a person must act. `last_alive`: the last sign of life, hints included.
    `silent_since`: since when polls found changes that it told nothing of. `at`: when this was kept.
    """

    up_since: datetime | None = None
    down_since: datetime | None = None
    why: str = ""
    refused: bool = False
    last_alive: datetime | None = None
    last_hint: datetime | None = None
    silent_since: datetime | None = None
    at: datetime | None = None
    day: date | None = None
    """The day, in UTC, of which `today` counts."""
    today: Counter[str] = field(default_factory=Counter)

    def count(self, what: str, now: datetime) -> None:
        """One more of `COUNTED`."""
        if now.date() != self.day:
            self.day, self.today = now.date(), Counter()
        self.today[what] += 1

    def dump(self) -> str:
        """As a fact for the store."""
        found: dict[str, object] = {name: getattr(self, name) for name in ("why", "refused")}
        found |= {name: _text(getattr(self, name)) for name in (*_TIMES, "day")}
        return json.dumps({**found, "today": self.today})

    @classmethod
    def load(cls, text: str | None) -> HintSourceState | None:
        """The inverse of `dump`; None if nothing was kept, or nobody can read it."""
        try:
            kept = json.loads(text or "")
            times = {name: _time(kept[name]) for name in _TIMES}
            day = date.fromisoformat(kept["day"]) if kept["day"] else None
            today = Counter({each: int(kept["today"].get(each, 0)) for each in COUNTED})
            return cls(**times, why=str(kept["why"]), refused=bool(kept["refused"]), day=day, today=today)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


_TIMES = ("up_since", "down_since", "last_alive", "last_hint", "silent_since", "at")


def _text(at: date | None) -> str | None:
    return None if at is None else at.isoformat()


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
