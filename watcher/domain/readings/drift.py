"""Rebasing tokens: balances that grow (or shrink) a little by themselves, without a transfer.

The operator names them (`rebasing` under `assets`). A change that is small enough for the time that
passed is interest: history keeps it, marked, and no rule about changes hears of it. Levels and sums see
the amount as it is. A transfer as small as interest cannot be told from it, and is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

from watcher.domain.model import Asset, Change, Wallet
from watcher.domain.readings.asset_policies import Policy
from watcher.domain.values.decimals import minus, times

A_DAY = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


def marked(
    changes: Sequence[Change], wallet: Wallet, policy: Callable[[Wallet, Asset, str], Policy]
) -> list[Change]:
    """The same changes; those that are interest are marked."""
    return [
        change._replace(drift=True)
        if is_drift(change, policy(wallet, change.asset, change.symbol).rebasing)
        else change
        for change in changes
    ]


def is_drift(change: Change, a_day: Decimal | None) -> bool:
    """Whether a change is at most so large a share of the amount before, for each day since that reading.

    A whole day counts even if less has passed: tokens pay a day's interest in one step.
    """
    if a_day is None or not change.before or not change.after or change.before_at is None:
        return False
    passed = max(change.after_at - change.before_at, A_DAY)
    share = times(a_day, Decimal(passed // _MILLISECOND))
    moved = times(minus(change.after, change.before).copy_abs(), Decimal(A_DAY // _MILLISECOND))
    return moved <= times(change.before, share)
