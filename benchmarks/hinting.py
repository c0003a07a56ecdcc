"""Hints told to the schedule of 10,000 accounts, beside a bare update of a dict: microseconds each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watcher.domain.hints.scheduler import HintedScheduler
from watcher.domain.scheduler import Budget, Item

START = 1_735_689_600.0
MONTH = 30 * 86400.0
BY = "push"


@dataclass(frozen=True, slots=True)
class Hinting:
    """Microseconds a hint."""

    new: float
    """Of an account of which none is pending: a poll is planned."""
    pending: float
    bare: float
    """A time kept by account, and nothing else."""


def measure(accounts: int = 10_000) -> Hinting:
    items = [Item(f"ethereum:{number:#042x}", 40.0, min_every=300) for number in range(accounts)]
    keys = [item.key for item in items]
    limit = 40.0 * 60 * accounts
    coverage = {key: [BY] for key in keys}
    schedule = HintedScheduler(
        items, Budget(limit, limit, START + MONTH, MONTH), START, coverage=coverage, waste=0.4
    )
    for _ in range(20):  # a known lag costs most: the best age is sought among all
        schedule.desk.lag[BY].learn(13, 15)
    times: dict[str, float] = {}

    def keep(key: str) -> None:
        times[key] = START

    def tell(key: str) -> None:
        schedule.hint(key, BY, START)

    return Hinting(_each(tell, keys), _each(tell, keys), _each(keep, keys))


def _each(done: Callable[[str], None], keys: Sequence[str]) -> float:
    began = time.process_time()
    for key in keys:
        done(key)
    return (time.process_time() - began) / len(keys) * 1e6
