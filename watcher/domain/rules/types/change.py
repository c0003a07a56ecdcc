"""`change`: a balance that moved, since the previous reading or since longer ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from watcher.domain.model import Account, Asset, Change
from watcher.domain.records import replace
from watcher.domain.rules.base import EventRule, Untold, parse_decimal
from watcher.domain.rules.distance import Near, near, unsure
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.domain.values.decimals import ZERO, correction, minus, shifted, times
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import (
    amount_against,
    exactly,
    full,
    moment,
    money_against,
    percent,
    plain,
)
from watcher.domain.values.verdict import Answer, Verdict, met, not_met, unknown

HUNDRED = Decimal(100)


def _by(value: object) -> object:
    """`"10%"`, `"$5000"` or `"0.5"` (units of the asset), as text that is known to parse."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        dollars, share = text.strip().startswith("$"), text.strip().endswith("%")
        try:
            number = parse_decimal(text.strip().removesuffix("%").removeprefix("$"))
        except ValueError:
            better = correction(text.strip().removesuffix("%"))
            if not better:
                raise
            words = f'\'{text[:40]}\' is not a size such as "0.5", "10%" or "$5000"'
            raise InputError(words, f'write "{better}{"%" * share}"') from None
        if not isinstance(number, Decimal) or number < 0:
            raise InputError(f"'{text}' must not be negative", "say the side with direction: in, out or both")
        return f"{'$' * dollars}{plain(number)}{'%' * share}"
    if isinstance(text, float):
        raise InputError('put the amount in quotes, so that it stays exact: by: "0.5"')
    return text


