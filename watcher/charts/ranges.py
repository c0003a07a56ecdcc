"""Ranges of a chart: how far back people look, and which of them show more than all that there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

ALL = "all"
USUAL = "7d"
RANGES: Mapping[str, timedelta | None] = {
    "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90),
    "1y": timedelta(days=365), ALL: None,
}  # fmt: skip
"""Name → how far back; None: to the beginning."""


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
