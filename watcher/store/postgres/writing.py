"""Writes what a decision concludes: accounts, alerts, assets and what hangs on them, in this order of locks.

What the decision saw and others have changed since ends the transaction, which is then done anew: a row is
only written over in the version that was seen.
"""

# ruff: noqa: S608 (only constants of this file are joined into statements)

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from watcher.domain.decision import Decision
from watcher.domain.model import EMPTY, Account, AccountState, Asset
from watcher.store.codec import canonical, optional, storable, to_ms
from watcher.store.postgres import alerts, marks, sums
from watcher.store.postgres.cache import Kept, KeptAccount, PostgresSnapshotCache
from watcher.store.postgres.errors import StoreConflictError
from watcher.store.postgres.look import Rows, columns, lock, shut_rows
from watcher.store.postgres.pool import Connection
from watcher.store.rows import STATE, doubt_text, read_again, state_row

_TYPES = ("bigint", "bigint", "bigint", "integer", *["words"] * (len(STATE) - 4))
_STATE = f"unnest({', '.join(f'%s::{each}[]' for each in _TYPES)}"
_NAMES = ", ".join(STATE)
_ADD_ACCOUNTS = (
    f"INSERT INTO accounts ({_NAMES}, source, chain, address)"
    f" SELECT * FROM {_STATE}, %s::words[], %s::words[], %s::words[])"
    " ON CONFLICT DO NOTHING RETURNING id, source, chain, address, version"
)
_SET_STATES = (
    f"UPDATE accounts a SET {', '.join(f'{each} = n.{each}' for each in STATE)}"
    f" FROM {_STATE}, %s::bigint[]) AS n ({_NAMES}, id) WHERE a.id = n.id RETURNING a.id, a.version"
)
_READ_AGAIN = (
    "UPDATE accounts SET last_reading = %s, last_attempt = %s WHERE id = ANY(%s::bigint[])"
    " RETURNING id, version"
)
_ADD_ASSETS = (
    "INSERT INTO assets (chain, token) SELECT * FROM unnest(%s::words[], %s::words[])"
    " ON CONFLICT DO NOTHING RETURNING id, chain, token, version"
)
_LOCK_ASSETS = "SELECT 1 FROM assets WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
_SET_ASSETS = (
    "WITH n AS (SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::words[], %s::bigint[], %s::numeric[],"
    " %s::bigint[], %s::boolean[], %s::words[], %s::bigint[], %s::words[])"
    " AS n (id, version, symbol, named_at, price, price_at, doubted, doubt, same_as, former)),"
    " done AS (UPDATE assets a SET symbol = coalesce(n.symbol, a.symbol),"
    " named_at = coalesce(n.named_at, a.named_at), price = coalesce(n.price, a.price),"
    " price_at = coalesce(n.price_at, a.price_at), doubt = CASE WHEN n.doubted THEN n.doubt ELSE a.doubt END,"
    " same_as = coalesce(n.same_as, a.same_as), former = coalesce(n.former, a.former)"
    " FROM n WHERE a.id = n.id AND a.version = n.version RETURNING 1)"
    " SELECT expect((SELECT count(*) FROM done), (SELECT count(*) FROM n))"
)
_ADD_PRICES = (
    "INSERT INTO prices (asset, at, price) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[])"
    " ON CONFLICT (asset, at) DO UPDATE SET price = excluded.price"
)
_ADD_CHANGES = (
    "INSERT INTO changes (account, asset, before, after, before_at, after_at, price_before, price_after,"
    " drift) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::numeric[], %s::bigint[],"
    " %s::bigint[], %s::numeric[], %s::numeric[], %s::boolean[])"
)
_SET_BALANCES = (
    "INSERT INTO balances (account, asset, amount, since)"
    " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::numeric[], %s::bigint[])"
    " ON CONFLICT (account, asset) DO UPDATE SET amount = excluded.amount, since = excluded.since"
)
_SHUT = (
    "INSERT INTO quarantine (account, asset, since, reason, baseline, by, newcomer)"
    " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::words[], %s::boolean[], %s::words[],"
    " %s::boolean[])"
)
_READ_SINCE = "DELETE FROM again WHERE account = ANY(%s::bigint[])"
_READ_SOON = (
    "INSERT INTO again (account, due, alone) SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[])"
    " ON CONFLICT (account) DO UPDATE SET due = excluded.due, alone = excluded.alone"
)

