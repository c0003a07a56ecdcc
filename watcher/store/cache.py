"""The state of every account, held in memory by the store thread and read from disk as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from watcher.domain.alerting import Alert, AlertState
from watcher.domain.conclusion import Conclusion, Past
from watcher.domain.message import Severity
from watcher.domain.model import EMPTY, Account, AccountState, Asset, Held, Quote
from watcher.store.text import canonical, from_ms, storable, time, to_ms


class Cache:
    """What `Past` is made of. Written only after a commit; after a failure it is read anew."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.account_ids: dict[Account, int] = {}
        self.asset_ids: dict[Asset, int] = {}
        self.states: dict[Account, AccountState] = {}
        self.quotes: dict[Asset, Quote] = {}
        self._quotes_before: dict[Asset, Quote] = {}
        self.symbols: dict[Asset, str] = {}
        self.alerts: dict[tuple[str, str], Alert] = {}
        self._by_account: dict[Account | None, set[tuple[str, str]]] = {}
        self._read(conn)

    def past(self, accounts: Sequence[Account]) -> Past:
        states = self.states
        chosen = {account: states[account] for account in accounts if account in states}
        alerts = {}
        if self.alerts:
            for account in (*accounts, None):  # one that was never read can have an alert too
                alerts.update({key: self.alerts[key] for key in self._by_account.get(account, ())})
        return Past(chosen, alerts, MappingProxyType(self.quotes), MappingProxyType(self.symbols))

    def quote_at(self, asset: Asset, at: datetime) -> Quote | None:
        """The price in force at a time, if it is among the last two; None: history has to say."""
        for quotes in (self.quotes, self._quotes_before):
            quote = quotes.get(asset)
            if quote is not None and quote.at <= at:
                return quote
        return None

    def apply(self, conclusion: Conclusion) -> None:
        """Take over what was committed."""
        for state in conclusion.accounts:
            self.states[state.account] = state
        for asset, quote in conclusion.quotes.items():
            if asset in self.quotes:
                self._quotes_before[asset] = self.quotes[asset]
            self.quotes[asset] = quote
        self.symbols.update(conclusion.symbols)
        for alert in conclusion.alerts:
            self._put(alert)

    def _put(self, alert: Alert) -> None:
        key = (alert.rule, alert.subject)
        known = self.alerts.get(key)
        if alert.live:
            self.alerts[key] = alert
            self._by_account.setdefault(alert.account, set()).add(key)
        elif known is not None and known.id == alert.id:
            del self.alerts[key]
            self._by_account[alert.account].discard(key)

    def _read(self, conn: sqlite3.Connection) -> None:
        assets: dict[int, Asset] = {}
        for row in conn.execute("SELECT id, chain, token, symbol, price, price_at FROM assets"):
            asset = assets[row[0]] = Asset(row[1], row[2])
            self.asset_ids[asset] = row[0]
            self.symbols[asset] = row[3]
            if row[4] is not None:
                self.quotes[asset] = Quote(Decimal(row[4]), from_ms(row[5]))
        amounts: dict[int, dict[Asset, Decimal]] = {}
        shared: dict[str, Decimal] = {}
        for account, number, text in conn.execute("SELECT account, asset, amount FROM balances"):
            amount = shared.get(text) or shared.setdefault(text, Decimal(text))
            amounts.setdefault(account, {})[assets[number]] = amount
        for row in conn.execute(f"SELECT id, {', '.join(STATE)}, source, chain, address FROM accounts"):  # noqa: S608
            account = Account(*row[-3:])
            self.account_ids[account] = row[0]
            self.states[account] = state_from(account, amounts.get(row[0], EMPTY), row[1:-3])
        for row in conn.execute(f"SELECT {', '.join(ALERT)} FROM alerts WHERE state <> 'resolved'"):  # noqa: S608
            self._put(alert_from(row))


STATE = (
    "last_reading", "last_attempt", "watched_since", "misses", "miss", "seen", "stale", "held", "unsettled",
    "omitted",
)  # fmt: skip
"""The columns of an account's state, in the order of `state_row`."""


def state_row(state: AccountState) -> tuple[Any, ...]:
    """The columns of `STATE`. What is empty, or follows from the others, is NULL."""
    last = state.last_reading
    plain = not state.seen or (len(state.seen) == 1 and state.account.chain in state.seen)
    return (
        None if last is None else to_ms(last),
        None if state.last_attempt is None else to_ms(state.last_attempt),
        None if state.watched_since is None else to_ms(state.watched_since),
        state.misses,
        storable(state.miss),
        None if plain else _json({chain: to_ms(at) for chain, at in state.seen.items()}),
        _json([[*asset, to_ms(at)] for asset, at in state.stale.items()]),
        _json([[*asset, canonical(h.amount), to_ms(h.since), h.reason] for asset, h in state.held.items()]),
        _json([[*asset] for asset in sorted(state.unsettled)]),
        _json(dict(state.omitted)),
    )


def state_from(account: Account, amounts: Any, row: tuple[Any, ...]) -> AccountState:
    last, attempt, watched, misses, miss, seen, stale, held, unsettled, omitted = row
    if seen is not None:
        times = {chain: from_ms(at) for chain, at in json.loads(seen).items()}
    else:
        times = {account.chain: from_ms(last)} if last is not None else {}
    return AccountState(
        account,
        amounts=amounts,
        seen=times,
        stale={Asset(chain, token): from_ms(at) for chain, token, at in json.loads(stale)}
        if stale
        else EMPTY,
        held=_held(held) if held else EMPTY,
        unsettled=frozenset(Asset(*names) for names in json.loads(unsettled)) if unsettled else frozenset(),
        omitted=json.loads(omitted) if omitted else EMPTY,
        last_attempt=time(attempt),
        misses=misses,
        miss=miss,
        watched_since=time(watched),
    )


def _held(text: str) -> dict[Asset, Held]:
    return {
        Asset(chain, token): Held(Decimal(amount), from_ms(since), reason)
        for chain, token, amount, since, reason in json.loads(text)
    }


def _json(value: Any) -> str | None:
    return json.dumps(value, separators=(",", ":")) if value else None


ALERT = (
    "id", "rule", "fingerprint", "subject", "label", "wallet", "source", "chain", "address", "severity",
    "state", "since", "because", "reads", "fired_at", "told_at", "resolved_at", "closed",
)  # fmt: skip


def alert_row(alert: Alert) -> tuple[Any, ...]:
    def ms(at: datetime | None) -> int | None:
        return None if at is None else to_ms(at)

    where = alert.account or (None, None, None)
    return (
        alert.id, alert.rule, alert.fingerprint, alert.subject, alert.label, alert.wallet, *where,
        str(alert.severity), str(alert.state), to_ms(alert.since), alert.because, alert.reads,
        ms(alert.fired_at), ms(alert.told_at), ms(alert.resolved_at), int(alert.closed),
    )  # fmt: skip


def alert_from(row: tuple[Any, ...]) -> Alert:
    source, chain, address = row[6:9]
    return Alert(
        id=row[0],
        rule=row[1],
        fingerprint=row[2],
        subject=row[3],
        label=row[4],
        wallet=row[5],
        account=Account(source, chain, address) if source is not None else None,
        severity=Severity(row[9]),
        state=AlertState(row[10]),
        since=from_ms(row[11]),
        because=row[12],
        reads=row[13],
        fired_at=time(row[14]),
        told_at=time(row[15]),
        resolved_at=time(row[16]),
        closed=bool(row[17]),
    )
