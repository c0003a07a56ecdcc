"""Lookback: what rules that look back in time ask of history, and what they must remember themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.model import Account, Asset


class ChangesIn(NamedTuple):
    """Every change of an asset in an account confirmed after `since` and not after `until`, oldest first."""

    account: Account
    asset: Asset
    since: datetime
    until: datetime


class BaselineOf(NamedTuple):
    """What a rule remembers of one holding."""

    rule: str
    account: Account
    asset: Asset


@dataclass(frozen=True, slots=True)
class Baseline:
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
