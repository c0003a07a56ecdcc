"""A third API, as small as one can be: it tells only of assets that it is asked for, and leaves out some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.ports.source import RawAnswer, RawCall, Reply, Request
from watcher.sources.kind import SourceKind, WatchedWallet

CHAIN = "ledgerbank"


class LedgerBank(SourceKind):
    """Settings of the API. `holds` is what it knows: address → asset → amount."""

    kind: Literal["ledgerbank"]
    holds: ClassVar[dict[str, dict[str, str]]] = {}

    def accounts(self, name: str, wallet: WatchedWallet) -> list[Account]:
        return [Account(name, CHAIN, wallet.address)]

    def asked(self, wallet: WatchedWallet) -> tuple[Asset, ...]:
        return tuple(Asset(CHAIN, each) for each in wallet.assets)

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> LedgerBankSource:
        return LedgerBankSource(name, {wallet.address: self.asked(wallet) for wallet in wallets}, self.holds)


class LedgerBankSource:
    """One request for all accounts, and no network."""

    def __init__(
        self, name: str, asked: Mapping[str, tuple[Asset, ...]], holds: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.name, self.allowance, self.spacing = name, Allowance(), 0.0
        self._asked, self._holds = asked, holds

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    def cost(self, account: Account) -> int:
        return 0

    def usage(self) -> None:
        return None

    def rates(self) -> None:
        return None

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        together = tuple(dict.fromkeys(accounts))
        return [Request(together, 0, None)] if together else []

    async def send(self, request: Request) -> Reply:
        return Reply(tuple(map(self._outcome, request.accounts)), charged=0)

    async def ask(self, call: RawCall) -> RawAnswer:
        return RawAnswer(failure="the bank answers nothing else", charged=0)

    async def close(self) -> None:
        """Nothing is open."""

    def _outcome(self, account: Account) -> Outcome:
        asked, held = self._asked[account.address], self._holds.get(account.address, {})
        amounts = {asset: Decimal(held[asset.token]) for asset in asked if asset.token in held}
        if not amounts:
            return Miss(account, MissReason.OMITTED, "the bank does not mention it")
        symbols = {asset: asset.token.partition("-")[0] for asset in asked}
        return Reading(account, amounts, symbols=symbols, names_all=False)
