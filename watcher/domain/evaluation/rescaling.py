"""Rescaling, of units that change: how many sparks make one unit of a TEOS asset is the issuer's to change.

All amounts of the asset are then other numbers, and nothing has moved. What was known is restated in the
new unit before it is compared, exactly, so that only what moved besides is a change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal
from typing import NamedTuple

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import EMPTY, AccountState, Asset, Change, Reading, subject_key
from watcher.domain.values.decimals import times, units
from watcher.domain.values.formatting import amount, full

RESCALED_RULE = "watcher.rescaled"
"""The built-in notice about an asset whose unit changed."""

_WHOLE = Context(prec=1000)


class Rescaled(NamedTuple):
    """One holding, in the unit of before and in the one of now."""

    asset: Asset
    scale_before: int
    scale_after: int
    before: Decimal
    after: Decimal


def rescale(state: AccountState, reading: Reading) -> tuple[AccountState, list[Rescaled]]:
    """What is known, in the units of this reading, and which holdings that changed."""
    if not reading.scales or reading.scales == state.scales:
        return state, []
    found = []
    for asset, scale in reading.scales.items():
        old, known = state.scales.get(asset, scale), state.amounts.get(asset)
        if old != scale and known is not None:
            sparks = int(times(known, Decimal(old)).to_integral_value(context=_WHOLE))
            found.append(Rescaled(asset, old, scale, known, units(sparks, scale)))
    scales = {**state.scales, **reading.scales}
    if not found:
        return state._replace(scales=scales), []
    amounts = {**state.amounts, **{each.asset: each.after for each in found}}
    gone = {each.asset for each in found}
    # What was held in the old unit is no number to compare with; an odd answer is held anew.
    held = {asset: each for asset, each in state.held.items() if asset not in gone}
    return state._replace(amounts=amounts, held=held or EMPTY, scales=scales), found


def baselines(
    state: AccountState, rescaled: Sequence[Rescaled], reading: Reading, now: datetime
) -> list[Change]:
    """History begins anew in the new unit: kept, and never told."""
    return [
        Change(state.account, each.asset, reading.symbols.get(each.asset, ""), None, each.after, None, now)
        for each in rescaled
    ]


def rescaled_notices(
    state: AccountState,
    rescaled: Sequence[Rescaled],
    symbols: Mapping[Asset, str],
    channels: Sequence[str],
    now: datetime,
) -> list[Delivery]:
    """One notice for each asset, to every channel; the same for each account that holds it."""
    deliveries = []
    for each in rescaled:
        asset = each.asset
        name = symbols.get(asset) or asset.token
        identity = short_id(
            RESCALED_RULE, state.account.source, asset, each.scale_before, each.scale_after, now.date()
        )
        title = f"{name}: one unit is {full(Decimal(each.scale_after))} sparks now; nothing moved"
        was, becomes = f"{amount(each.before)} {name}", f"{amount(each.after)} {name}"
        facts = (
            ("Source", state.account.source),
            ("Asset", f"{name} ({asset.token})"),
            ("Before", f"{full(Decimal(each.scale_before))} sparks in one unit"),
            ("Now", f"{full(Decimal(each.scale_after))} sparks in one unit"),
            ("Example", f"{was} of {state.account.address} are {becomes} now"),
            ("To do", "look at levels of rules, and at price_usd, that were meant for the old unit"),
        )
        subject = subject_key(state.account, asset)
        message = Message(
            identity, Kind.NOTICE, Severity.WARNING, RESCALED_RULE, subject, "", title, facts, now
        )
        deliveries += [
            Delivery(short_id(identity, channel), channel, message, now, now) for channel in channels
        ]
    return deliveries
