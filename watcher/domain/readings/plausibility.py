"""Plausibility: a reading too odd to act on is held until a second one confirms it.

Odd is an amount that drops to zero (the provider may have lost the row), that jumps by a factor that
transfers seldom reach, or that keeps its digits while the decimal point moves. A second reading that
agrees settles it, one that does not settles it the other way: to hold what was true costs half a
minute and one poll out of the reserve, to act on what was false costs people's trust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.model import EMPTY, AccountState, Asset, Reading, Suspect
from watcher.domain.readings.diff import Difference, diff
from watcher.domain.records import Record, replace
from watcher.domain.values.decimals import minus, shifted, times
from watcher.domain.values.formatting import amount

CONFIRM_AFTER = timedelta(seconds=20)
"""How soon a held reading is read again. Long enough for a provider's cache to turn over."""

INDEPENDENT_AFTER = timedelta(seconds=10)
"""Two readings closer together than this may be one answer of a cache, or one bad moment of a provider,
told twice; they confirm nothing. Whoever is polled more often waits so long all the same."""

ASKS = 3
"""Odd readings of an asset in a row, no two of which agree, after which the schedule asks again."""

JUMP = Decimal(1000)
"""An amount that grows or falls so many times over in one step is odd.

A wallet that pays out 99 % is ordinary, and so is one that grows a hundredfold. One that falls below
a thousandth is as good as emptied, and what is emptied is held in any case."""

SMALLEST_JUMP = Decimal(100)
"""The least factor that can be configured; whatever is below is never held."""

DUST = Decimal(1)
"""US dollars. What is worth less may grow by any factor (a tank is refilled), and fall (nobody minds)."""

POINT = 3
"""Places that the decimal point moves, while the digits stay, from which that is odd, of dust as well.

Decimals are mistaken by 6, 10 or 12 places; to pay out 99 % to the last digit is ordinary."""

_SAME_DIGITS = Decimal("1e-9")
"""A provider's amounts are doubles, so the digits that stay as they are differ far behind the point."""

Jumps = Callable[[Asset], Decimal | None]
"""The factor from which an asset's jump is odd; None: no jump of it is."""


class Plausibility(Record, frozen=True):
    """What a reading adds to what is known: differences to act on, and amounts to hold."""

    accepted: tuple[Difference, ...]
    held: Mapping[Asset, Suspect]
    doubtful: bool = False
    """This answer itself was odd; another one should settle it soon."""


_NOTHING: Plausibility = Plausibility((), EMPTY)


def usual(_asset: Asset) -> Decimal:
    """The factor where nothing is configured."""
    return JUMP


def check_plausibility(
    state: AccountState,
    reading: Reading,
    now: datetime,
    jumps: Jumps = usual,
    differences: Sequence[Difference] | None = None,
) -> Plausibility:
    """Sort the differences into those that are accepted and those that are held.

    What was held before and is not confirmed by this reading stays held only if the reading
    does not speak of it. `differences`: of this reading, where they are known already.
    """
    if differences is None:
        differences = diff(state, reading)
    if not differences and not state.held:
        return _NOTHING
    accepted: list[Difference] = []
    held = {asset: old for asset, old in state.held.items() if not _speaks_of(reading, asset)}
    doubtful = False
    for difference in differences:
        asset = difference.asset
        odd = oddity(difference, reading.prices.get(asset), jumps)
        first = state.held.get(asset)
        if not odd or (first is not None and _confirms(first, difference, reading, now, jumps)):
            accepted.append(difference)
            continue
        held[asset] = again = _hold(first, difference, odd, now)
        # What no rule sees is not worth a poll: anybody could make it jump.
        doubtful = doubtful or (again.odd <= ASKS and asset not in state.quarantined)
    return Plausibility(tuple(accepted), held, doubtful)


def oddity(difference: Difference, price: Decimal | None, jumps: Jumps) -> str:
    """Why a difference is too odd to act on; empty if it is not.

    `price`: of this reading, as far as it is believed itself. The common case is told by the
    number of digits alone: a hundredfold is at least two digits more.
    """
    before, after = difference.before, difference.after
    if not before:
        return ""
    if not after:
        how = "left out of a complete answer" if difference.absent else "reported as zero"
        return f"{how} after it held something"
    places = after.adjusted() - before.adjusted()
    if -2 < places < 2:
        return ""
    factor = jumps(difference.asset)
    return "" if factor is None else _jump(before, after, factor, price)


def _jump(before: Decimal, after: Decimal, factor: Decimal, price: Decimal | None) -> str:
    places = after.adjusted() - before.adjusted()
    words = f"{amount(after)} after {amount(before)}"
    if abs(places) >= POINT and _same_digits(before, after, places):
        way = "right" if places > 0 else "left"
        return f"{words}: the same digits, with the point {abs(places)} places further {way}"
    if price is not None and times(before, price) < DUST:
        return ""
    if times(before, factor) <= after:
        return f"{words}: at least {amount(factor)} times as much"
    if times(after, factor) <= before:
        return f"{words}: at most one {amount(factor)}th of it"
    return ""


def _same_digits(before: Decimal, after: Decimal, places: int) -> bool:
    """Whether only the decimal point moved: the provider took the wrong number of decimals."""
    expected = shifted(before, places)
    return minus(after, expected).copy_abs() <= times(expected, _SAME_DIGITS)


def _confirms(first: Suspect, difference: Difference, reading: Reading, now: datetime, jumps: Jumps) -> bool:
    """Whether a reading says again, later, what was held: the same, or what may have come of it since."""
    if now - first.since < INDEPENDENT_AFTER:
        return False
    if first.amount == difference.after:
        return True
    if not first.amount:
        return False
    since = Difference(difference.asset, first.amount, difference.after)
    return not oddity(since, reading.prices.get(difference.asset), jumps)


def _hold(first: Suspect | None, difference: Difference, reason: str, now: datetime) -> Suspect:
    if first is None:
        return Suspect(difference.after, now, reason)
    if first.amount != difference.after:
        return Suspect(difference.after, now, reason, first.odd + 1)
    # The same, too soon to be another answer; or the clock was set back.
    return first if first.since <= now else replace(first, since=now)


def _speaks_of(reading: Reading, asset: Asset) -> bool:
    return asset in reading.amounts or (asset.chain in reading.chains and asset not in reading.unclear)