_FIRST = "others have read the same account for the first time"


class StoreWriting:
    """One decision on its way into the store.

    `kept`: the accounts that the decision saw, which are locked. The caller holds the lock of the cache.
    """

    def __init__(
        self, conn: Connection, cache: PostgresSnapshotCache, kept: Kept, decision: Decision
    ) -> None:
        self._conn, self._cache, self._decision = conn, cache, decision
        self._kept = dict(kept)
        self.assets: ChainMap[Asset, int] = ChainMap({}, cache.asset_ids)
        """What is new is known to others once the transaction has ended."""
        self._versions: dict[int, int] = {}
        self._versions_of_new: dict[int, int] = {}
        """Of accounts, and of assets that were not there before."""
        self._written: list[Rows] = []

    @property
    def accounts(self) -> dict[Account, int]:
        return {account: each.id for account, each in self._kept.items()}

    def write(self) -> None:
        """Send all of it. Nothing is kept before the transaction ends."""
        decision = self._decision
        self._know_accounts()
        self._write_states()
        alerts.write(self._conn, self._cache.alert_versions, decision)
        self._write_assets()
        self._write_changes()
        self._write_quarantine()
        self._write_marks()
        self._write_again()
        if decision.sums:
            sums.owe(self._conn, decision.sums)

    def committed(self) -> Kept:
        """The accounts as they were committed."""
        for rows in self._written:
            self._versions.update(rows.fetchall())
        found = ((state, self._kept[state.account].id) for state in self._decision.accounts)
        return {state.account: KeptAccount(number, self._versions[number], state) for state, number in found}

    # ------------------------------------------------------------------ accounts

    def _know_accounts(self) -> None:
        """Lock what the decision is about and did not ask for, and make what is new."""
        decision, kept = self._decision, self._kept
        named = dict.fromkeys(state.account for state in decision.accounts)
        named.update(dict.fromkeys(change.account for change in decision.changes))
        named.update(dict.fromkeys(mark.account for mark in decision.marks))
        named.update(dict.fromkeys(account for account, _ in decision.rescaled))
        unknown = [account for account in named if account not in kept]
        if not unknown:
            return
        locked = lock(self._conn, unknown)
        if any(state.account in locked for state in decision.accounts):
            raise StoreConflictError(_FIRST)  # the decision knows nothing of it
        kept.update((account, KeptAccount(*found, None)) for account, found in locked.items())
        states = {each.account: each for each in decision.accounts}
        new = [states.get(account, AccountState(account)) for account in unknown if account not in kept]
        if not new:
            return
        rows = columns([(*state_row(each), *each.account) for each in sorted(new)], len(STATE) + 3)
        made = self._conn.execute(_ADD_ACCOUNTS, rows).fetchall()
        if len(made) < len(new):
            raise StoreConflictError(_FIRST)
        for number, source, chain, address, version in made:
            account = Account(source, chain, address)
            kept[account] = KeptAccount(number, version, None)
            self._versions[number] = version

    def _write_states(self) -> None:
        """Whole rows where more than the time of the reading differs; one statement for all the others."""
        whole: list[tuple[Any, ...]] = []
        again: dict[datetime, list[int]] = {}
        for state in self._decision.accounts:
            number, _, old = self._kept[state.account]
            if number in self._versions:
                continue  # it was just made
            at = read_again(old, state)
            if at is None:
                whole.append((*state_row(state), number))
            else:
                again.setdefault(at, []).append(number)
        if whole:
            self._written.append(self._conn.execute(_SET_STATES, columns(whole, len(STATE) + 1)))
        for at, group in again.items():
            self._written.append(self._conn.execute(_READ_AGAIN, (to_ms(at), to_ms(at), group)))

    def _write_quarantine(self) -> None:
        """Of the accounts whose quarantine is another one than before."""
        rows: list[tuple[Any, ...]] = []
        changed: list[int] = []
        for state in self._decision.accounts:
            number, _, old = self._kept[state.account]
            before = (EMPTY, EMPTY) if old is None else (old.quarantined, old.newcomers)
            if (state.quarantined, state.newcomers) == before:
                continue
            changed.append(number)
            rows += [
                (number, self.assets[asset], to_ms(e.since), e.reason, e.baseline, e.by, newcomer)
                for asset, e, newcomer in shut_rows(state)
            ]
        if changed:
            self._conn.execute("DELETE FROM quarantine WHERE account = ANY(%s::bigint[])", (changed,))
        if rows:
            self._conn.execute(_SHUT, columns(rows, 7))

    def _write_again(self) -> None:
        """Who was asked for is owed no other reading, but for those that this one calls for."""
        decision, kept = self._decision, self._kept
        asked = []
        for state in decision.accounts:
            number, _, old = kept[state.account]
            if old is None or old.last_attempt != state.last_attempt:
                asked.append(number)
        if asked:
            self._conn.execute(_READ_SINCE, (asked,))
        if decision.again:
            due = {each.account: (to_ms(decision.at + each.after), each.alone) for each in decision.again}
            known = [(kept[account].id, *each) for account, each in due.items() if account in kept]
            self._conn.execute(_READ_SOON, columns(known, 3))

    # ------------------------------------------------------------------ assets and history

    def _write_assets(self) -> None:
        decision = self._decision
        named: set[Asset] = {*decision.symbols, *decision.quotes, *decision.doubts, *decision.former}
        named.update(*decision.same.items())
        self._make_assets({*named, *(change.asset for change in decision.changes)})
        if not named:
            return
        rows = sorted(self._asset_row(asset) for asset in named)
        self._conn.execute(_LOCK_ASSETS, ([row[0] for row in rows],))
        self._conn.execute(_SET_ASSETS, columns(rows, 10))
        quotes = [(self.assets[each], to_ms(q.at), canonical(q.price)) for each, q in decision.quotes.items()]
        if quotes:
            self._conn.execute(_ADD_PRICES, columns(quotes, 3))

    def _make_assets(self, named: Iterable[Asset]) -> None:
        new = sorted(asset for asset in named if asset not in self.assets)
        if not new:
            return
        made = self._conn.execute(_ADD_ASSETS, columns(new, 2)).fetchall()
        if len(made) < len(new):
            raise StoreConflictError("others have seen the same asset for the first time")
        for number, chain, token, version in made:
            self.assets[Asset(chain, token)] = number
            self._versions_of_new[number] = version

    def _asset_row(self, asset: Asset) -> tuple[Any, ...]:
        """What changes of an asset; None: nothing."""
        decision, names = self._decision, self._cache.names
        number, quote = self.assets[asset], decision.quotes.get(asset)
        version = self._versions_of_new.get(number) or self._cache.asset_versions[number]
        symbol, was = decision.symbols.get(asset), decision.former.get(asset)
        # The first symbol that an asset gets is not dated.
        dated = symbol is not None and names.symbols.get(asset)
        same = decision.same.get(asset)
        return (
            number, version, symbol, to_ms(decision.at) if dated else None,
            canonical(quote.price) if quote else None, to_ms(quote.at) if quote else None,
            asset in decision.doubts, doubt_text(decision.doubts.get(asset)),
            self.assets[same] if same is not None else None,
            json.dumps(list(map(storable, was))) if was is not None else None,
        )  # fmt: skip

    def _write_changes(self) -> None:
        history, balances = [], {}
        for (
            holder,
            what,
            _,
            before,
            after,
            before_at,
            after_at,
            price_before,
            price,
            drift,
            _,
        ) in self._decision.changes:
            account, asset, text, at = (
                self._kept[holder].id,
                self.assets[what],
                canonical(after),
                to_ms(after_at),
            )
            # Prices are mostly the same one twice.
            last = optional(price)
            first = last if price_before is price else optional(price_before)
            then = None if before_at is None else to_ms(before_at)
            history.append((account, asset, optional(before), text, then, at, first, last, drift))
            balances[account, asset] = (account, asset, text, at)
        if history:
            self._conn.execute(_ADD_CHANGES, columns(history, 9))
            self._conn.execute(_SET_BALANCES, columns(balances.values(), 4))

    def _write_marks(self) -> None:
        decision, accounts = self._decision, self._kept
        if decision.rescaled:
            gone = [(accounts[account].id, self.assets[asset]) for account, asset in decision.rescaled]
            marks.forget_holdings(self._conn, gone)
        if decision.marks:
            marks.remember(self._conn, decision.marks, self.accounts, self.assets)
        if decision.standing is not None:
            marks.forget(self._conn, decision.standing)
