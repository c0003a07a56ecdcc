"""Series of readings as people write them in rule tests: `"1.5 0.4x3 _ @1m 0.9"`.

Words are separated by spaces, each one step after the one before:

| word | meaning |
|---|---|
| `1.5` | this amount (or price) |
| `1.5x3` | three readings of it |
| `10-0.5x4` | four readings that begin at 10 and fall by 0.5 each: 10 9.5 9 8.5; `+` rises |
| `-` | a complete answer in which it is absent: zero for an amount, unknown for a price |
| `?` | an incomplete answer that leaves it out: unknown |
| `_` | a miss: the account was asked for and not read |
| `!` | the answer came and left the whole account out |
| `.` | the account is not asked for |
| `@1m` | from here on a step is one minute |

`-`, `?`, `_`, `!` and `.` take a count too: `_x5`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from watcher.domain.records import Record
from watcher.domain.values.decimals import times, total
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.errors import InputError

_NUMBER = r"[0-9][0-9_]{0,99}(?:\.[0-9]{1,100})?(?:[eE][-+]?[0-9]{1,2})?"
_VALUES = re.compile(rf"({_NUMBER})(?:([-+])({_NUMBER}))?(?:x([0-9]{{1,6}}))?")
_SIGNS = re.compile(r"([-?_!.])(?:x([0-9]{1,6}))?")

LONGEST = timedelta(days=36500)
MOST = 100_000
"""Readings of one series."""


class Sign(enum.StrEnum):
    """What a word says instead of a number."""

    ABSENT = "-"
    UNKNOWN = "?"
    MISS = "_"
    OMITTED = "!"
    NOT_ASKED = "."


class SeriesItem(Record, frozen=True):
    """What a series says for one moment, counted from the beginning of the test."""

    after: timedelta
    value: Decimal | Sign


def parse_series(text: str, step: timedelta) -> tuple[SeriesItem, ...]:
    """Read a series; ValueError names the word that is wrong and what was expected."""
    items: list[SeriesItem] = []
    after, first = timedelta(0), True
    for word in text.split():
        if word.startswith("@"):
            step = parse_duration(word[1:])
            if step <= timedelta(0):
                raise InputError(f"'{word}' is no step", "write a duration above zero, as in @5m")
            continue
        for value in _values(word):
            after += timedelta(0) if first else step
            first = False
            items.append(SeriesItem(after, value))
        if after > LONGEST:
            raise InputError("this series goes on for more than 100 years", "make its steps shorter")
        if len(items) > MOST:
            raise InputError(f"this series has more than {MOST:,} readings", "make it shorter")
    if not items:
        raise InputError("this series is empty", 'write readings, as in "1.5 0.4x3 _ 0.9"')
    return tuple(items)


def _values(word: str) -> Sequence[Decimal | Sign]:
    sign = _SIGNS.fullmatch(word)
    if sign:
        return [Sign(sign[1])] * _count(word, sign[2])
    found = _VALUES.fullmatch(word)
    if found is None:
        raise InputError(
            f"'{word[:40]}' is no reading",
            "write an amount such as 1.5, 1.5x3 or 10-0.5x4, or one of - ? _ ! . @5m",
        )
    number, way, by, many = found.groups()
    if way and many is None:
        raise InputError(f"'{word[:40]}' does not say how often", f"write a count, as in {word[:40]}x4")
    start = Decimal(number.replace("_", ""))
    delta = Decimal(f"{way}{by.replace('_', '')}") if way else Decimal(0)
    values = [total((start, times(delta, Decimal(index)))) for index in range(_count(word, many))]
    if values[-1] < 0:
        raise InputError(f"'{word[:40]}' falls below zero", "make its count smaller")
    return values


def _count(word: str, written: str | None) -> int:
    count = int(written) if written is not None else 1
    if not 1 <= count <= MOST:
        raise InputError(f"'{word[:40]}' has a count that is not between 1 and {MOST:,}", "correct it")
    return count
