"""What the configuration watches and what the store has seen of it, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from typing import NamedTuple

from watcher.analysis.plan import plan_source
from watcher.config.configuration import Configuration, build_source
from watcher.config.wallets import WalletsByAccount
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.rule_index import other_names
from watcher.domain.model import EMPTY, SWEEPS, Account, AccountState, Asset, Change, Quote, Wallet
from watcher.domain.records import Record, field
from watcher.domain.rules import Match, Rule
from watcher.ports.queries import Queries
from watcher.sources.kind import SourceKind

LOOK_BACK = timedelta(days=30)
MOST_CHANGES = 200_000
MOST_PRICES = 2_000
"""Of a longer history the newest part is looked at."""


class LintHolding(NamedTuple):
    """One asset of one account, as it was last believed."""

    account: Account
    wallet: Wallet
    asset: Asset
    symbol: str
    amount: Decimal
    price: Decimal | None

    @property
    def label(self) -> str:
        return f"{self.wallet.name}: {self.symbol or self.asset.token} on {self.asset.chain}"


class LintFacts(Record, frozen=True, dict=True):
    """`intervals`: seconds between two polls of an account, planned or set. `changes` and `prices` (of an
    asset) are those of the last 30 days, oldest first."""

    rules: Sequence[Rule]
    wallets: Mapping[Account, Wallet]
    past: Snapshot
    now: datetime
    intervals: Mapping[Account, float] = field(default_factory=dict)
    changes: Mapping[tuple[Account, Asset], Sequence[Change]] = field(default_factory=dict)
    prices: Callable[[Asset], Sequence[Quote]] = lambda _: ()
    kinds: Mapping[str, SourceKind] = field(default_factory=dict)
    """The sources by their names."""

    @cached_property
    def also(self) -> Mapping[Asset, frozenset[str]]:
        """Other names of assets."""
        return other_names(self.past.same, self.past.former)

    def accounts(self, match: Match) -> list[Account]:
        """The accounts that a selection may be about."""
        return [
            account
            for account, wallet in self.wallets.items()
            if match.wallet(wallet) and (account.chain in SWEEPS or match.chain(account.chain))
        ]

    def read(self, account: Account) -> bool:
        state = self.past.accounts.get(account)
        return state is not None and state.last_reading is not None

    def holdings(self, match: Match) -> Iterator[LintHolding]:
        """What a selection selects of all that was read; what was emptied is there with zero."""
        for account in self.accounts(match):
            state = self.past.accounts.get(account)
            for asset, amount in _visible(state):
                symbol = self.past.symbols.get(asset, "")
                if match.chain(asset.chain) and match.asset(asset, symbol, self.also.get(asset, ())):
                    quote = self.past.quotes.get(asset)
                    price = quote.price if quote is not None else None
                    yield LintHolding(account, self.wallets[account], asset, symbol, amount, price)

    def name(self, account: Account) -> str:
        return f"{self.wallets[account].name} on {account.chain}"


def _visible(state: AccountState | None) -> list[tuple[Asset, Decimal]]:
    if state is None:
        return []
    return [(asset, held) for asset, held in state.amounts.items() if asset not in state.quarantined]


def look(configuration: Configuration, reader: Queries | None, now: datetime) -> LintFacts:
    """Gather all that lints ask for; `prices` asks the reader, so it must stay open.

    Before the first poll there is no reader: what rules say of themselves and of intervals shows already.
    """
    settings = configuration.settings
    wallets = WalletsByAccount(settings.wallets)
    if reader is None:
        intervals = _intervals(configuration, reader, now)
        return LintFacts(
            configuration.rules, wallets, Snapshot(EMPTY), now, intervals, kinds=settings.sources
        )
    since = now - LOOK_BACK
    changes: dict[tuple[Account, Asset], list[Change]] = {}
    for change in reversed(reader.history(MOST_CHANGES, list(wallets), since)):
        changes.setdefault((change.account, change.asset), []).append(change)
    return LintFacts(
        configuration.rules,
        wallets,
        reader.past(),
        now,
        _intervals(configuration, reader, now),
        changes,
        cache(lambda asset: reader.prices(asset, since, MOST_PRICES)),
        settings.sources,
    )


def _intervals(configuration: Configuration, reader: Queries | None, now: datetime) -> dict[Account, float]:
    found: dict[Account, float] = {}
    settings = configuration.settings
    for name in settings.sources:
        source, facts = build_source(settings, name), reader.facts(name) if reader is not None else {}
        source.remember(facts)
        bought = source.allowance.credits
        spent = reader.spent(name, bought.bounds(now)[0]) if bought is not None and reader is not None else 0
        plan = plan_source(settings, source, now, spent=spent, facts=facts)
        for line, row in zip(plan.lines, plan.forecast.rows, strict=True):
            if line.account is not None:
                found[line.account] = row.interval
    return found
