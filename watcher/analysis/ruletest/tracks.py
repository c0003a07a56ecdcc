"""The readings of a rule test as the polls that a daemon would have made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.analysis.ruletest.models import NAMED, RuleTest, TestWallet
from watcher.analysis.ruletest.series import SeriesItem, Sign
from watcher.domain.model import (
    Account,
    Asset,
    Miss,
    MissReason,
    Outcome,
    Reading,
    Wallet,
    subject_key,
)
from watcher.domain.records import Record, field
from watcher.domain.values.decimals import ZERO
from watcher.service.replay import ReplayedPoll

MISSED = {
    Sign.MISS: (MissReason.TIMEOUT, ""),
    Sign.OMITTED: (MissReason.OMITTED, "the answer left this account out"),
}


class _Track(Record, frozen=True):
    """What one asset reads. A series that has ended goes on as it ended."""

    asset: Asset
    symbol: str
    amounts: tuple[SeriesItem, ...]
    prices: tuple[SeriesItem, ...]

    def amount(self, after: timedelta) -> Decimal | Sign:
        return _at(self.amounts, after)

    def price(self, after: timedelta) -> Decimal | None:
        found = _at(self.prices, after) if self.prices else None
        return found if isinstance(found, Decimal) else None


def _at(items: Sequence[SeriesItem], after: timedelta) -> Decimal | Sign:
    return items[bisect_right(items, after, key=lambda item: item.after) - 1].value


class TestTracks(Record):
    """All accounts of a test, and what each of them would answer at any time."""

    start: datetime
    wallets: dict[Account, Wallet] = field(default_factory=dict)
    subjects: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Subject key → the chain and the symbol of the asset that it is about."""
    _tracks: dict[Account, list[_Track]] = field(default_factory=dict)

    def polls(self) -> Iterator[ReplayedPoll]:
        """In the order of time; the accounts of one source that are due together share a request."""
        due: dict[tuple[timedelta, str], list[Account]] = {}
        for account, tracks in self._tracks.items():
            for after in {item.after for track in tracks for item in track.amounts}:
                if all(track.amount(after) is not Sign.NOT_ASKED for track in tracks):
                    due.setdefault((after, account.source), []).append(account)
        for after, source in sorted(due):
            yield ReplayedPoll(self.start + after, tuple(self._outcome(a, after) for a in due[after, source]))

    @property
    def end(self) -> timedelta:
        """When the last reading is made."""
        return max(track.amounts[-1].after for tracks in self._tracks.values() for track in tracks)

    def answer(self, account: Account, at: datetime) -> Outcome | None:
        """What a confirming poll brings: the same as the reading before, unless the test says otherwise."""
        return self._outcome(account, at - self.start) if account in self._tracks else None

    def _outcome(self, account: Account, after: timedelta) -> Outcome:
        tracks = self._tracks[account]
        said = {track.asset: track.amount(after) for track in tracks}
        for sign, (reason, detail) in MISSED.items():
            if sign in said.values():
                return Miss(account, reason, detail)
        prices = {track.asset: price for track in tracks if (price := track.price(after)) is not None}
        amounts = {asset: value for asset, value in said.items() if isinstance(value, Decimal)}
        names_all = account.chain != NAMED
        if not names_all:
            amounts.update((asset, ZERO) for asset, value in said.items() if value is Sign.ABSENT)
            complete: set[str] = set()
        else:
            open_chains = {asset.chain for asset, value in said.items() if value is Sign.UNKNOWN}
            complete = {asset.chain for asset in said} - open_chains
        return Reading(
            account,
            amounts,
            {asset: price for asset, price in prices.items() if asset in amounts},
            {track.asset: track.symbol for track in tracks if track.asset in amounts},
            frozenset(complete),
            names_all=names_all,
        )

    def add(self, account: Account, wallet: TestWallet, track: _Track) -> None:
        self.subjects[subject_key(account, track.asset)] = (track.asset.chain, track.symbol)
        tracks = self._tracks.setdefault(account, [])
        tracks.append(track)
        asked, units = None, ""
        if account.chain == NAMED:
            asked, units = tuple(each.asset for each in tracks), f"sources.{wallet.source}.units"
        found = Wallet(wallet.name, wallet.source, account.address, wallet.tags, asked, units)
        self.wallets[account] = found


def tracks_of(test: RuleTest, wallets: Mapping[str, TestWallet]) -> TestTracks:
    """The accounts of a test. A wallet without readings is watched too, and never read."""
    found = TestTracks(test.start)
    for wallet in wallets.values():
        for account in (_account(wallet, chain) for chain in wallet.on):
            found.wallets[account] = Wallet(wallet.name, wallet.source, account.address, wallet.tags)
    for series in test.readings:
        wallet = wallets[series.wallet]
        chain = series.chain or wallet.on[0]
        account = _account(wallet, chain if chain in wallet.on else wallet.on[0])
        asset = Asset(chain, series.token or series.asset.lower())
        track = _Track(asset, series.asset, series.items(test.every), series.quoted(test.every))
        found.add(account, wallet, track)
    return found


def _account(wallet: TestWallet, chain: str) -> Account:
    return Account(wallet.source, chain, wallet.address or f"address-of-{wallet.name}")
