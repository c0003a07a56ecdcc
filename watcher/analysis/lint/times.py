"""Lints about time: durations that are shorter than the time between two readings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from watcher.analysis.lint.facts import LintFacts
from watcher.analysis.lint.finding import Finding
from watcher.domain.aggregates.contributions import limit
from watcher.domain.evaluation.rule_index import matches_of
from watcher.domain.model import Account
from watcher.domain.rules import NoDataRule, Rule, StateRule, SumRule
from watcher.domain.values.durations import format_duration, span
from watcher.domain.values.formatting import counted

HARDLY_EVER = 10 * 365 * 86400
"""Seconds between two readings beyond which their number says nothing."""


def lint_times(seen: LintFacts) -> Iterator[Finding]:
    """`for`, `longer_than` and `within` held against the cadence."""
    for rule in seen.rules:
        accounts = {account for match in matches_of(rule) for account in seen.accounts(match)}
        slow = {account: seen.intervals[account] for account in accounts if account in seen.intervals}
        if isinstance(rule, NoDataRule):
            yield from _silence(rule, slow, seen)
        elif isinstance(rule, StateRule):
            yield from _waiting(rule, slow, seen)
            if isinstance(rule, SumRule):
                yield from _aging(rule, seen)
        yield from _window(rule, slow, seen)


def _slower(than: timedelta, intervals: dict[Account, float], seen: LintFacts) -> tuple[list[Account], str]:
    """The accounts that are read more seldom, slowest first, and the slowest in words."""
    slow = [account for account, each in intervals.items() if each > than.total_seconds()]
    slow.sort(key=lambda account: (-intervals[account], account))
    if not slow:
        return [], ""
    longest = intervals[slow[0]]
    seldom = "never" if longest == math.inf else "hardly ever"
    every = f"about every {span(longest)}" if longest < HARDLY_EVER else seldom
    return slow, f"{seen.name(slow[0])} is read {every}"


def _shorter(
    lint: str, rule: Rule, key: str, than: timedelta, intervals: dict[Account, float], seen: LintFacts,
    *, then: str, remedy: str,
) -> Iterator[Finding]:  # fmt: skip
    """A duration of a rule that is shorter than the time between two readings of some accounts."""
    slow, words = _slower(than, intervals, seen)
    if slow:
        what = (
            f"{key}: {format_duration(than)} is shorter than the time between two readings of "
            f"{counted(len(slow), 'account')} ({words}): {then}"
        )
        yield Finding(lint, rule.id, what, remedy, _names(slow, seen))


def _waiting(rule: StateRule, intervals: dict[Account, float], seen: LintFacts) -> Iterator[Finding]:
    wait, reads = rule.terms()
    if wait and reads == 1:
        yield from _shorter(
            "for-shorter-than-cadence", rule, "for", wait, intervals, seen,
            then="it fires with the second reading in a row",
            remedy="say reads: 2 if that is meant, or poll more often with every",
        )  # fmt: skip


def _silence(rule: NoDataRule, intervals: dict[Account, float], seen: LintFacts) -> Iterator[Finding]:
    yield from _shorter(
        "silence-shorter-than-cadence", rule, "longer_than", rule.longer_than, intervals, seen,
        then="it fires although nothing is wrong",
        remedy="raise longer_than to twice that time, or promise more with at_least_every",
    )  # fmt: skip


def _aging(rule: SumRule, seen: LintFacts) -> Iterator[Finding]:
    """Parts of a sum that are read so seldom that the sum is mostly unknown."""
    for side in rule.sides():
        limits = {account: limit(side, seen.wallets[account]) for account in seen.accounts(side.match)}
        late = {
            account: seen.intervals[account]
            for account, most in limits.items()
            if seen.intervals.get(account, 0.0) > most.total_seconds()
        }
        slow, words = _slower(timedelta(0), late, seen)
        if slow:
            most = format_duration(limits[slow[0]])
            what = (
                f"a part older than {most} makes its sum unknown, and {counted(len(slow), 'account')} "
                f"will be that old between two readings ({words}): it can seldom fire"
            )
            remedy = "raise max_age, or promise more with at_least_every"
            yield Finding("sum-mostly-unknown", rule.id, what, remedy, _names(slow, seen))


def _window(rule: Rule, intervals: dict[Account, float], seen: LintFacts) -> Iterator[Finding]:
    options: Any = rule
    within: timedelta | None = getattr(options, "within", None)
    if within:
        yield from _shorter(
            "window-shorter-than-cadence", rule, "within", within, intervals, seen,
            then="it sees no more than the reading before",
            remedy="lengthen within, or poll more often with every",
        )  # fmt: skip


def _names(accounts: list[Account], seen: LintFacts) -> tuple[str, ...]:
    return tuple(map(seen.name, accounts))
