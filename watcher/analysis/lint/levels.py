"""Lints about levels: crossed already, never to be crossed, or crossed by every breath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_UP, Context, Decimal
from itertools import pairwise
from statistics import median_low

from watcher.analysis.lint.facts import LintFacts, LintHolding
from watcher.analysis.lint.finding import Finding, some
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.evaluation.rule_index import matches_of
from watcher.domain.model import Quote, subject_key
from watcher.domain.rules import ChangeRule, Rule, ThresholdRule
from watcher.domain.rules.conditions import Condition
from watcher.domain.values.decimals import minus, times, total
from watcher.domain.values.formatting import amount, counted, exactly, money, plain
from watcher.domain.values.verdict import Answer

FAR = Decimal(1_000_000)
"""A level so many times what is held is one in other units: wei for ETH, sparks for a bond."""

OFTEN = 4
"""A rule that would have fired so often in 30 days, within a band narrower than what it moves by, flaps."""


_CUT = Context(prec=2, rounding=ROUND_UP)
"""What is proposed to people is a round number."""

MOST = 200
"""Holdings of a rule whose history is looked through."""


def lint_levels(seen: LintFacts) -> Iterator[Finding]:
    """Levels held against what is known and what was."""
    for rule in seen.rules:
        impossible = list(_impossible(rule, seen))
        yield from impossible
        if isinstance(rule, ThresholdRule) and rule.per == "asset" and not impossible:
            conditions = conditions_of(rule)
            held = list(seen.holdings(rule.match))
            units = list(_units(rule, held))
            yield from units or _crossed(rule, held, seen)
            if len(conditions) == 1 and not rule.for_ and rule.reads == 1:
                yield from _noisy(rule, conditions[0], held, seen)


def conditions_of(rule: ThresholdRule) -> tuple[Condition, ...]:
    """What a rule compares."""
    return rule.conditions


def _met(rule: ThresholdRule, each: LintHolding) -> str:
    """Why a rule that does not fire would begin to; empty if it would not."""
    found = []
    for condition in conditions_of(rule):
        value = condition.value(each.amount, each.price)
        met = value is not None and condition.answer(value, firing=False) is Answer.MET
        if met and value is not None:
            found.append(condition.judge(value, each.symbol, firing=False).because)
        elif rule.join == "all":
            return ""
    return " and ".join(found)


def _impossible(rule: Rule, seen: LintFacts) -> Iterator[Finding]:
    """Rules that can never fire."""
    conditions = conditions_of(rule) if isinstance(rule, ThresholdRule) else ()
    both = isinstance(rule, ThresholdRule) and rule.join == "all"
    needed = [each for each in conditions if each.below is not None and each.below <= 0]
    if needed and (len(conditions) == 1 or both):
        what = f"{needed[0].metric} is never below {plain(needed[0].below or Decimal(0))}: it can never fire"
        remedy = "an emptied asset is below any level above zero, or use type: asset, event: disappears"
        yield Finding("never-fires", rule.id, what, remedy)
    by = rule.by or "" if isinstance(rule, ChangeRule) and rule.direction == "out" else ""
    if by.endswith("%") and isinstance(rule, ChangeRule) and rule.level > 100:
        what = f"no more than 100% can go out, and by is {by}: it can never fire"
        yield Finding("never-fires", rule.id, what, "lower by")
    if _needs_prices(rule):
        yield from _unpriced(rule, seen)


def _needs_prices(rule: Rule) -> bool:
    if isinstance(rule, ChangeRule):
        return (rule.by or "").startswith("$")
    return isinstance(rule, ThresholdRule) and all(each.metric != "amount" for each in conditions_of(rule))


def _unpriced(rule: Rule, seen: LintFacts) -> Iterator[Finding]:
    """Dollars are asked for, and nothing that is selected has ever had a price."""
    held = [each for match in matches_of(rule) for each in seen.holdings(match) if each.amount]
    if held and all(each.price is None for each in held):
        what = f"it asks for dollars, and nothing that it selects has a price ({some(_labels(held))})"
        remedy = "use amounts; for TEOS, price_usd under units of the source states a price"
        yield Finding("never-fires", rule.id, what, remedy, tuple(_labels(held)))


def _units(rule: ThresholdRule, held: Sequence[LintHolding]) -> Iterator[Finding]:
    """A level that is out of all proportion to what is held."""
    for condition in conditions_of(rule):
        level = condition.below if condition.below is not None else condition.above
        values = [value for each in held if (value := condition.value(each.amount, each.price))]
        if level is not None and values and level > 0 and all(times(value, FAR) <= level for value in values):
            side = "below" if condition.below is not None else "above"
            effect = "it fires for all of them" if side == "below" else "it will not fire"
            what = (
                f"{side}: {plain(level)} is a million times the largest {condition.metric} that it selects "
                f"({_shown(condition, max(values))}): {effect}"
            )
            remedy = "levels are in the asset's own unit: ETH and not wei, units and not sparks"
            yield Finding("wrong-unit", rule.id, what, remedy)


def _crossed(rule: ThresholdRule, held: Sequence[LintHolding], seen: LintFacts) -> Iterator[Finding]:
    """What would fire with the next reading, and is not firing yet."""
    labels, because = [], ""
    for each in held:
        alert = seen.past.alerts.get((rule.id, subject_key(each.account, each.asset)))
        known = alert is not None and alert.state is AlertState.FIRING
        why = "" if known else _met(rule, each)
        if why:
            because = because or why
            labels.append(each.label)
    if labels:
        what = (
            f"is met already by {len(labels):,} of the {len(held):,} that it selects ({labels[0]}: {because})"
        )
        remedy = "it fires with their next readings; change the level or match if that is not meant"
        yield Finding("already-crossed", rule.id, what, remedy, tuple(labels))


def _noisy(
    rule: ThresholdRule, condition: Condition, held: Sequence[LintHolding], seen: LintFacts
) -> Iterator[Finding]:
    """A band narrower than what the metric moves by from one reading to the next."""
    level = condition.below if condition.below is not None else condition.above
    if level is None:
        return
    clear = condition.clear_above if condition.below is not None else condition.clear_below
    clear = level if clear is None else clear
    worst: tuple[int, int, Decimal, LintHolding] | None = None
    for each in held[:MOST]:
        values = _series(condition, each, seen)
        fired = _firings(values, level, clear, below=condition.below is not None)
        if fired < OFTEN or (worst is not None and fired <= worst[0]):
            continue
        step = median_low([minus(b, a).copy_abs() for a, b in pairwise(values)])
        if minus(clear, level).copy_abs() >= step:
            continue
        room = _CUT.add(step, step)
        wide = total([level, room if condition.below is not None else room.copy_negate()])
        then = _firings(values, level, wide, below=condition.below is not None)
        if then < fired:
            worst = fired, then, wide, each
    if worst is not None:
        fired, then, wide, each = worst
        key = "clear_above" if condition.below is not None else "clear_below"
        band = "it has no band" if clear == level else f"its band up to {plain(clear)} is narrower than that"
        what = f"would have fired {fired} times in 30 days for {each.label}, which moves to and fro: {band}"
        remedy = f'with {key}: "{plain(wide)}" it would have fired {counted(then, "time")}'
        yield Finding("band-narrower-than-noise", rule.id, what, remedy, (each.label,))


def _series(condition: Condition, held: LintHolding, seen: LintFacts) -> list[Decimal]:
    """The values of the metric in the last 30 days, oldest first."""
    changes = seen.changes.get((held.account, held.asset), ())
    quotes: Sequence[Quote] = seen.prices(held.asset) if condition.metric != "amount" else ()
    moves: list[tuple[float, Decimal | None, Decimal | None]] = [
        (each.after_at.timestamp(), each.after, None) for each in changes
    ]
    moves += [(each.at.timestamp(), None, each.price) for each in quotes]
    moves.sort(key=lambda move: move[0])
    has = changes[0].before if changes else held.amount
    price: Decimal | None = quotes[0].price if quotes else held.price
    values = [condition.value(has, price)] if has is not None else []
    for _, after, quoted in moves:
        has, price = (after if after is not None else has), (quoted if quoted is not None else price)
        values.append(condition.value(has, price) if has is not None else None)
    return [value for value in values if value is not None]


def _firings(values: Sequence[Decimal], level: Decimal, clear: Decimal, *, below: bool) -> int:
    """How often a rule with this level and this clear level fires over such values."""
    count, firing = 0, False
    for value in values:
        crossed = value < level if below else value > level
        beyond = value > clear if below else value < clear
        if crossed and not firing:
            count, firing = count + 1, True
        elif firing and not crossed and (beyond or clear == level):
            firing = False
    return count


def _shown(condition: Condition, value: Decimal) -> str:
    if condition.metric == "amount":
        return amount(value)
    return exactly(value) if condition.metric == "price_usd" else money(value)


def _labels(held: Sequence[LintHolding]) -> list[str]:
    return [each.label for each in held]
