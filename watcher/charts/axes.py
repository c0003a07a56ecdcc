"""Axis ticks of a chart: round numbers, and times of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from watcher.domain.records import Record
from watcher.domain.values.formatting import MINUS

_ROUGH = Context(prec=60)
"""Enough to place a tick among amounts of thirty digits."""

_UNITS = ((12, "T"), (9, "B"), (6, "M"), (3, "k"))

_SPANS = (
    *(timedelta(seconds=s) for s in (10, 30)),
    *(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=h) for h in (1, 2, 3, 4, 6, 12)),
    *(timedelta(days=d) for d in (1, 2, 5, 7, 14)),
)


class Scale(Record, frozen=True):
    """An axis of values: ticks from `bottom` on, `count` steps of `step` each."""

    bottom: Decimal
    step: Decimal
    count: int

    def position(self, value: Decimal) -> float:
        """The position of a value, in steps from the bottom."""
        return float(_ROUGH.divide(_ROUGH.subtract(value, self.bottom), self.step))

    def labels(self, sign: str = "") -> list[str]:
        """The label of each tick; `sign` stands before its digits."""
        ticks = [_ROUGH.fma(self.step, Decimal(n), self.bottom) for n in range(self.count + 1)]
        most = max(abs(tick) for tick in ticks)
        last = self.step.adjusted()
        fitting = (
            (power, unit) for power, unit in _UNITS if most >= Decimal(10) ** power and power - last <= 2
        )
        power, unit = next(fitting, (0, ""))
        return [_label(tick.scaleb(-power, _ROUGH), max(power - last, 0), sign, unit) for tick in ticks]


def _label(value: Decimal, places: int, sign: str, unit: str) -> str:
    if not value:
        return f"{sign}0"
    text = f"{value.copy_abs():,.{places}f}" if value.adjusted() < 15 else f"{value.copy_abs():.3e}"
    return f"{MINUS if value < 0 else ''}{sign}{text}{unit}"


def scale(low: Decimal, high: Decimal, ticks: int = 4) -> Scale:
    """The scale that holds both values. It begins at zero where that does not flatten the line."""
    if low >= 0 and low * 2 <= high:
        low = Decimal(0)
    if low == high:
        around = _ROUGH.divide(abs(high), Decimal(10)) or Decimal(1)
        low, high = (
            low if not low else _ROUGH.subtract(low, around),
            _ROUGH.add(high, around),
        )
    step = _round_step(_ROUGH.divide(_ROUGH.subtract(high, low), Decimal(ticks)))
    first = _ROUGH.divide(low, step).to_integral_value(ROUND_FLOOR)
    last = _ROUGH.divide(high, step).to_integral_value(ROUND_CEILING)
    return Scale(_ROUGH.multiply(first, step), step, int(last - first))


def _round_step(wanted: Decimal) -> Decimal:
    """1, 2 or 5 times a power of ten, not below `wanted`."""
    power = Decimal(1).scaleb(wanted.adjusted())
    return next(each * power for each in (1, 2, 5, 10) if each * power >= wanted)


def time_ticks(since: datetime, until: datetime, most: int, zone: tzinfo = UTC) -> list[tuple[datetime, str]]:
    """Ticks of a time axis: at most `most` times of the zone's calendar, each with its label."""
    found = next((span for span in _SPANS if (until - since) / span <= most), None)
    if found is None:
        return _months(since, until, most, zone)
    text = "%-d %b" if found >= timedelta(days=1) else "%H:%M" if found.seconds >= 60 else "%H:%M:%S"
    days = timedelta(days=found.days or 1)
    at = since.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    at -= timedelta(days=at.toordinal() % days.days)
    result = []
    while at <= until:
        if at >= since:
            midnight = at.hour == at.minute == 0
            result.append((at, at.strftime("%-d %b" if midnight else text)))
        at += found
    return result


def _months(since: datetime, until: datetime, most: int, zone: tzinfo) -> list[tuple[datetime, str]]:
    every = next((n for n in (1, 2, 3, 4, 6) if (until - since).days / 30.4 / n <= most), 12)
    at = since.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    result = []
    while at <= until:
        if at >= since and (at.month - 1) % every == 0:
            result.append((at, at.strftime("%b %Y" if at.month == 1 else "%b")))
        at = (at + timedelta(days=32)).replace(day=1)
    return result
