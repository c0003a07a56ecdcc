"""Outcomes of a request as its row keeps them: which accounts it read or missed, which a backtest needs.

One JSON text a request: `r` accounts that were read, `m` those that were missed by their reason, `o`
assets that a reading left open, `u` chains that it did not settle, `n` those that it did not name and
`h` odd amounts that were held, all by account, `d` prices that came into doubt and `c` those that no
longer are. Names are row ids, so that it stays short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from watcher.domain.decision import Decision
from watcher.domain.history.reconstruction import PollRecord, recorded_poll
from watcher.domain.model import Account, Asset
from watcher.store.codec import canonical, optional, storable
from watcher.store.codec import number as number_of


def outcomes(decision: Decision, accounts: Mapping[Account, int], assets: Mapping[Asset, int]) -> str | None:
    """What one request led to, account by account."""
    record = recorded_poll(decision)
    if record is None:
        return None
    missed: dict[str, list[int]] = {}
    for account, why in record.missed.items():
        missed.setdefault(storable(why), []).append(accounts[account])

    def numbers(found: Iterable[Asset]) -> list[int]:
        return sorted(assets[asset] for asset in found if asset in assets)

    open_ = {accounts[account]: numbers(left) for account, left in record.unsettled.items()}
    held = {
        accounts[account]: [
            [assets[asset], canonical(amount)] for asset, amount in odd.items() if asset in assets
        ]
        for account, odd in record.held.items()
    }
    return _short(
        r=[accounts[account] for account in record.read],
        m=missed,
        o={number: each for number, each in open_.items() if each},
        u={accounts[account]: sorted(chains) for account, chains in record.unread.items()},
        n={accounts[account]: sorted(chains) for account, chains in record.omitted.items()},
        h={number: each for number, each in held.items() if each},
        d=[[assets[asset], optional(price)] for asset, price in record.doubted.items() if asset in assets],
        c=numbers(record.cleared),
    )


def _short(**parts: Any) -> str:
    return json.dumps({key: part for key, part in parts.items() if part}, separators=(",", ":"))


def record(
    at: datetime, text: str, accounts: Mapping[int, Account], assets: Mapping[int, Asset]
) -> PollRecord:
    """What `outcomes` wrote, with names for numbers."""
    parts = json.loads(text)
    return PollRecord(
        at,
        tuple(accounts[number] for number in parts.get("r", ())),
        {accounts[number]: why for why, numbers in parts.get("m", {}).items() for number in numbers},
        {
            accounts[int(number)]: frozenset(assets[each] for each in left)
            for number, left in parts.get("o", {}).items()
        },
        {accounts[int(number)]: frozenset(chains) for number, chains in parts.get("u", {}).items()},
        {accounts[int(number)]: frozenset(chains) for number, chains in parts.get("n", {}).items()},
        {
            accounts[int(number)]: {assets[each]: Decimal(amount) for each, amount in held}
            for number, held in parts.get("h", {}).items()
        },
        {assets[each]: number_of(price) for each, price in parts.get("d", ())},
        frozenset(assets[each] for each in parts.get("c", ())),
    )
