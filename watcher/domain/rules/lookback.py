"""Lookback: what rules that look back in time ask of history, and what they must remember themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.model import Account, Asset, Change
from watcher.domain.records import Record


class ChangesIn(NamedTuple):
    """Every change of an asset in an account confirmed after `since` and not after `until`, oldest first."""

    account: Account
    asset: Asset
    since: datetime
    until: datetime


def since_baseline(changes: Sequence[Change]) -> Sequence[Change]:
    """Changes from the last baseline on, of those of one holding, oldest first. What is before a baseline may
    be in another unit."""
    return changes[max((number for number, each in enumerate(changes) if each.before is None), default=0) :]


class BaselineOf(NamedTuple):
    """What a rule remembers of one holding."""

    rule: str
    account: Account
    asset: Asset


class Baseline(Record, frozen=True):
    """The amount that a rule compares with from here on: what it last told, or its baseline.

    It is written with the decision that moves it, in one transaction with the deliveries: a crash can
    neither tell a move twice nor forget that it has to be told. `at` is when the amount was read.
    """

    rule: str
    fingerprint: str
    account: Account
    asset: Asset
    amount: Decimal
    at: datetime
    price: Decimal | None = None

    @property
    def question(self) -> BaselineOf:
        """The question that this mark answers."""
        return BaselineOf(self.rule, self.account, self.asset)
