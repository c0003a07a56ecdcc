"""`runway`: how long an amount lasts at the rate at which it has been going out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from watcher.domain.model import Account, Asset, Change
from watcher.domain.rules.base import TrailingRule
from watcher.domain.rules.distance import Near, near, unsure
from watcher.domain.rules.lookback import ChangesIn
from watcher.domain.values.decimals import ZERO, minus, times, total
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import about
from watcher.domain.values.verdict import Verdict, met, not_met, unknown

ENOUGH = 3
"""At least `trailing` divided by this must be known before anything is said."""

MILLISECOND = timedelta(milliseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class BurnRate(NamedTuple):
    """What went out over a time. `parts` is `out` in so many parts, so that no division rounds."""

    out: Decimal
    parts: int
    over: timedelta


class RunwayRule(TrailingRule):
    """Fires when an amount would last for less than `shorter_than`.

    Burn is all that went out within `trailing`, whatever came in meanwhile. Of a change that began
    before that window (an outage) the part counts that falls into it, as if it had gone evenly. A
    balance that was first seen within the window is measured from then on, and nothing is said
    before a third of `trailing` is known.

    What never goes out is never short. Once firing, it resolves only when the amount lasts longer
    than `clear_longer_than`, or nothing went out over the whole window and something is left.
    `for` and `reads` count readings, as for thresholds. Each asset is judged by itself.
    """

    type: Literal["runway"] = "runway"
    trailing: Duration = timedelta(hours=72)
    """Time over which is measured what goes out; a minute at least."""
    shorter_than: Duration
    """Time; met while the amount would last for less, as in `5d`."""
    clear_longer_than: Duration | None = None
    """What fires ends only when the amount lasts longer than this; left out: than `shorter_than`."""
    for_: Annotated[Duration, Field(alias="for")] = timedelta(0)
    """How long readings must meet the condition before it fires."""
    reads: Annotated[int, Field(ge=1, le=100)] = 1
    """How many readings must meet the condition before it fires."""

    @model_validator(mode="after")
    def _times_are_possible(self) -> RunwayRule:
        if self.shorter_than <= timedelta(0):
            raise InputError("shorter_than must be positive", place=("shorter_than",))
        if self.trailing < timedelta(minutes=1):
            raise InputError(
                f"{format_duration(self.trailing)} is shorter than a minute", place=("trailing",)
            )
        clear = self.clear_longer_than
        if clear is not None and clear < self.shorter_than:
            raise InputError(
                f"clear_longer_than ({format_duration(clear)}) is under shorter_than "
                f"({format_duration(self.shorter_than)}): the alert would resolve while it fires",
                "raise it",
                ("clear_longer_than",),
            )
        return self

    def terms(self) -> tuple[timedelta, int]:
        return self.for_, self.reads

    def window(self, account: Account, asset: Asset, now: datetime) -> ChangesIn:
        return ChangesIn(account, asset, now - self.trailing, now + self.trailing)

    def speaks_at(self, changes: Sequence[Change], now: datetime) -> datetime | None:
        if (ahead := _ahead(changes, now)) is not None:
            return ahead
        enough = self._begins(changes, now) + self.trailing / ENOUGH
        return enough if enough > now else None

    def judge(
        self, held: Decimal, symbol: str, changes: Sequence[Change], now: datetime, *, firing: bool
    ) -> Verdict:
        """The answer with its because: how long it lasts, at what rate, measured over what."""
        if why := self._why_not(changes, now):
            return unknown(why)
        burn = self._burn(changes, now)
        window = f"over the last {_hours(burn.over)}"
        if held <= 0 and (burn.out or firing):
            return met("nothing is left" + (f"; {_rate(burn, symbol)} went out {window}" if burn.out else ""))
        if not burn.out:
            return not_met(f"nothing went out {window}")
        supply = _supply(held, burn)
        words = f"lasts about {_lasting(supply, burn.out)} at {_rate(burn, symbol)} {window}"
        if supply < times(_ms(self.shorter_than), burn.out):
            return met(words)
        clear = self.clear_longer_than
        if firing and clear is not None and supply <= times(_ms(clear), burn.out):
            return met(f"{words}, not yet longer than {format_duration(clear)}")
        return not_met(words)

    def near(self, held: Decimal, changes: Sequence[Change], now: datetime) -> Near:
        """How far what it lasts for is from `shorter_than`."""
        if why := self._why_not(changes, now):
            return unsure(why)
        burn = self._burn(changes, now)
        if not burn.out:
            return Near(None, f"nothing went out over the last {_hours(burn.over)}")
        return near(_supply(max(held, ZERO), burn), times(_ms(self.shorter_than), burn.out))

    def _why_not(self, changes: Sequence[Change], now: datetime) -> str:
        """Why nothing can be said yet; empty if something can."""
        if _ahead(changes, now) is not None:
            return "the clock was set back: some of what went out lies ahead"
        known, needed = now - self._begins(changes, now), self.trailing / ENOUGH
        if known < needed:
            return f"{_hours(known)} of what went out are known, {_hours(needed)} are needed"
        return ""

    def _begins(self, changes: Sequence[Change], now: datetime) -> datetime:
        """From when on what goes out is known: the window's start, or when something was first seen."""
        start = now - self.trailing
        return changes[0].after_at if changes and changes[0].before is None else start

    def _burn(self, changes: Sequence[Change], now: datetime) -> BurnRate:
        start, begins = now - self.trailing, self._begins(changes, now)
        over = now - begins
        if not changes:
            return BurnRate(ZERO, 1, over)
        first, *others = (_out(change) for change in changes)
        since, until = changes[0].before_at, changes[0].after_at
        out = total(others)
        if since is None or since >= start or until <= since:  # the clock may have been set back
            return BurnRate(total((first, out)), 1, over)
        inside, whole = _ms(until - start), _ms(until - since)
        return BurnRate(total((times(first, inside), times(out, whole))), int(whole), over)

    def describe(self) -> str:
        return f"lasts shorter than {format_duration(self.shorter_than)}"


def _supply(held: Decimal, burn: BurnRate) -> Decimal:
    """How long it lasts is held ÷ (out ÷ over): this ÷ out, in milliseconds; compared without dividing."""
    return times(times(held, Decimal(burn.parts)), _ms(burn.over))


def _out(change: Change) -> Decimal:
    """What went out with a change; a refill is none."""
    before = change.before or ZERO
    return minus(before, change.after) if change.after < before else ZERO


def _ahead(changes: Sequence[Change], now: datetime) -> datetime | None:
    """The last change, if it was read at a time that has not come again since the clock was set back."""
    last = max((change.after_at for change in changes), default=now)
    return last if last > now else None


def _ms(span: timedelta) -> Decimal:
    return Decimal(span // MILLISECOND)


def _rate(burn: BurnRate, symbol: str) -> str:
    """What goes out in a day."""
    day = about(times(burn.out, _ms(DAY)), times(Decimal(burn.parts), _ms(burn.over)))
    return f"{day} {symbol}".rstrip() + " a day"


def _lasting(supply: Decimal, out: Decimal) -> str:
    """A time as people say it, never longer than it is."""
    for unit, name in ((DAY, "days"), (HOUR, "hours")):
        if supply >= times(times(out, _ms(unit)), Decimal(2)):
            return f"{about(supply, times(out, _ms(unit)), 2)} {name}"
    return f"{about(supply, times(out, _ms(timedelta(minutes=1))), 2)} minutes"


def _hours(span: timedelta) -> str:
    """Whole hours, cut; below two hours, minutes."""
    return f"{span // HOUR} h" if span >= 2 * HOUR else f"{span // timedelta(minutes=1)} min"
