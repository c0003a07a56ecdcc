"""What the cadence of one source intends, and how it fares: kept by the daemon for whoever looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

OUTLOOK = "outlook"
"""Under this name the store keeps the last one of a source."""


@dataclass(slots=True)
class Finds:
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


@dataclass(frozen=True, slots=True)
class Outlook:
    """Seconds, and credits (or calls) of a period that ends at `ends` (unix seconds)."""

    ends: float
    planned: float
    """What the present intervals would cost in a whole period."""
    stretch: float
    """How many times longer than set or promised the intervals are; 1 if all is well."""
    intervals: Mapping[str, float]
    """`chain:address` → seconds between two polls, as things stand."""
    finds: Finds = field(default_factory=Finds)

    def dump(self, intervals: str | None = None) -> str:
        """A fact for the store. `intervals`: their JSON, where it was written already, in parts."""
        rest = {"ends": self.ends, "planned": self.planned, "stretch": self.stretch,
                "finds": asdict(self.finds)}  # fmt: skip
        whole = json.dumps(dict(self.intervals)) if intervals is None else intervals
        return f'{json.dumps(rest, separators=(",", ":"))[:-1]},"intervals":{whole}}}'


def load(text: str | None) -> Outlook | None:
    """The inverse of `dump`; None for what cannot be read."""
    try:
        value = json.loads(text or "null")
        finds = value["finds"]
        return Outlook(
            float(value["ends"]),
            float(value["planned"]),
            float(value["stretch"]),
            {str(key): float(x) for key, x in value["intervals"].items()},
            Finds(int(finds["count"]), float(finds["gaps"]), float(finds["planned"])),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
