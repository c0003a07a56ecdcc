"""`budget`: the credits of a source that run out, or of which a share is used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.records import Record
from watcher.domain.rules.base import StateRule, parse_decimal
from watcher.domain.rules.distance import Near, joint, near
from watcher.domain.rules.match import Match
from watcher.domain.scheduler.outlook import Outlook
from watcher.domain.values.decimals import times
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import about, moment, plain
from watcher.domain.values.verdict import Verdict, met, not_met

AS_PLANNED = 20
"""Credits that are gone in the last twentieth of a period are used as planned: the cadence spends them."""

PACES = 30
"""The pace of late is what was spent in a thirtieth of a period: a day of a month."""

SHORTEST_PACE = timedelta(hours=3)
HOUR = timedelta(hours=1)
FAR = timedelta(days=3650)
SHARE = {"type": "string", "pattern": r"^[0-9._]+ *%$", "examples": ["80%"]}


def _share(value: object) -> object:
    """`"80%"` as a number of per cent."""
    if not isinstance(value, str) or not value.strip().endswith("%"):
        raise InputError('write a share in quotes, such as "80%"')
    number = parse_decimal(value.strip().removesuffix("%"))
    if not isinstance(number, Decimal) or not 0 < number <= 100:
        raise InputError(f"'{value}' must be above 0% and at most 100%")
    return number


class Use(Record, frozen=True):
    """What the ledger says of one source: credits `spent` in this period, and `late`: since `since`."""

    plan: CreditPlan
    spent: int
    late: int
    since: datetime
    at: datetime
    """When the ledger was read: of that moment is all that is said, also when a period ends meanwhile."""
    outlook: Outlook | None = None
    """What the cadence plans, and since when."""

    @property
    def pace(self) -> float:
        """Credits a second of late. What a source that is new would have spent before is what is planned."""
        if self.outlook is not None:
            return self.outlook.pace(self.since, self.late, self.at)
        return max(self.late, 0) / max((self.at - self.since).total_seconds(), 1.0)

    @property
    def average(self) -> float:
        """Credits a second of this period, from when on the source was polled."""
        start = self.plan.bounds(self.at)[0].timestamp()
        began = (self.outlook.began if self.outlook is not None else None) or start
        return max(self.spent, 0) / max(self.at.timestamp() - max(start, began), 1.0)

    def runs_out(self) -> datetime | None:
        """When the credits are gone before the period's last twentieth, by the pace of late and by the
        average of the period alike; None if they last, or are used as planned."""
        start, end = self.plan.bounds(self.at)
        left = max(self.plan.limit - self.spent, 0)
        early = end - (end - start) / AS_PLANNED
        average, late = _gone(left, self.average, self.at), _gone(left, self.pace, self.at)
        if average is None or late is None or average >= early or late >= early:
            return None
        return late

    def facts(self) -> list[tuple[str, str]]:
        """What every message about it says."""
        start, end = self.plan.bounds(self.at)
        used = f"{self.spent:,} of {self.plan.limit:,} used"
        return [("Credits", used), ("Period", f"{moment(start)} to {moment(end)}")]


def pace_since(plan: CreditPlan, now: datetime) -> datetime:
    """From when on spending makes up the pace of late: a whole hour, as the ledger counts."""
    start, end = plan.bounds(now)
    begin = now.astimezone(UTC) - max((end - start) / PACES, SHORTEST_PACE)
    return begin.replace(minute=0, second=0, microsecond=0)


class BudgetRule(StateRule):
    """Fires when the credits of a source run out within a time, or when a share of them is used.

    Judged by the ledger, four times a minute, never by a reading. `used` is met as soon as that share
    is reached. `runs_out_within` is met when both the pace of late (of a day, where credits are sold
    by the month) and the average of this period would use all credits up before the period's last
    twentieth, in which the cadence itself uses what is left; and the pace of late within that time.
    Once firing, it resolves when that pace leaves enough for the period.
    """

    type: Literal["budget"] = "budget"
    source: str
    """Name of the source whose credits are watched."""
    runs_out_within: Duration | None = None
    """Time; met when the credits would be gone within it, and before the period ends."""
    used: Annotated[Decimal, BeforeValidator(_share), WithJsonSchema(SHARE)] | None = None
    """Share of the credits of this period, as in `"80%"`; met as soon as it is reached."""

    @model_validator(mode="after")
    def _says_when(self) -> BudgetRule:
        if self.runs_out_within is None and self.used is None:
            raise InputError('runs_out_within or used is needed, such as runs_out_within: 3d or used: "80%"')
        if self.runs_out_within is not None and self.runs_out_within <= timedelta(0):
            raise InputError("runs_out_within must be positive", place=("runs_out_within",))
        if self.match != Match():
            raise InputError("budget is about a whole source: leave match out", place=("match",))
        if any(sign in self.source for sign in "*?["):
            what = f"'{self.source}' must be the name of one source, not a pattern"
            raise InputError(what, place=("source",))
        return self

    def judge(self, use: Use, *, firing: bool) -> Verdict:
        """The answer with its because, in words that stay the same while little changes."""
        plan, (_, end) = use.plan, use.plan.bounds(use.at)
        share = about(Decimal(100 * use.spent), Decimal(plan.limit), 1)
        words = f"{share}\N{NARROW NO-BREAK SPACE}% of {plan.limit:,} credits are used"
        over = self.used is not None and use.spent * 100 >= plan.limit * self.used
        out = self._runs_out(use, firing=firing)
        if over:
            words += f", at least {plain(self.used or Decimal(0))}\N{NARROW NO-BREAK SPACE}%"
        if out is not None:
            gone = out <= use.at
            words += "; none are left" if gone else f"; at the pace of late they are gone by {moment(out)}"
        words += f"; the next come at {moment(end)}"
        return met(words) if over or out is not None else not_met(words)

    def near(self, use: Use) -> Near:
        """How far what is used, or the time for which credits last, is from the level; the nearer of them."""
        found: list[tuple[Near, bool]] = []
        if self.used is not None:
            whole = times(Decimal(use.plan.limit), self.used)
            found.append((near(Decimal(use.spent * 100), whole, "what is used"), False))
        out = use.runs_out() if self.runs_out_within is not None else None
        if out is not None and self.runs_out_within is not None:
            left, level = max(out - use.at, timedelta(0)), self.runs_out_within
            found.append((near(_ms(left), _ms(level), "the time that the credits last"), True))
        return joint(found, every=False) if found else Near(None, "the credits last at the pace of late")

    def _runs_out(self, use: Use, *, firing: bool) -> datetime | None:
        """The hour in which the credits are gone; None if they last, or longer than is asked about."""
        if self.runs_out_within is None:
            return None
        now, late = use.at, use.runs_out()
        if late is None or (not firing and late - now >= self.runs_out_within):
            return None
        hour = late.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return hour + HOUR if late > now else now

    def describe(self) -> str:
        parts = [f"{plain(self.used)} % used"] if self.used is not None else []
        if self.runs_out_within is not None:
            parts.append(f"run out within {format_duration(self.runs_out_within)}")
        return f"credits of {self.source} " + " or ".join(parts)


def _ms(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1))


def _gone(left: int, pace: float, now: datetime) -> datetime | None:
    """When so many credits are used up at so many a second; None if they never are."""
    now = now.astimezone(UTC)
    if not left:
        return now
    if pace <= 0:
        return None
    seconds = left / pace  # a timedelta could not hold what a huge plan makes of it
    return now + timedelta(seconds=seconds) if seconds < FAR.total_seconds() else None
