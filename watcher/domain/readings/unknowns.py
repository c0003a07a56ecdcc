"""Unknowns: why a rule cannot be judged, since when, and what to do about it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from watcher.domain.model import Account, AccountState, Asset
from watcher.domain.readings.plausibility import ASKS

READ_IT = "see with `watcher status` why it is not read; if it is read too seldom, raise max_age"
SEE_WHAT_WAITS = "see with `watcher status` what of it waits, and why"
RIGHT_NAME = "see with `watcher assets --all` how it is called, or name its contract"
ONE_ASSET = "name the contracts of those that are to be added in match.assets"
NOT_YET = "it speaks as soon as there is something; until then a silence keeps this quiet"


class Unknown(NamedTuple):
    """`why` and `remedy` are for people."""

    why: str
    remedy: str
    since: datetime | None = None
    """Since when, as far as facts say so."""
    unread: Account | None = None
    """The account that was not read, if that is why."""


def in_doubt_since(state: AccountState, asset: Asset) -> datetime | None:
    """Since when an amount is not settled, as far as the state says so. While no two odd readings agree, the
    time of the last one moves on; after some it counts from the last reading that was believed."""
    held = state.held.get(asset)
    if held is None:
        return None
    return held.since if held.odd <= ASKS else state.stale.get(asset, held.since)


def price_it(asset: Asset, symbol: str, units: str) -> str:
    """What to do about an asset without a price. `units`: as in `Wallet`."""
    name = symbol or asset.token
    if units:
        return f'state its price in the configuration: {units}, "{asset.token}": {{price_usd: "…"}}'
    return f"take {name} out of the rule with match.assets, or hide it with `watcher assets hide {name}`"
