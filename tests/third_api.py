"""A third API: a kind of source that the product has never heard of, whole in some thirty lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Literal

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account, Asset, Reading
from watcher.ports.source import Reply, Request
from watcher.sources.kind import SourceKind, WatchedWallet

CHAIN = "vault"


class VaultSource:
    """Answers from memory: what each address holds."""

    spacing = 0.0
    allowance = Allowance()
    holdings: ClassVar[dict[str, dict[str, str]]] = {}
    """Address → symbol → amount."""

    def __init__(self, name: str) -> None:
        self.name = name

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    def cost(self, account: Account) -> int:
        return 0

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        return [Request((account,), 0, None) for account in dict.fromkeys(accounts)]

    def usage(self) -> Request | None:
        return None

    async def send(self, request: Request) -> Reply:
        (account,) = request.accounts
        held = {Asset(CHAIN, name): name for name in self.holdings.get(account.address, {})}
        amounts = {asset: Decimal(self.holdings[account.address][name]) for asset, name in held.items()}
        return Reply((Reading(account, amounts, {}, held, frozenset({CHAIN})),), charged=0)

    async def close(self) -> None:
        """Nothing is open."""


class VaultSettings(SourceKind):
    """A vault as configured."""

    kind: Literal["vault"]

    def accounts(self, name: str, wallet: WatchedWallet) -> list[Account]:
        if not wallet.address.strip():
            raise ValueError(f"wallet {wallet.name}: there is no address")
        return [Account(name, CHAIN, wallet.address.strip())]

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> VaultSource:
        return VaultSource(name)
