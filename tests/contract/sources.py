"""Every implementation of the source port, with a way to spoil what it reads from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import FakeSource
from tests.sources.api import KEY, A, B
from tests.sources.third import LedgerBank
from watcher.domain.model import Account, Asset, Reading
from watcher.ports.source import Source
from watcher.sim.server import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.kind import SourceKind, WatchedWallet
from watcher.sources.teos.settings import TeosSettings

BOND, GOLD = "0x0fc6e610b23b09fae00e10001", "0x5b80da7d2d7acd8e4a1e0001"


@dataclass
class Case:
    """One implementation. `build`: the source as after a start; it is closed with the case."""

    build: Callable[[], Source]
    wallets: list[WatchedWallet]
    accounts: list[Account]
    kind: SourceKind | None = None
    sim: Simulation | None = None
    """The API behind it; None if it is asked over no network."""
    where: str = ""
    built: list[Source] = field(default_factory=list)

    def source(self) -> Source:
        found = self.build()
        self.built.append(found)
        return found

    @property
    def requests(self) -> int:
        """HTTP requests that have arrived."""
        assert self.sim is not None
        return len(self.sim.coinstats.requests) + len(self.sim.teos.requests)

    def spoil(self, fault: str) -> None:
        assert self.sim is not None
        self.sim.faults.add(fault, self.where)


def _of(kind: SourceKind, name: str, wallets: list[WatchedWallet], **more: Any) -> Case:
    accounts = [account for wallet in wallets for account in kind.accounts(name, wallet)]
    return Case(lambda: kind.build(name, wallets), wallets, accounts, kind, **more)


@asynccontextmanager
async def coinstats() -> AsyncIterator[Case]:
    async with Simulation() as sim:
        sim.coinstats.key = KEY
        for address in (A, B):
            sim.world.set_amount(address, "ethereum", "ETH", "1.25", symbol="ETH", price="3000")
        kind = CoinStatsSettings.model_validate(
            {"kind": "coinstats", "api_key": KEY, "base_url": f"{sim.url}/coinstats", "timeout": "1s"}
        )
        wallets = [WatchedWallet("a", A, ("ethereum", "base-wallet")), WatchedWallet("b", B, ("all",))]
        yield _of(kind, "cs", wallets, sim=sim, where="coinstats")


@asynccontextmanager
async def teos() -> AsyncIterator[Case]:
    async with Simulation() as sim:
        sim.teos.key = KEY
        sim.world.define_asset(BOND, "1000", "Bond 2030", "pcs")
        sim.world.define_asset(GOLD, None, "Gold")
        sim.world.set_sparks(A, BOND, "123456789012345678901234567891")
        sim.world.set_sparks(B, GOLD, 3)
        kind = TeosSettings.model_validate(
            {"kind": "teos", "api_key": KEY, "base_url": f"{sim.url}/teos", "timeout": "1s"}
        )
        wallets = [WatchedWallet("a", A, assets=(BOND, GOLD)), WatchedWallet("b", B, assets=(GOLD,))]
        yield _of(kind, "teos", wallets, sim=sim, where="teos")


@asynccontextmanager
async def third() -> AsyncIterator[Case]:
    LedgerBank.holds.update({A: {"BOND": "5"}, B: {"BOND": "0"}})
    try:
        wallets = [WatchedWallet("a", A, assets=("BOND", "GOLD")), WatchedWallet("b", B, assets=("BOND",))]
        yield _of(LedgerBank(kind="ledgerbank"), "bank", wallets)
    finally:
        LedgerBank.holds.clear()


@asynccontextmanager
async def fake() -> AsyncIterator[Case]:
    accounts = [Account("fake", "ethereum", A), Account("fake", "ethereum", B)]

    def answer(account: Account) -> Reading:
        return Reading(account, {}, {}, {Asset("ethereum", "eth"): "ETH"}, frozenset({"ethereum"}))

    yield Case(lambda: FakeSource(answers=answer, batch=1, credits_each=0), [], accounts)


SOURCES: dict[str, Callable[[], AbstractAsyncContextManager[Case]]] = {
    "coinstats": coinstats,
    "teos": teos,
    "third": third,
    "fake": fake,
}
OVER_HTTP = ("coinstats", "teos")
