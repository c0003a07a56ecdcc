"""Simulated hints: what push hints would have told of the changes of a trace, and which of it untruly."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from watcher.domain.records import Record
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.spelling import nearest

SOURCE = "hints"
"""The name of the one source of simulated hints."""

LEAST_PRECISION = 0.001
"""A thousand hints for each true one; more would only take memory."""


class SimulatedHints(Record, frozen=True):
    """How good the hints are, and how late. Seconds.

    Each change is told with the chance `recall`, evenly between `delay[0]` and `delay[1]` after it happened;
    the provider shows it `lag` after it happened. False hints come at times of their own, as often as gives
    that `precision`; a wallet has them in proportion to its changes. `share` of the wallets are told of.
    """

    recall: float = 0.95
    precision: float = 1.0
    lag: float = 15.0
    delay: tuple[float, float] = (2.0, 15.0)
    share: float = 1.0
    seed: int = 1

    def covered(self, wallets: Sequence[str]) -> list[str]:
        """The wallets of which hints come."""
        chance = random.Random(f"covered {self.seed}")
        return [wallet for wallet in wallets if self.share >= 1 or chance.random() < self.share]

    def told(
        self, changes: Mapping[str, Sequence[float]], start: float, end: float
    ) -> list[tuple[float, str]]:
        """When which wallet is told of, in order."""
        chance = random.Random(self.seed)
        told: list[tuple[float, str]] = []
        for wallet in self.covered(list(changes)):
            times = changes[wallet]
            true = [at + chance.uniform(*self.delay) for at in times if chance.random() < self.recall]
            rate = len(times) * self.recall * (1 / self.precision - 1) / max(end - start, 1.0)
            false = _at_random(chance, rate, start, end)
            told += [(at, wallet) for at in (*true, *false) if at < end]
        return sorted(told)


def _at_random(chance: random.Random, rate: float, start: float, end: float) -> Iterator[float]:
    """Times at which something happens that happens `rate` times a second, by chance."""
    at = start
    while rate and (at := at + chance.expovariate(rate)) < end:
        yield at


def parse_hints(text: str) -> SimulatedHints:
    """The hints of `recall=0.95,precision=1,lag=15s,delay=2s-15s,share=1,seed=1`. InputError says what is
    wrong with it."""
    names = SimulatedHints.__struct_fields__
    found: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if name not in names:
            raise InputError(f"there is no '{name[:40]}'", nearest(name, names))
        if not equals or not value:
            raise InputError(f"'{name}' has no value", f"write {name}=…")
        if name in found:
            raise InputError(f"'{name}' is there twice", "remove one")
        found[name] = _value(name, value)
    return SimulatedHints(**found)  # type: ignore[arg-type]


def _value(name: str, text: str) -> object:
    if name == "seed":
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise InputError(f"seed must be a whole number, not '{text[:40]}'")
        return int(text)
    if name == "lag":
        return _seconds(name, text)
    if name == "delay":
        first, dash, last = text.partition("-")
        low = _seconds(name, first)
        high = _seconds(name, last) if dash else low
        if high < low:
            raise InputError(f"delay must be the shorter first, not '{text[:40]}'", "as in 2s-15s")
        return low, high
    try:
        share = float(text) if text.isascii() else -1.0
    except ValueError:
        share = -1.0
    least = LEAST_PRECISION if name == "precision" else 0
    if not least <= share <= 1:
        raise InputError(f"{name} must be a share from {least} to 1, not '{text[:40]}'", "as in 0.95")
    return share


def _seconds(name: str, text: str) -> float:
    if text.strip() == "0":
        return 0.0
    try:
        found = parse_duration(text.strip())
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    if found < timedelta(0):
        raise InputError(f"{name}: {text[:40]} is no duration", "as in 15s")
    return found.total_seconds()
