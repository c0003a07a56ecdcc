"""How fast a source is asked, and whether it sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class SourceThrottle:
    """When the next request of a source may start, in monotonic seconds and in time of day."""

    next_start: float = 0.0
    failures: int = 0
    asleep_until: datetime | None = None
    asleep_because: str = ""
    asleep_cost: int = 0
    """What costs less is asked all the same: it was not refused."""

    def asleep(self, now: datetime, cost: int) -> bool:
        return self.asleep_until is not None and now < self.asleep_until and cost >= self.asleep_cost

    def sleep(self, until: datetime, because: str, cost: int) -> None:
        """No request of `cost` or more fits until then."""
        self.asleep_until, self.asleep_because, self.asleep_cost = until, because, cost

    def wake(self) -> None:
        self.asleep_until, self.asleep_because, self.asleep_cost = None, "", 0
