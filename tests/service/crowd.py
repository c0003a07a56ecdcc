"""A crowd: members over one store, each with an engine of its own, whose sums are judged apart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from tests.domain.given import USDC, reading
from tests.fakes import FakeClock
from tests.service.given import make_engine
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.audit import Actor
from watcher.domain.credits.allowance import Allowance, Booking, Grant, Purpose
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Message
from watcher.domain.model import Account, Outcome, Reading, Wallet
from watcher.domain.rules import Rule, ThresholdRule
from watcher.ports.commands import Commands
from watcher.ports.store import Settlement, Store
from watcher.service.engine import RuleEngine
from watcher.service.timers import TimeBasedEvaluation
from watcher.store import KINDS
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore

ACCOUNTS = [Account("coinstats", "ethereum", f"0x{number}") for number in range(6)]
WALLETS = {
    account: Wallet(f"w{number // 3}", "coinstats", account.address, ("reserve",) if number % 2 else ())
    for number, account in enumerate(ACCOUNTS)
}
FAR = timedelta(days=3650)

Opening = Callable[[], Awaitable[Store]]


def low(below: str, **fields: object) -> ThresholdRule:
    fields = {"id": "low", "match": {"assets": ["USDC"]}, "per": "all", **fields}
    return ThresholdRule.model_validate({**fields, "below": below})


def usdc(account: Account, amount: str, price: str = "1") -> Outcome:
    return reading(account, {USDC: amount}, {USDC: price})


class Crowd:
    """`stores`: one for each member; all of them are handles of the same store."""

    def __init__(self, stores: Sequence[Store], rules: Rules, clock: FakeClock) -> None:
        self.stores, self.rules, self.clock = stores, rules, clock
        self.members = [self.join(each) for each in stores]

    def join(self, store: Store | None = None) -> RuleEngine:
        """A member that has begun now."""
        return make_engine(store or self.stores[0], self.rules, self.clock)

    async def read(self, member: int, *outcomes: Outcome) -> None:
        now, asked = self.clock.now(), len(outcomes)
        grant = await self.stores[member].reserve(
            Booking("coinstats", asked, asked, Purpose.SCHEDULED, now), Allowance()
        )
        assert isinstance(grant, Grant)
        readings = sum(isinstance(each, Reading) for each in outcomes)
        await self.members[member].judge(
            outcomes, now, Settlement(grant, now, asked, readings, asked - readings)
        )

    async def judge(self, member: int = 0) -> int:
        """Judge all that is left; how many sums that were."""
        found = 0
        while some := await self.members[member].judge_sums():
            found += some
        return found

    async def pass_time(self, seconds: float, member: int = 0) -> None:
        """Time passes, and somebody judges by it."""
        await self.clock.advance(seconds)
        await self.timers(member).once()

    def timers(self, member: int) -> TimeBasedEvaluation:
        return TimeBasedEvaluation(self.members[member])

    def edit(self, *rules: Rule) -> None:
        """The configuration is read anew; nothing has come of it yet."""
        self.rules = Rules(rules, self.rules.wallets, ("ops",))
        self.members = [self.join(each) for each in self.stores]

    async def every(self, amount: str) -> None:
        await self.read(0, *(usdc(each, amount) for each in self.rules.wallets))
        await self.judge()

    def commands(self) -> Commands:
        return self.stores[0].commands(Actor("bob", "page", self.clock.now()))

    async def alerts(self) -> list[tuple[str, str, str]]:
        """Rule, subject and reason of all that fire."""
        return sorted(
            (each.rule, each.subject, each.because)
            for each in await self.stores[0].live_alerts()
            if each.state is AlertState.FIRING
        )

    async def firing(self) -> list[str]:
        return [because for _, _, because in await self.alerts()]

    async def messages(self) -> list[Message]:
        """All that anybody is told, in the order in which it was decided."""
        return [each.message for each in await self.stores[0].due("ops", self.clock.now() + FAR, 10_000)]

    async def told(self) -> list[str]:
        return [f"{each.rule} {each.kind}" for each in await self.messages()]


class Crowds:
    """Makes crowds over stores of one kind."""

    def __init__(self, opening: Opening, closing: AsyncExitStack) -> None:
        self._opening, self._closing = opening, closing

    async def __call__(
        self,
        *rules: Rule,
        members: int = 2,
        known: Sequence[Account] = ACCOUNTS,
        wallets: Mapping[Account, Wallet] = WALLETS,
    ) -> Crowd:
        stores = [await self._opening() for _ in range(members)]
        for each in stores:
            self._closing.push_async_callback(each.close)
        watched = Rules(rules, {each: wallets[each] for each in known}, ("ops",))
        return Crowd(stores, watched, FakeClock())


def in_memory(*, apart: bool = True) -> Opening:
    """Handles of one store in memory. `apart`: no decision sees everyone."""
    state = State(apart=apart)

    async def opening() -> Store:
        return MemoryStore(state)

    return opening


def on_postgresql(url: str) -> Opening:
    """Members that work in one database, each with connections and a memory of its own."""
    kind = KINDS["postgresql"].model_validate({"url": url, "pool": 2})

    async def opening() -> Store:
        return await kind.backend(Path("watcher.yaml")).open(exclusive=False)

    return opening


def alone(*rules: Rule, clock: FakeClock, wallets: Mapping[Account, Wallet] = WALLETS) -> Crowd:
    """One that sees everyone, as the single process does."""
    return Crowd([MemoryStore(State())], Rules(rules, wallets, ("ops",)), clock)
