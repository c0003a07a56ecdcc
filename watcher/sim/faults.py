"""Which fault strikes which request."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REFUSALS = frozenset(
    {"400", "401", "403", "404", "406", "409", "414", "429", "429-credits", "500", "502", "503"}
)
TRANSPORT = frozenset(
    {
        "html", "truncated", "cut-off", "huge", "endless", "slow-headers", "reset", "redirect", "gzip-bomb",
        "not-json", "empty-body", "pascal-error",
    }
)  # fmt: skip
COINSTATS = frozenset(
    {
        "omit-chain", "omit-wallet", "empty-list", "empty-balances", "price-null", "missing-symbol",
        "missing-chain", "contract-null", "contract-sentinel", "contract-checksum", "token-twice",
        "scientific", "digits-17", "negative", "nan", "unknown-fields", "chain-spelling", "address-case",
        "amount-null", "not-a-list", "sweep-connection", "price-zero", "price-times", "amount-times",
    }
)  # fmt: skip
TEOS = frozenset(
    {
        "omit-pair", "negative", "nan", "duplicate-pair", "leading-zero", "unknown-fields", "empty-list",
        "address-case", "fraction", "amount-number", "amount-null", "foreign-pair", "endless-pages",
        "foreign-next", "not-a-list",
    }
)  # fmt: skip
"""The last two change the content of an answer; all that match apply together."""

NAMES = REFUSALS | TRANSPORT | COINSTATS | TEOS
_CONTENT = {"coinstats": COINSTATS, "teos": TEOS}


@dataclass(slots=True)
class Fault:
    """One fault. `times`: how often it still strikes (None: until cleared). `options`: what it aims at."""

    name: str
    where: str | None
    times: int | None
    probability: float
    path: str | None
    options: dict[str, Any]
    struck: int = 0


class Faults:
    """The faults in force. Chance is drawn from the simulation's seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.active: list[Fault] = []

    def add(
        self,
        name: str,
        where: str | None = None,
        *,
        times: int | None = None,
        probability: float = 1.0,
        path: str | None = None,
        **options: Any,
    ) -> Fault:
        """Put a fault in force: on "coinstats", "teos" or both; on requests whose path contains `path`
        (for what strikes instead of an answer: path and query, so that it can name an address).

        Options: `chain`, `address`, `token`, `asset` aim a fault of the content; `seconds` is the pause of
        "slow-headers" and "endless", `size` the bytes of "huge", `factor` (text, else "1000") that of
        "price-times" and "amount-times".
        """
        if name not in NAMES:
            raise ValueError(f"no fault is called {name!r}; there are: {', '.join(sorted(NAMES))}")
        if where not in {None, "coinstats", "teos"}:
            raise ValueError(f"{where!r} is neither coinstats nor teos")
        if where and name not in REFUSALS | TRANSPORT | _CONTENT[where]:
            raise ValueError(f"{where} has no fault {name!r}")
        fault = Fault(name, where, times, probability, path, options)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        self.active.clear()

    def refusal(self, where: str, path: str) -> Fault | None:
        """The fault that strikes instead of an ordinary answer, if one does."""
        for fault in self._matching(where, path, REFUSALS | TRANSPORT):
            if self.strike(fault):
                return fault
        return None

    def content(self, where: str, path: str) -> list[Fault]:
        """The faults that may change an answer; each must be struck once it is known to fit."""
        return self._matching(where, path, _CONTENT[where])

    def strike(self, fault: Fault) -> bool:
        """Draw whether a fault strikes, and count it."""
        if fault.times == 0 or self._random.random() >= fault.probability:
            return False
        fault.struck += 1
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0 and fault in self.active:
                self.active.remove(fault)
        return True

    def _matching(self, where: str, path: str, names: Iterable[str]) -> list[Fault]:
        return [
            fault
            for fault in self.active
            if fault.name in names
            and fault.where in {None, where}
            and (fault.path is None or fault.path in path)
        ]
