"""Watching: which rules watch a wallet, and how far it is from meeting each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice

from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.rules import EventRule, Rule, TrailingRule
from watcher.domain.values.verdict import Answer
from watcher.reports.explain import Explainer, RuleAnswer

JUDGED, JUDGED_SLOW = 600, 60
"""Subjects that are judged of one wallet; and of these, those that have to be looked up in history."""

FEWEST = 3
"""Subjects of each rule that are judged, however many rules there are."""

ORDER = {Answer.MET: 0, Answer.UNKNOWN: 1, Answer.NOT_MET: 2}


class WatchingRule(Record, frozen=True):
    """A rule with one of its subjects in a wallet. `held`: why nobody is told of it now, if so."""

    rule: Rule
    answer: RuleAnswer
    held: str

    @property
    def nearness(self) -> int:
        """How near it is to firing, in per cent: 100 at the level or beyond it, 0 where it is as far again,
        or where nobody knows."""
        if self.answer.answer is Answer.MET:
            return 100
        distance = self.answer.distance
        return 0 if distance is None else int(100 * (1 - min(abs(distance), Decimal(1))))


class WalletWatch(Record, frozen=True):
    """What watches a wallet, nearest first. `more`: rules of which not every subject was judged."""

    rows: Sequence[WatchingRule]
    more: int

    @property
    def held(self) -> list[str]:
        """What holds messages back now, each once."""
        return list(dict.fromkeys(row.held for row in self.rows if row.held))


def watched(explainer: Explainer, wallet: str, accounts: Sequence[Account]) -> WalletWatch:
    """The rules that watch these accounts of a wallet."""
    found = [(rule, subjects, is_slow(rule)) for rule, subjects in explainer.watching(accounts)]
    slow = sum(each[2] for each in found)
    most = {True: share(JUDGED_SLOW, slow), False: share(JUDGED, len(found) - slow)}
    rows: list[WatchingRule] = []
    more = 0
    for rule, subjects, is_of_history in found:
        judged = list(islice(subjects, most[is_of_history]))
        more += next(iter(subjects), None) is not None
        held = explainer.held_back(rule, wallet) if judged else ""
        rows += [WatchingRule(rule, explainer.answer(rule, each), held) for each in judged]
    return WalletWatch(sorted(rows, key=lambda row: nearest(row.answer)), more)


def share(all_: int, rules: int, fewest: int = FEWEST) -> int:
    """How many subjects of each rule are judged, so that all together take no longer."""
    return max(all_ // max(rules, 1), fewest)


def is_slow(rule: Rule) -> bool:
    """Whether its subjects have to be looked up in history."""
    return isinstance(rule, EventRule | TrailingRule)


def nearest(answer: RuleAnswer) -> tuple[int, bool, Decimal]:
    """What is met first, then what is unknown, then what is nearest to its level."""
    distance = answer.distance
    return ORDER[answer.answer], distance is None, abs(distance) if distance is not None else Decimal(0)
