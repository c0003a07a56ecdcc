"""The state of every account, held in memory by the store thread and read from disk as a whole."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision, Revision, Snapshot
from watcher.domain.model import EMPTY, Account, AccountState, Asset, PriceSuspicion, Quote
from watcher.store.sqlite import quarantine
from watcher.store.sqlite.asset_names import AssetNames
from watcher.store.sqlite.codec import from_ms
from watcher.store.sqlite.rows import (
    ALERT,
    SILENCE,
    STATE,
    Times,
    alert_from,
    doubt_from,
    flap_from,
    silence_from,
    state_from,
)

SHORT = 4
"""Amounts of so few characters are kept once for all; longer ones are seldom equal."""


class SnapshotCache:
    """What `Snapshot` is made of. Written only after a commit; after a failure it is read anew."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.account_ids: dict[Account, int] = {}
        self.asset_ids: dict[Asset, int] = {}
        self._assets: dict[Asset, Asset] = {}
        self.states: dict[Account, AccountState] = {}
        self.quotes: dict[Asset, Quote] = {}
        self._quotes_before: dict[Asset, Quote] = {}
        self.names = AssetNames()
        self.doubts: dict[Asset, PriceSuspicion] = {}
        self.alerts: dict[tuple[str, str], Alert] = {}
        self.silences: tuple[Silence, ...] = ()
        self.firing: dict[tuple[str, str], set[str]] = {}
        self.owing: dict[str, Alert] = {}
        self.flaps: dict[tuple[str, str], Flap] = {}
        self._by_account: dict[Account | None, set[tuple[str, str]]] = {}
        self._concluded = self._named = 0
        self._self = object()
        """Stands for this cache where it is remembered for long, and must not be kept alive by that."""
        self._read(conn)

    def past(self, accounts: Sequence[Account]) -> Snapshot:
        states = self.states
        chosen = {account: states[account] for account in accounts if account in states}
        alerts = {}
        if self.alerts:
            for account in (*accounts, None):  # one that was never read can have an alert too
                alerts.update({key: self.alerts[key] for key in self._by_account.get(account, ())})
        return (
            Snapshot(  # views that only their types keep from being written to: a proxy doubles each look-up
                chosen,
                alerts,
                self.quotes,
                self.names.symbols,
                self.doubts,
                states,
                Revision(self, self._concluded),
                Revision(self._self, self._named),
                same=self.names.same,
                former=self.names.former,
                named_at=self.names.named_at,
                silences=self.silences,
                firing=self.firing,
                owing=tuple(self.owing.values()),
                flaps=self.flaps,
            )
        )

    def quote_at(self, asset: Asset, at: datetime) -> Quote | None:
        """The price in force at a time, if it is among the last two; None: history has to say."""
        for quotes in (self.quotes, self._quotes_before):
            quote = quotes.get(asset)
            if quote is not None and quote.at <= at:
                return quote
        return None

    def apply(self, conclusion: Decision) -> None:
        """Take over what was committed."""
        self._concluded += bool(conclusion.accounts)
        for state in conclusion.accounts:
            known = self.states.get(state.account)
            same = known is not None and len(known.amounts) == len(state.amounts)
            self.states[state.account] = state if same else self._sharing(state)
        for asset, quote in conclusion.quotes.items():
            if asset in self.quotes:
                self._quotes_before[asset] = self.quotes[asset]
            self.quotes[asset] = quote
        self._named += bool(conclusion.symbols)
        self.names.take(conclusion)
        for asset, doubt in conclusion.doubts.items():
            if doubt is None:
                self.doubts.pop(asset, None)
            else:
                self.doubts[asset] = doubt
        self.flaps.update(conclusion.flaps)
        for alert in conclusion.alerts:
            self._put(alert)

    def _sharing(self, state: AccountState) -> AccountState:
        """The same, with keys that all accounts share: many hold the same assets."""
        share = self._assets
        if all(share.setdefault(asset, asset) is asset for asset in state.amounts):
            return state  # a copy beside the reading's own mapping would leave a hole when it goes
        return state._replace(amounts={share.setdefault(a, a): held for a, held in state.amounts.items()})

    def _put(self, alert: Alert) -> None:
        key = (alert.rule, alert.subject)
        known = self.alerts.get(key)
        self._index(alert)
        if alert.live:
            self.alerts[key] = alert
            self._by_account.setdefault(alert.account, set()).add(key)
        elif known is not None and known.id == alert.id:
            del self.alerts[key]
            self._by_account[alert.account].discard(key)

    def _index(self, alert: Alert) -> None:
        """Which rules fire on which wallet, and who is still to be told of an end."""
        firing = self.firing.setdefault((alert.rule, alert.wallet), set())
        known = self.alerts.get((alert.rule, alert.subject))
        if known is not None and known.wallet != alert.wallet and known.id == alert.id:
            self.firing.get((known.rule, known.wallet), set()).discard(known.subject)
        if alert.live and alert.state is AlertState.FIRING:
            firing.add(alert.subject)
        elif known is None or known.id == alert.id:
            firing.discard(alert.subject)
        if not firing:
            del self.firing[alert.rule, alert.wallet]
        if alert.owing:
            self.owing[alert.id] = alert
        else:
            self.owing.pop(alert.id, None)

    def _read(self, conn: sqlite3.Connection) -> None:
        assets: dict[int, Asset] = {}
        symbols: dict[Asset, str] = {}
        for row in conn.execute("SELECT id, chain, token, symbol, price, price_at, doubt FROM assets"):
            asset = assets[row[0]] = Asset(sys.intern(row[1]), row[2])
            self._assets[asset] = asset
            self.asset_ids[asset] = row[0]
            symbols[asset] = row[3]
            if row[4] is not None:
                self.quotes[asset] = Quote(Decimal(row[4]), from_ms(row[5]))
            if row[6] is not None:
                self.doubts[asset] = doubt_from(row[6])
        self.names = AssetNames.of(conn, assets)
        self.names.symbols = symbols
        amounts = _amounts(conn, assets)
        shut = quarantine.read(conn, assets)
        times = Times()
        for row in conn.execute(f"SELECT id, {', '.join(STATE)}, source, chain, address FROM accounts"):  # noqa: S608
            account = Account(sys.intern(row[-3]), sys.intern(row[-2]), row[-1])
            self.account_ids[account] = row[0]
            state = state_from(account, amounts.get(row[0], EMPTY), row[1:-3], times)
            self.states[account] = quarantine.kept(state, shut[row[0]]) if row[0] in shut else state
        for row in conn.execute(f"SELECT {', '.join(ALERT)} FROM alerts WHERE state <> 'resolved'"):  # noqa: S608
            self._put(alert_from(row))
        owing = f"SELECT {', '.join(ALERT)} FROM alerts WHERE state = 'resolved' AND owed IS NOT NULL"  # noqa: S608
        for row in conn.execute(f"{owing} ORDER BY resolved_at, id"):
            self._index(alert_from(row))
        flaps = "SELECT rule, subject, times, since, said FROM flaps"
        self.flaps = dict(flap_from(row) for row in conn.execute(flaps))
        silences = f"SELECT {', '.join(SILENCE)} FROM silences ORDER BY created, id"  # noqa: S608
        self.silences = tuple(silence_from(row) for row in conn.execute(silences))


def _amounts(conn: sqlite3.Connection, assets: Mapping[int, Asset]) -> dict[int, dict[Asset, Decimal]]:
    """What each account holds: one row an account, which is thrice as quick as one a balance."""
    by_text = {str(number): asset for number, asset in assets.items()}
    amounts: dict[int, dict[Asset, Decimal]] = {}
    shared: dict[str, Decimal] = {}
    sql = "SELECT account, group_concat(asset), group_concat(amount) FROM balances GROUP BY account"
    for account, numbers, joined in conn.execute(sql):
        texts = joined.split(",")
        shortest = min(map(len, texts))
        held = map(Decimal if shortest > SHORT else partial(_number, shared), texts)
        amounts[account] = dict(zip(map(by_text.__getitem__, numbers.split(",")), held, strict=True))
    return amounts


def _number(shared: dict[str, Decimal], text: str) -> Decimal:
    amount = shared.get(text)
    if amount is None:
        amount = Decimal(text)
        if len(text) <= SHORT:
            shared[text] = amount
    return amount
