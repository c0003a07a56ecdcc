"""Snapshot cache: the state of every account, held in memory, from which each decision gets its snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision, Revision, Snapshot
from watcher.domain.model import Account, AccountState, Asset, PriceSuspicion, Quote
from watcher.domain.records import replace

OtherNames = tuple[Mapping[Asset, Asset], Mapping[Asset, tuple[str, ...]]]
"""`Snapshot.same` and `Snapshot.former`."""


class AssetNames:
    """What assets are called, were called, and are written as elsewhere, as `Snapshot` has it."""

    def __init__(self) -> None:
        self.symbols: dict[Asset, str] = {}
        self.same: dict[Asset, Asset] = {}
        self.former: dict[Asset, tuple[str, ...]] = {}
        self.named_at: dict[Asset, datetime] = {}

    def take(self, conclusion: Decision) -> None:
        """Take over what was committed."""
        if not (conclusion.symbols or conclusion.same or conclusion.former):
            return
        for asset in conclusion.symbols:
            if self.symbols.get(asset):
                self.named_at[asset] = conclusion.at
        self.symbols.update(conclusion.symbols)
        # Anew each time, which is seldom: other threads go through them.
        self.same = {**self.same, **conclusion.same}
        self.former = {**self.former, **conclusion.former}


class SnapshotCache:
    """What `Snapshot` is made of. Written only after a commit."""

    def __init__(self) -> None:
        self.assets: dict[Asset, Asset] = {}
        """Each asset itself: the one object by which all accounts name it."""
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
        self._states_of, self._self = object(), object()
        """Stand for this cache where it is remembered for long, and must not be kept alive by that."""

    def doubt(self) -> None:
        """A decision failed, or states were changed otherwise: what was kept about them has to look anew."""
        self._states_of = object()

    def past(self, accounts: Sequence[Account]) -> Snapshot:
        states = self.states
        chosen = {account: states[account] for account in accounts if account in states}
        return self.showing(chosen, accounts, states, Revision(self._states_of, self._concluded))

    def showing(
        self,
        chosen: Mapping[Account, AccountState],
        accounts: Sequence[Account],
        everyone: Mapping[Account, AccountState] | None = None,
        revision: Revision | None = None,
    ) -> Snapshot:
        """What all decisions see, with these states and the alerts on these accounts."""
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
                everyone,
                revision,
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

    def whole(self) -> Snapshot:
        """Every account's state and every live alert."""
        return replace(self.showing(self.states, ()), alerts=self.alerts, names=None)

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
            self.put(alert)

    def _sharing(self, state: AccountState) -> AccountState:
        """The same, with keys that all accounts share: many hold the same assets."""
        share = self.assets
        if all(share.setdefault(asset, asset) is asset for asset in state.amounts):
            return state  # a copy beside the reading's own mapping would leave a hole when it goes
        return state._replace(amounts={share.setdefault(a, a): held for a, held in state.amounts.items()})

    def put(self, alert: Alert) -> None:
        """Take over an alert as it is now."""
        key = (alert.rule, alert.subject)
        known = self.alerts.get(key)
        self.index(alert)
        if alert.live:
            self.alerts[key] = alert
            self._by_account.setdefault(alert.account, set()).add(key)
        elif known is not None and known.id == alert.id:
            del self.alerts[key]
            self._by_account[alert.account].discard(key)

    def index(self, alert: Alert) -> None:
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
