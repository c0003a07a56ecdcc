"""`change`: a balance that moved since the previous reading."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from watcher.domain.display import amount, money, percent
from watcher.domain.exact import ZERO, minus, times
from watcher.domain.model import Change
from watcher.domain.rules._base import EventRule, parse_decimal
from watcher.domain.verdict import Verdict, met, not_met, unknown

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

    `by` is a share of the amount before (`"10%"`), dollars moved (`"$5000"`, at the price now) or
    units of the asset (`"0.5"`); left out, every change is told. Only what moved counts: a
    price that moves while the amount stays is not a change.
    """

    type: Literal["change"] = "change"
    direction: Literal["in", "out", "both"] = "both"
    by: Annotated[str, BeforeValidator(_by)] | None = None

    @model_validator(mode="after")
    def _by_is_one_kind(self) -> ChangeRule:
        if self.by is not None and self.by.endswith("%") and self.by.startswith("$"):
            raise ValueError(f"by: '{self.by}' is both a percentage and dollars; choose one")
        return self

    def judge(self, change: Change) -> Verdict:
        """Whether this change is one to tell."""
        before = change.before or ZERO
        moved = minus(change.after, before)
        way = "in" if moved > 0 else "out"
        if self.direction not in (way, "both"):
            return not_met(f"moved {way}, the rule watches {self.direction}")
        size = moved.copy_abs()
        words = f"{amount(size)} {change.symbol}".rstrip() + f" moved {way}"
        if self.by is None:
            return met(words)
        level = Decimal(self.by.strip("%$").replace("_", ""))
        if self.by.endswith("%"):
            enough = times(size, HUNDRED) >= times(level, before)
            words = f"{percent(size, before)} moved {way}" if before else f"{words}, from nothing"
        elif self.by.startswith("$"):
            if change.price_after is None:
                return unknown(f"{words}; without a price its worth in dollars is not known")
            worth = times(size, change.price_after)
            enough = worth >= level
            words = f"{money(worth)} moved {way}"
        else:
            enough = size >= level
        return met(f"{words}, at least {self.by}") if enough else not_met(words)

    def describe(self) -> str:
        way = {"in": "incoming", "out": "outgoing", "both": "any"}[self.direction]
        return f"{way} change" + (f" of at least {self.by}" if self.by else "")
