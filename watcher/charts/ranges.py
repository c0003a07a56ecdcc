"""Ranges of a chart: how far back people look, and which of them show more than all that there is."""

from __future__ import annotations

from datetime import timedelta

from watcher.reports.ranges import RANGES

ALL = "all"
USUAL = "7d"
FORMER = {"1d": "24h"}
"""What a range was called before: addresses that people have kept go on."""
KNOWN = (*RANGES, *FORMER)


def offered(age: timedelta) -> list[str]:
    """The ranges of data so old that differ from each other: those that leave something out, and all."""
    return [name for name, span in RANGES.items() if span is None or span < age]


def chosen(asked: str | None, age: timedelta) -> str:
    """The range to show: the one that was asked for, or the usual one; all, where that is not longer."""
    wanted = FORMER.get(asked or "", asked or USUAL)
    return wanted if wanted in offered(age) else ALL
