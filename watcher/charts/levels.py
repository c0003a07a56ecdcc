"""Levels of a chart: those of the threshold rules whose subject is just what the chart is of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Literal

from watcher.domain.evaluation.rule_index import Names, Rules, selects
from watcher.domain.model import EMPTY, SWEEPS, Asset
from watcher.domain.records import Record
from watcher.domain.rules import Rule
from watcher.domain.rules.types.threshold import ThresholdRule
from watcher.domain.values.decimals import ZERO, minus, plus
from watcher.ports.queries import Holding


class Level(Record, frozen=True):
    """The level of one rule. `clear`: the level beyond which it resolves; None: it has no other."""

    rule: str
    severity: str
    metric: Literal["amount", "value_usd"]
    below: bool
    level: Decimal
    clear: Decimal | None
    text: str
    """The same for people, such as `fires below 0.5 ETH, clears above 0.8 ETH`."""

    @property
    def values(self) -> tuple[Decimal, ...]:
        return (self.level,) if self.clear in (None, self.level) else (self.level, self.clear or ZERO)


def levels_of(
    rules: Rules,
    held: Collection[Holding],
    asset: Asset | None,
    symbol: str,
    only: str | None = None,
    *,
    also: Names = EMPTY,
) -> list[Level]:
    """The levels that belong on the chart of a wallet's asset, or (None) of all it holds that has a price.

    `held`: all holdings of the wallet. `only`: the id of one rule. `also`: other names of assets. Rules count
    that compare one amount or one value with one level, and whose subject is just what is shown: an account's
    level is none of a sum.
    """
    shown = [each for each in held if (each.priced if asset is None else each.asset == asset)]
    found = []
    for rule in rules.by_id.values() if only is None else filter(None, [rules.by_id.get(only)]):
        level = level_of(rule, symbol)
        if level is not None and isinstance(rule, ThresholdRule) and _is_of(rules, also, rule, held, shown):
            found.append(level)
    return found


def level_of(rule: Rule, symbol: str) -> Level | None:
    """The level of a rule; None if it has none, or several conditions, or compares a price."""
    bound = rule.bound() if isinstance(rule, ThresholdRule) else None
    if bound is None or not isinstance(rule, ThresholdRule):
        return None
    condition = rule.conditions[0]
    side, beyond = ("below", "above") if bound.below else ("above", "below")
    clear = condition.clear_above if bound.below else condition.clear_below
    text = f"fires {side} {condition.show_level(bound.level, symbol)}"
    if clear is not None:
        text += f", clears {beyond} {condition.show_level(clear, symbol)}"
    return Level(rule.id, rule.severity, bound.metric, bound.below, bound.level, clear, text)


def _is_of(
    rules: Rules, also: Names, rule: ThresholdRule, held: Collection[Holding], shown: Sequence[Holding]
) -> bool:
    """Whether the rule judges just these holdings as one subject. A tag, or everything, is no wallet."""
    if not shown:
        return False
    if rule.per == "asset":
        return (
            len(shown) == 1
            and (shown[0].priced or rule.metric == "amount")
            and _selects(rules, also, rule, shown[0])
        )
    if rule.per == "account":
        account = shown[0].account
        held = [each for each in held if each.account == account]
    elif rule.per != "wallet":
        return False
    counted = (each for each in held if each.priced or rule.metric == "amount")
    summed = {each for each in counted if _selects(rules, also, rule, each)}
    return summed == set(shown)


def _selects(rules: Rules, also: Names, rule: ThresholdRule, held: Holding) -> bool:
    wallet, match = rules.wallets.get(held.account), rule.match
    return (
        wallet is not None
        and match.wallet(wallet)
        and (held.account.chain in SWEEPS or match.chain(held.account.chain))
        and selects(rule, held.asset, held.symbol, also)
    )


def fitting(values: Sequence[Decimal], levels: Collection[Decimal]) -> set[Decimal]:
    """The levels that have a place beside a curve: at least half of the height stays with the curve.

    A flat curve has nothing to lose: there the height counts that it has above zero.
    """
    if not values:
        return set()
    low, high = min(values), max(values)
    if low == high:
        least = min((level.copy_abs() for level in levels if level), default=ZERO)
        low, high = min(low, ZERO), max(high, ZERO)
        most = plus(minus(high, low), minus(high, low)) or least
    else:
        if low >= 0 and plus(low, low) <= high:
            low = ZERO  # the axis begins there anyway
        most = plus(minus(high, low), minus(high, low))
    found = set()
    for level in sorted(set(levels), key=lambda each: max(minus(low, each), minus(each, high))):
        bottom, top = min(low, level), max(high, level)
        if minus(top, bottom) <= most:
            found.add(level)
            low, high = bottom, top
    return found
