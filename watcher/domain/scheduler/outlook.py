"""Outlook: what the schedule of one source intends, and how it fares; kept for whoever looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from watcher.domain.records import Record, asdict, field

OUTLOOK = "outlook"
"""Under this name the store keeps the last one of a source."""


class Detections(Record):
    """Changes found in this period. After each one the change lies within the last gap, so it waited at
    most that long, on average half of it."""

    count: int = 0
    gaps: float = 0.0
    """Seconds since the poll before, summed."""
    planned: float = 0.0
    """The intervals that were intended then, summed."""

    def note(self, gap: float, planned: float) -> None:
        self.count += 1
        self.gaps += gap
        self.planned += planned


class Outlook(Record, frozen=True):
    """Seconds, and credits (or calls) of a period that ends at `ends` (unix seconds)."""

    ends: float
    planned: float
    """What the present intervals would cost in a whole period."""
    stretch: float
    """How many times longer than set or promised the intervals are; 1 if all is well."""
    intervals: Mapping[str, float]
    """`chain:address` → seconds between two polls, as things stand."""
    finds: Detections = field(default_factory=Detections)
    length: float = 0.0
    """Of the period."""
    began: float | None = None
    """When the source was first polled by this plan; None: nobody noted it."""

    def pace(self, since: datetime, spent: int, now: datetime) -> float:
        """Credits a second from `since` until now, of which `spent` were booked: before the source was
        polled at all what is planned, for minutes say nothing of a day."""
        whole = max((now - since).total_seconds(), 1.0)
        unseen = min(max((self.began or 0.0) - since.timestamp(), 0.0), whole)
        planned = self.planned / self.length if self.length else None
        if planned is None or not unseen:
            return max(spent, 0) / whole
        return (max(spent, 0) + planned * unseen) / whole

    def dump(self, intervals: str | None = None) -> str:
        """A fact for the store. `intervals`: their JSON, where it was written already, in parts."""
        rest = {"ends": self.ends, "planned": self.planned, "stretch": self.stretch,
                "finds": asdict(self.finds), "length": self.length, "began": self.began}  # fmt: skip
        whole = json.dumps(dict(self.intervals)) if intervals is None else intervals
        return f'{json.dumps(rest, separators=(",", ":"))[:-1]},"intervals":{whole}}}'

    @classmethod
    def load(cls, text: str | None) -> Outlook | None:
        """The inverse of `dump`; None for what cannot be read."""
        try:
            value = json.loads(text or "null")
            finds = value["finds"]
            return cls(
                float(value["ends"]),
                float(value["planned"]),
                float(value["stretch"]),
                {str(key): float(x) for key, x in value["intervals"].items()},
                Detections(int(finds["count"]), float(finds["gaps"]), float(finds["planned"])),
                float(value.get("length", 0.0)),
                None if value.get("began") is None else float(value["began"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
