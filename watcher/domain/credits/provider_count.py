"""Provider count: what the provider's own count of credits says, set against the ledger.

The figure states no period. It is believed at once where it is higher than the ledger (others use
the key); where it is lower, only what two readings in a row agree on is given back: what was booked
before the first of them would have been counted by the second. A fall is a renewal.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.records import Record, asdict, replace

USAGE = "usage"
"""Under this name the store keeps the last figure of a source."""

RENEWAL = 0.01
"""A fall by more than this share of the plan in use is a renewal; a smaller one may be a refund. Of the plan
in use: what the provider sells may be far more than is ever spent."""


class Usage(Record, frozen=True):
    """Credits of the current period, as the provider counts them."""

    total: int
    used: int


class Metered(Record, frozen=True):
    """The last figure that was read, and what is known from it and those before."""

    at: datetime
    total: int
    used: int
    ahead: int = 0
    """Credits that the ledger had beyond `used`, with no request under way."""
    renewed: datetime | None = None
    """A renewal that was seen elsewhere than the configuration has it."""

    def dump(self) -> str:
        """A fact for the store."""
        value = asdict(self)
        value["at"] = self.at.isoformat()
        value["renewed"] = self.renewed.isoformat() if self.renewed else None
        return json.dumps(value)

    @classmethod
    def load(cls, text: str | None) -> Metered | None:
        """The inverse of `dump`; None for what cannot be read."""
        try:
            value = json.loads(text or "null")
            renewed = value["renewed"]
            return cls(
                datetime.fromisoformat(value["at"]).astimezone(UTC),
                int(value["total"]),
                int(value["used"]),
                int(value["ahead"]),
                datetime.fromisoformat(renewed).astimezone(UTC) if renewed else None,
            )
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def left(self) -> int:
        """Credits that the provider has left for this key."""
        return max(self.total - self.used, 0)


def applied(configured: CreditPlan, metered: Metered | None) -> CreditPlan:
    """The plan as it really is: never more than the provider sells, with the periods that were seen."""
    if metered is None:
        return configured
    return replace(configured, limit=min(configured.limit, metered.total), renewed=metered.renewed)


def noted(before: Metered | None, usage: Usage, now: datetime, configured: CreditPlan) -> Metered:
    """The new figure; if it fell, a renewal lies between the two readings."""
    renewed = before.renewed if before else None
    if before is not None and _fell(before, usage, applied(configured, before).limit):
        expected = configured.bounds(now)[0]
        if before.at <= expected <= now:
            renewed = None
        elif renewed is None or not before.at <= applied(configured, before).bounds(now)[0] <= now:
            renewed = now
    return Metered(now, usage.total, usage.used, 0, renewed)


def correction(
    before: Metered | None, now: Metered, booked: int, start: datetime, *, quiet: bool
) -> tuple[int, Metered]:
    """Credits to book so that the ledger agrees, and the figure to keep.

    `booked` is what the ledger has since `start` of the period; `quiet`: nothing was under way.
    """
    ahead = booked - now.used
    if ahead <= 0:
        return -ahead, replace(now, ahead=0)
    if not quiet:
        return 0, replace(now, ahead=0)
    same = before is not None and start <= before.at and before.used <= now.used
    back = min(before.ahead, ahead) if before is not None and same else 0
    return -back, replace(now, ahead=ahead - back)


def _fell(before: Metered, usage: Usage, plan: int) -> bool:
    fall = before.used - usage.used
    return fall > 0 and (usage.used == 0 or fall > RENEWAL * plan)
