"""`change`: a balance that moved since the previous reading."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from watcher.domain.display import amount_against, money_against, percent
from watcher.domain.exact import ZERO, minus, shifted, times
from watcher.domain.model import Change
from watcher.domain.rules._base import EventRule, Untold, parse_decimal
from watcher.domain.verdict import Answer, Verdict, met, not_met, unknown

HUNDRED = Decimal(100)


def _by(value: object) -> object:
    """`"10%"`, `"$5000"` or `"0.5"` (units of the asset), as text that is known to parse."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        number = parse_decimal(text.strip().removesuffix("%").removeprefix("$"))
        if not isinstance(number, Decimal) or number < 0:
            raise ValueError(f"'{text}' must not be negative; say the side with direction: in, out or both")
        return text.strip()
    if isinstance(text, float):
        raise ValueError('put the amount in quotes, so that it stays exact: by: "0.5"')  # noqa: TRY004
    return text


class ChangeRule(EventRule):
    """Tells each change of at least `by` once; nothing resolves.

    `by` is a share of the amount before (`"10%"`), dollars moved (`"$5000"`, at the price now, or at
    the last one if the answer has none) or units of the asset (`"0.5"`); left out, every change is
    told. Only what moved counts: a price that moves while the amount stays is not a change.
    """

    type: Literal["change"] = "change"
    direction: Literal["in", "out", "both"] = "both"
    by: Annotated[str, BeforeValidator(_by)] | None = None

    @model_validator(mode="after")
    def _by_is_one_kind(self) -> ChangeRule:
        if self.by is not None and self.by.endswith("%") and self.by.startswith("$"):
            raise ValueError(f"by: '{self.by}' is both a percentage and dollars; choose one")
        return self

    def answer(self, change: Change) -> Answer:
        before = change.before or ZERO
        moved = minus(change.after, before)
        if not moved or self.direction not in ("in" if moved > 0 else "out", "both"):
            return Answer.NOT_MET
        if self.by is None:
            return Answer.MET
        size, level = moved.copy_abs(), self.level
        if self.by.endswith("%"):
            enough = times(size, HUNDRED) >= times(level, before.copy_abs())
        elif self.by.startswith("$"):
            if change.price is None:
                return Answer.UNKNOWN
            enough = times(size, change.price) >= level
        else:
            enough = size >= level
        return Answer.MET if enough else Answer.NOT_MET

    def untold(self) -> Untold:
        if self.by is None or not self.by.endswith("%"):
            return super().untold()
        share = shifted(self.level, -2)
        return lambda change: (
            minus(change.after, change.before or ZERO).copy_abs()
            < times(share, (change.before or ZERO).copy_abs())
        )

    def judge(self, change: Change) -> Verdict:
        """Whether this change is one to tell."""
        answer = self.answer(change)
        moved = minus(change.after, change.before or ZERO)
        way = "in" if moved > 0 else "out"
        if self.direction not in (way, "both"):
            return not_met(f"moved {way}, the rule watches {self.direction}")
        words = f"{self._moved(change, moved.copy_abs())} moved {way}"
        if answer is Answer.UNKNOWN:
            return unknown(f"{words}; without a price its worth in dollars is not known")
        if answer is Answer.MET and self.by is not None:
            return met(f"{words}, at least {self.by}")
        return Verdict(answer, words)

    @cached_property
    def level(self) -> Decimal:
        """The number in `by`."""
        return Decimal((self.by or "0").strip("%$").replace("_", ""))

    def _moved(self, change: Change, size: Decimal) -> str:
        """How much moved, measured as the rule measures it."""
        by = self.by or ""
        if by.endswith("%") and change.before:
            return percent(size, change.before.copy_abs())
        if by.startswith("$") and change.price is not None:
            return money_against(times(size, change.price), self.level)
        return amount_against(size, self.level, change.symbol)

    def describe(self) -> str:
        way = {"in": "incoming", "out": "outgoing", "both": "any"}[self.direction]
        return f"{way} change" + (f" of at least {self.by}" if self.by else "")
