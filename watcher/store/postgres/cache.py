"""What one process remembers of the store: accounts read lately, and the little that all decisions see.

Of an account it is only true if the store has the same version of it. The rest is brought up to date before
each decision, by whoever holds the lock.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from watcher.domain.decision import Snapshot
from watcher.domain.model import Account, AccountState, Asset, Quote
from watcher.domain.records import replace
from watcher.store.codec import from_ms
from watcher.store.rows import ALERT, alert_from, doubt_from, flap_from, silence_from
from watcher.store.snapshot import SnapshotCache

MOST_ROWS = 400_000
"""Amounts that are remembered at most: some 110 MiB."""
ALONE = 8
"""So many amounts an account weighs by itself."""


class KeptAccount(NamedTuple):
    """An account as it was read or written last. `state` None: only its number is known."""

    id: int
    version: int
    state: AccountState | None


Kept = dict[Account, KeptAccount]


class AccountCache:
    """Accounts that were read or written last, as many as there is room for."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most, self.rows = most, 0
        self._kept: OrderedDict[Account, KeptAccount] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, accounts: Iterable[Account]) -> Kept:
        with self._lock:
            found = {account: self._kept[account] for account in accounts if account in self._kept}
            for account in found:
                self._kept.move_to_end(account)
        return found

    def keep(self, accounts: Mapping[Account, KeptAccount]) -> None:
        """Take over what was read or committed, unless something newer is known."""
        with self._lock:
            for account, new in accounts.items():
                old = self._kept.get(account)
                if old is not None and old.version > new.version:
                    continue
                self.rows += _rows(new) - (_rows(old) if old is not None else 0)
                self._kept[account] = new
                self._kept.move_to_end(account)
            while self.rows > self._most and len(self._kept) > 1:
                self.rows -= _rows(self._kept.popitem(last=False)[1])

    def forget(self, accounts: Iterable[Account]) -> None:
        with self._lock:
            for account in accounts:
                if (old := self._kept.pop(account, None)) is not None:
                    self.rows -= _rows(old)

    def __len__(self) -> int:
        return len(self._kept)


def _rows(kept: KeptAccount) -> int:
    return ALONE + (len(kept.state.amounts) if kept.state is not None else 0)


class PostgresSnapshotCache(SnapshotCache):
    """What all decisions see, with the numbers of assets and the versions that a decision saw.

    Whoever reads or changes it holds `lock`, from the look at the store until the decision is made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()
        self.looks = 0
        self.since: str | None = None
        """Transactions before this one have ended, and what they did was seen. None: nothing was seen yet."""
        self.asset_ids: dict[Asset, int] = {}
        self.by_id: dict[int, Asset] = {}
        self.asset_versions: dict[int, int] = {}
        self.alert_versions: dict[str, int] = {}
        """Of alerts that live, or of which somebody is to be told."""

    def snapshot(self, accounts: Sequence[Account], kept: Kept) -> Snapshot:
        chosen = {each: kept[each].state for each in accounts if each in kept}
        known = {account: state for account, state in chosen.items() if state is not None}
        return replace(self.showing(known, accounts), apart=True)

    def share(self, amounts: Mapping[int, Any]) -> dict[Asset, Any]:
        """Amounts by the one object by which all accounts name an asset."""
        by_id = self.by_id
        return {by_id[number]: amount for number, amount in amounts.items()}

    # ------------------------------------------------------------------ what others wrote

    def take_assets(self, rows: Sequence[tuple[Any, ...]]) -> None:
        named = False
        for number, chain, token, symbol, price, price_at, doubt, _, former, named_at, version in rows:
            if self.asset_versions.get(number) == version:
                continue
            self.asset_versions[number] = version
            asset = self.by_id.get(number)
            if asset is None:
                asset = self.by_id[number] = Asset(sys.intern(chain), token)
                self.asset_ids[asset] = number
            if self.names.symbols.get(asset) != symbol:
                self.names.symbols[asset] = symbol
                named = True
            if price is not None:
                self._priced(asset, price, price_at)
            if doubt is not None:
                self.doubts[asset] = doubt_from(doubt)
            else:
                self.doubts.pop(asset, None)
            if former is not None:
                self.names.former = {**self.names.former, asset: tuple(json.loads(former))}
            if named_at is not None:
                self.names.named_at[asset] = from_ms(named_at)
        same = {self.by_id[row[0]]: self.by_id[row[7]] for row in rows if row[7] is not None}
        if same.items() - self.names.same.items():
            self.names.same = {**self.names.same, **same}
        self._named += named

    def _priced(self, asset: Asset, price: Any, price_at: int) -> None:
        at, known = from_ms(price_at), self.quotes.get(asset)
        if known is None or (known.at, known.price) != (at, price):
            self.quotes[asset] = Quote(price, at)

    def take_alerts(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """In the order in which they were written."""
        for row in rows:
            alert = alert_from(row[: len(ALERT)])
            self.put(alert)
            if alert.live or alert.owing:
                self.alert_versions[alert.id] = row[-1]
            else:
                self.alert_versions.pop(alert.id, None)

    def take_flaps(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self.flaps.update(flap_from(row) for row in rows)

    def take_silences(self, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            changed = {each.id: each for each in map(silence_from, rows)}
            kept = [each for each in self.silences if each.id not in changed]
            self.silences = tuple(
                sorted([*kept, *changed.values()], key=lambda each: (each.created, each.id))
            )
