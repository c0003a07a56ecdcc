"""The source and the channel of simulated members: what a configuration names, and what is built of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tests.simulation.loop import MEMBER
from tests.simulation.truth import EACH, Provider
from watcher.config.settings import Kinds
from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.credits.provider_count import USAGE, Metered, applied
from watcher.domain.messages.delivery import Delivery, SendResult
from watcher.domain.model import Account, Miss, MissReason
from watcher.notify.kind import ChannelKind
from watcher.ports.channel import PLAINLY, Channel, Presentation
from watcher.ports.source import RawAnswer, RawCall, Reply, Request, Source
from watcher.sources.kind import SourceKind, WatchedWallet

if TYPE_CHECKING:
    from tests.simulation.world import World

WORLD: ContextVar[World] = ContextVar("world")

TIMEOUT = 300.0
"""Seconds after which a request is given up: longer than some members are waited for."""
BATCH = 3
"""Accounts of one request, few: so that there are many."""


class SimulatedAccess(SourceKind):
    """An access to a simulated API, paid in credits."""

    sells_credits: ClassVar = True
    takes_chains: ClassVar = True

    kind: Literal["simulated"] = "simulated"
    limit: Annotated[int, Field(gt=0)]
    period: Literal["month", "day"] = "month"
    requests_per_second: float = 0.5

    def accounts(self, name: str, wallet: WatchedWallet) -> Sequence[Account]:
        return [Account(name, chain, wallet.address) for chain in wallet.chains]

    @property
    def credit_plan(self) -> CreditPlan:
        return CreditPlan(self.limit, self.period)

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> Source:
        return SimulatedSource(WORLD.get(), name, self.credit_plan, 1 / self.requests_per_second)


class SimulatedSource:
    """The source, in one member's hands."""

    def __init__(self, world: World, name: str, plan: CreditPlan, spacing: float) -> None:
        self.name, self.spacing = name, spacing
        self._world, self._plan = world, plan
        self.allowance = Allowance(plan)

    def remember(self, facts: Mapping[str, str]) -> None:
        if USAGE in facts:
            self.allowance = Allowance(applied(self._plan, Metered.load(facts[USAGE])))

    def cost(self, account: Account) -> int:
        return EACH

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        rest = list(dict.fromkeys(accounts))
        parts = [tuple(rest[start : start + BATCH]) for start in range(0, len(rest), BATCH)]
        return [Request(part, EACH * len(part), None) for part in parts]

    def usage(self) -> Request:
        return Request((), 0, "usage", lookup=True)

    def rates(self) -> Request | None:
        return None

    async def send(self, request: Request) -> Reply:
        """One request goes out, is answered there, and the answer comes back, or not."""
        provider: Provider = self._world.providers[self.name]
        member, world = MEMBER.get(), self._world
        world.asks(member, request)
        await asyncio.sleep(provider.latency())
        if world.cut_off(member):  # packets are dropped: nothing was sent as far as the API knows
            await asyncio.sleep(TIMEOUT)
            return self._silence(request, f"{self.name} took no connection", MissReason.UNREACHABLE, 0)
        if request.payload == "usage":
            reply: Reply | None = provider.usage()
        else:
            reply = provider.answer(request)
            world.metered(self.name, request, reply)
        await asyncio.sleep(provider.latency())
        if reply is None or world.cut_off(member):
            await asyncio.sleep(TIMEOUT)
            return self._silence(request, f"{self.name} did not answer", MissReason.TIMEOUT, None)
        return reply

    def _silence(self, request: Request, text: str, reason: MissReason, charged: int | None) -> Reply:
        misses = tuple(Miss(account, reason, text) for account in request.accounts)
        return Reply(misses, charged=charged, failure=f"{reason}: {text}")

    async def ask(self, call: RawCall) -> RawAnswer:
        return RawAnswer(failure="it knows no other calls", rejected=True)

    async def close(self) -> None:
        """Nothing is held open."""


class SimulatedService(ChannelKind):
    """A service that takes messages."""

    kind: Literal["simulated"] = "simulated"
    burst: int = 3

    def build(self, name: str, shown: Presentation = PLAINLY) -> Channel:
        return SimulatedChannel(WORLD.get(), name, self.burst)


class SimulatedChannel:
    """The way to one service, in one member's hands."""

    def __init__(self, world: World, name: str, burst: int) -> None:
        self.name, self.burst, self._world = name, burst, world

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def send(self, deliveries: Sequence[Delivery]) -> SendResult:
        return await self._world.fars[self.name].take(deliveries, MEMBER.get())

    async def close(self) -> None:
        """Nothing is held open."""


KINDS = Kinds(
    sources={"simulated": SimulatedAccess}, channels={"simulated": SimulatedService}, channel="simulated"
)
