"""Differences: what differs between what is known of an account and a new reading of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from watcher.domain.model import Account, AccountState, Asset, Reading
from watcher.domain.values.decimals import ZERO


class Difference(NamedTuple):
    """One asset whose amount in the reading is not the confirmed one.

    `before` is None where there is nothing to compare with: the account, its chain, or an
    asset that the operator has newly selected, is seen for the first time.
    """

    asset: Asset
    before: Decimal | None
    after: Decimal
    absent: bool = False
    """The answer did not name the asset; it was complete, so nothing is held."""


Differing = Mapping[Account, Sequence[Difference]]
"""What differs, of accounts that were compared already."""


def diff(state: AccountState, reading: Reading) -> list[Difference]:
    """Every asset that the reading settles and that differs; empty in the common case."""
    known = state.amounts
    amounts = reading.amounts
    if amounts is known or amounts == known:
        return []
    if same_assets(amounts, known):  # some only moved; what did not is mostly the very same number
        pairs = zip(amounts, known.values(), amounts.values(), strict=True)
        return [
            Difference(asset, before, after)
            for asset, before, after in pairs
            if before is not after and before != after
        ]
    return list(_differences(state, reading))


def same_assets(one: Mapping[Asset, Decimal], other: Mapping[Asset, Decimal]) -> bool:
    """Whether two holdings are of the same assets in the same order, which costs next to nothing to see."""
    return one is other or (len(one) == len(other) and list(one) == list(other))


def _differences(state: AccountState, reading: Reading) -> Iterator[Difference]:
    known, amounts = state.amounts, reading.amounts
    for asset, after in amounts.items():
        before = known.get(asset)
        if before is None:
            if not reading.names_all or _first_sight(state, asset):
                yield Difference(asset, None, after)
            elif after:
                yield Difference(asset, ZERO, after)
        elif before != after:
            yield Difference(asset, before, after)
    for asset, before in known.items():
        if before and asset not in amounts and asset.chain in reading.chains and asset not in reading.unclear:
            yield Difference(asset, before, ZERO, absent=True)


def _first_sight(state: AccountState, asset: Asset) -> bool:
    """Whether nothing says that this asset, which has no amount yet, was not held before."""
    if asset.chain not in state.seen:
        return True
    unsettled = state.unsettled
    return bool(unsettled) and (asset in unsettled or Asset(asset.chain, "") in unsettled)