class ChangeRule(EventRule):
    """Tells each change of at least `by` once; nothing resolves.

    `by` is a share of the amount before (`"10%"`), dollars moved (`"$5000"`, at the price now, or at
    the last one if the answer has none) or units of the asset (`"0.5"`); left out, every change is
    told. Only what moved counts: a price that moves while the amount stays is not a change.

    A change is compared with a reference: the amount of the previous reading and, looking back, also

    - `within: 1h`: each amount confirmed within that time, from the last one at or before its beginning
      on, or from the first one known. After an outage that one may be older; the message says so.
    - `since: notified`: the amount that this rule told last, or its baseline: the amount before the
      first change since the rule was written or edited. What goes the way that the rule does not
      watch (a refill, for `out`) takes this amount along once it goes beyond it; until then it counts
      against what went the other way.

    Of these the one farthest away counts: the highest for what went out, the lowest for what came in.
    What was told is the reference from there on: a window never tells one move twice. Rules judge
    changes: a move that is small when it is read is not told later because a window ended. Where
    dollars are unknown nothing is told and no reference moves: it counts with the next change.
    """

    type: Literal["change"] = "change"
    direction: Literal["in", "out", "both"] = "both"
    """Which way: what comes in, what goes out, or both."""
    by: Annotated[str, BeforeValidator(_by)] | None = None
    """Least size: a share of the amount before (`"10%"`), US dollars (`"$5000"`) or units (`"0.5"`). Left
    out: any change."""
    within: Duration | None = None
    """Time in which several steps count together, as in `1h`; left out: since the previous reading."""
    since: Literal["previous", "notified"] = "previous"
    """What is compared with: the previous reading, or what this rule told last, so that slow drift is told
    too."""

    @model_validator(mode="after")
    def _by_is_one_kind(self) -> ChangeRule:
        if self.by is not None and self.by.endswith("%") and self.by.startswith("$"):
            raise InputError(f"'{self.by}' is both a percentage and dollars", "choose one", ("by",))
        return self

    @model_validator(mode="after")
    def _looking_back_needs_a_size(self) -> ChangeRule:
        if self.within is not None and self.within <= timedelta(0):
            raise InputError("within must be positive", place=("within",))
        if self.looks_back and self.by is None:
            key, word = ("within", "within") if self.within is not None else ("since", "notified")
            what = f'{word} needs by, a size to compare with, such as by: "10%"'
            raise InputError(what, place=(key,))
        return self

    @property
    def priced(self) -> bool:
        return self.by is not None and self.by.startswith("$")

    @property
    def looks_back(self) -> bool:
        """Whether more than the previous reading is compared with."""
        return self.within is not None or self.since == "notified"

    def watches(self, before: Decimal, after: Decimal) -> bool:
        """Whether this way of moving is the rule's business."""
        return self.direction in ("in" if after > before else "out", "both")

    def asks(
        self, account: Account, asset: Asset, now: datetime, *, watched: bool
    ) -> list[BaselineOf | ChangesIn]:
        """What history must answer to judge a change of this holding."""
        if not watched:
            return [BaselineOf(self.id, account, asset)] if self.since == "notified" else []
        window = self.window(account, asset, now)
        return [BaselineOf(self.id, account, asset), *([window] if window is not None else [])]

    def window(self, account: Account, asset: Asset, now: datetime) -> ChangesIn | None:
        """The part of history that may hold a reference; None without `within`."""
        return None if self.within is None else ChangesIn(account, asset, now - self.within, now)

    def against(
        self, change: Change, mark: Baseline | None, trail: Sequence[Change], now: datetime, fingerprint: str
    ) -> Change:
        """The same change, measured from the reference that is farthest away."""
        lowest = change.after > (change.before or ZERO)
        far = change
        for each in self._references(mark, trail, now, fingerprint):
            assert each.before is not None and far.before is not None  # noqa: S101, PT018 - only such come
            if each.before < far.before if lowest else each.before > far.before:
                far = each
        if far is change:
            return change
        price = far.price_before
        if price is None and change.price_after is None:
            price = change.price_before  # the last one known, so that dollars can be told at all
        return change._replace(before=far.before, before_at=far.before_at, price_before=price)

    def _references(
        self, mark: Baseline | None, trail: Sequence[Change], now: datetime, fingerprint: str
    ) -> list[Change]:
        """The amounts that count beside the previous one, each as the `before` of a change."""
        found: list[Change] = []
        counts = self.since == "notified" and mark is not None and mark.fingerprint == fingerprint
        if self.within is not None:
            # A mark that lies far ahead was made while the clock was wrong.
            recent = mark is not None and now - self.within < mark.at <= now + self.within
            after = mark.at if recent and mark is not None else None
            found = [row for row in trail if row.before is not None and (not after or row.after_at > after)]
            counts = counts or recent
        if counts and mark is not None:
            told = Change(mark.account, mark.asset, "", mark.amount, mark.amount, mark.at, now, mark.price)
            found.insert(0, told)
        return found[::-1]  # of equal amounts, the one that was seen last

    def marked(
        self, change: Change, mark: Baseline | None, fingerprint: str, *, told: bool
    ) -> Baseline | None:
        """What to remember after a change; None if nothing else than before."""
        now = Baseline(
            self.id, fingerprint, change.account, change.asset, change.after, change.after_at, change.price
        )
        if told:
            return now
        if self.since != "notified" or change.before is None:
            return None
        known = mark if mark is not None and mark.fingerprint == fingerprint else None
        base = change.before if known is None else known.amount
        beyond = change.after > base if self.direction == "out" else change.after < base
        if beyond and not self.watches(change.before, change.after):
            return now
        if known is None:
            at = change.before_at or change.after_at
            return replace(now, amount=base, at=at, price=change.price_before)
        return None

    def answer(self, change: Change) -> Answer:
        before = change.before or ZERO
        moved = minus(change.after, before)
        if not moved or self.direction not in ("in" if moved > 0 else "out", "both"):
            return Answer.NOT_MET
        if self.by is None:
            return Answer.MET
        measured = self._measured(change, moved.copy_abs(), before)
        if measured is None:
            return Answer.UNKNOWN
        return Answer.MET if measured[0] >= measured[1] else Answer.NOT_MET

    def _measured(self, change: Change, size: Decimal, before: Decimal) -> tuple[Decimal, Decimal] | None:
        """The size of a move and what it takes to be told, in one measure; None without a price."""
        by, level = self.by or "", self.level
        if by.endswith("%"):
            return times(size, HUNDRED), times(level, before.copy_abs())
        if by.startswith("$"):
            return None if change.price is None else (times(size, change.price), level)
        return size, level

    def near(self, moves: Sequence[Change], over: str) -> Near:
        if self.by is None:
            return Near(None, "every change is told: there is no level")
        found: list[Near] = []
        for move in moves:
            before = move.before or ZERO
            if move.after == before or not self.watches(before, move.after):
                continue
            measured = self._measured(move, minus(move.after, before).copy_abs(), before)
            if measured is None:
                return unsure("without a price the worth of a move is not known")
            if not measured[1]:
                return Near(None, f"where nothing was something came {over}: more than any share")
            found.append(near(*measured, f"the largest move {over}"))
        if not found:
            return Near(Decimal(-1), f"nothing moved {self._way} {over}")
        return max(found, key=lambda each: each.distance or ZERO)

    def untold(self) -> Untold:
        if self.by is None or not self.by.endswith("%"):
            return super().untold()
        share = shifted(self.level, -2)

        def little(change: Change) -> bool:
            before = change.before
            if not before:
                return False
            size, moved = times(share, before.copy_abs()), minus(change.after, before)
            return size.copy_negate() < moved < size

        return little

    def judge(self, change: Change) -> Verdict:
        """Whether this change is one to tell."""
        answer = self.answer(change)
        moved = minus(change.after, change.before or ZERO)
        way = "in" if moved > 0 else "out"
        if self.direction not in (way, "both"):
            return not_met(f"moved {way}, the rule watches {self.direction}")
        words = f"{self._moved(change, moved.copy_abs())} moved {way}"
        if self.looks_back and change.before_at is not None:
            words += f" since {moment(change.before_at)}"
        if answer is Answer.UNKNOWN:
            return unknown(f"{words}; without a price its worth in dollars is not known")
        if answer is Answer.MET and self.by is not None:
            return met(f"{words}, at least {self._size}")
        return Verdict(answer, words)

    @cached_property
    def level(self) -> Decimal:
        """The number in `by`."""
        return Decimal((self.by or "0").strip("%$").replace("_", ""))

    @property
    def _size(self) -> str:
        """`by` as people read it."""
        by = self.by or ""
        if by.startswith("$"):
            return exactly(self.level)
        return full(self.level) + ("%" if by.endswith("%") else "")

    def _moved(self, change: Change, size: Decimal) -> str:
        """How much moved, measured as the rule measures it."""
        by = self.by or ""
        if by.endswith("%") and change.before:
            return percent(size, change.before.copy_abs())
        if by.startswith("$") and change.price is not None:
            return money_against(times(size, change.price), self.level)
        return amount_against(size, self.level, change.symbol)

    @property
    def _way(self) -> str:
        return {"in": "in", "out": "out", "both": "in or out"}[self.direction]

    def describe(self) -> str:
        way = {"in": "incoming", "out": "outgoing", "both": "any"}[self.direction]
        text = f"{way} change" + (f" of at least {self._size}" if self.by else "")
        back = [f"within {format_duration(self.within)}"] if self.within is not None else []
        back += ["since it was last told"] if self.since == "notified" else []
        return " ".join([text, " or ".join(back)]) if back else text
