"""What is true: balances that move, and an API that answers for them, meters what it is asked, and fails."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.credits.provider_count import Usage
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.ports.source import Reply, Request

ZERO = Decimal(0)
ETH, USDC = Asset("ethereum", "ethereum"), Asset("ethereum", "0xa0b8")
PRICE = 3
EACH = 40
"""Credits that one account costs."""


@dataclass
class Holding:
    """The amounts of one asset in one account, in the order in which they were true."""

    account: Account
    asset: Asset
    symbol: str
    price: Decimal
    role: str
    """How it moves: `low` below and above a level by turns, `gone` to nothing and back, `plain` anyhow."""
    values: list[Decimal] = field(default_factory=list)
    answered: set[Decimal] = field(default_factory=set)
    """Those that an answer told truly."""

    @property
    def amount(self) -> Decimal:
        return self.values[-1]


class Truth:
    """All holdings. Each amount is there once, so whoever tells of one can be asked where he has it from."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(f"truth {seed}")
        self.holdings: dict[tuple[Account, Asset], Holding] = {}
        self._count = 0

    def hold(self, account: Account, asset: Asset, symbol: str, price: str, role: str) -> None:
        holding = Holding(account, asset, symbol, Decimal(price), role)
        holding.values.append(self._amount(2, 900) if role != "low" else self._amount(1, 2))
        self.holdings[account, asset] = holding

    def furnish(self, account: Account) -> None:
        """What an account of a scenario holds."""
        role = "low" if account.address == "hot" else "plain"
        self.hold(account, Asset(account.chain, "ethereum"), "ETH", str(PRICE), role)
        if account.address == "solo":
            self.hold(account, USDC, "USDC", "1", "gone")

    def of(self, account: Account) -> list[Holding]:
        return [each for (holder, _), each in self.holdings.items() if holder == account]

    def move(self, holding: Holding) -> None:
        """Another amount, which was never there before; nothing is nothing each time."""
        if holding.role == "gone":
            empty = holding.amount and self._chance.random() < 0.5
            holding.values.append(ZERO if empty else self._amount(2, 900))
        elif holding.role == "low":
            low = holding.amount > Decimal("0.5")
            share = self._amount(0, 0)
            holding.values.append(share + (Decimal("0.1") if low else Decimal("0.9")))
        else:
            holding.values.append(self._amount(2, 900))

    def _amount(self, least: int, most: int) -> Decimal:
        self._count += 1
        whole = self._chance.randint(least, most)
        return Decimal(f"{whole}.{0 if not most else self._chance.randrange(10)}{self._count:08d}1")


ALL_IS_WELL = "all is well"
MODES = ("429", "500", "503", "lost", "down", "slow", "empty", "left out", "malformed")
"""What may ail an API: `lost` is charged and no answer comes, `empty` says that nothing is held."""


class Provider:
    """One API key at its provider: what it answers, and what it counted."""

    def __init__(
        self, name: str, truth: Truth, plan: CreditPlan, seed: str, now: Callable[[], datetime]
    ) -> None:
        self.name, self.truth, self.plan, self.now = name, truth, plan, now
        self.chance = random.Random(f"provider {name} {seed}")
        self.mode, self.share = ALL_IS_WELL, 1.0
        self.ill_luck = 0.01
        """Share of requests that fail on good days."""
        self.metered = 0
        self.by_period: dict[datetime, int] = defaultdict(int)
        self.asked: dict[Account, list[datetime]] = defaultdict(list)
        self.kept: Callable[[Account], datetime | None] = lambda _: None
        """When a reading of an account was kept last, and nothing of it was in doubt."""
        self._lied: dict[Account, datetime | None] = {}
        """Of whom an answer said what is not so, and when the next one told the truth. Until that is kept it
        does not lie again: twice in a row would be believed."""

    def ail(self, mode: str, share: float = 1.0) -> None:
        self.mode, self.share = mode, share

    def recover(self) -> None:
        self.mode = ALL_IS_WELL

    def latency(self) -> float:
        """Seconds that one way takes."""
        slow = self.mode == "slow" and self.chance.random() < self.share
        return self.chance.uniform(5, 55) if slow else self.chance.choice((0.0, 0.02, 0.1, 0.1, 0.5, 2.0))

    def usage(self) -> Reply:
        if self._bad_day() in ("down", "500", "503", "429"):
            return Reply(charged=0, failure="server error: it does not say")
        return Reply(charged=0, usage=Usage(self.plan.limit, self.by_period[self.plan.bounds(self.now())[0]]))

    def answer(self, request: Request) -> Reply | None:
        """What it sends back; None if nothing ever comes. It counts when it answers."""
        mode, accounts, now = self._bad_day(), request.accounts, self.now()
        for account in accounts:
            self.asked[account].append(now)
        if mode == "429":
            pause = timedelta(seconds=self.chance.choice((1, 20, 90)))
            return self._failed(accounts, MissReason.RATE_LIMITED, "answered 429", 0, pause)
        if mode == "down":
            return self._failed(accounts, MissReason.UNREACHABLE, "took no connection", 0)
        start = self.plan.bounds(now)[0]
        if self.by_period[start] + request.cost > self.plan.limit:
            reply = self._failed(accounts, MissReason.EXHAUSTED, "answered 402", 0)
            return Reply(reply.outcomes, charged=0, failure=reply.failure, exhausted=True)
        if mode in ("500", "503") and self.chance.random() < 0.5:  # whether that is charged, nobody knows
            return self._failed(accounts, MissReason.SERVER_ERROR, f"answered {mode}", None)
        self.metered += request.cost
        self.by_period[start] += request.cost
        if mode in ("500", "503"):
            return self._failed(accounts, MissReason.SERVER_ERROR, f"answered {mode}", None)
        if mode == "lost":
            return None
        if mode == "malformed":
            return self._failed(accounts, MissReason.MALFORMED, "cannot be read", request.cost)
        whole = Reply(tuple(self._outcome(account, mode) for account in accounts), charged=request.cost)
        return Reply(charged=request.cost, unread=lambda: whole)

    def _bad_day(self) -> str:
        if self.mode != ALL_IS_WELL and self.chance.random() < self.share:
            return self.mode
        return self.chance.choice(MODES) if self.chance.random() < self.ill_luck else ALL_IS_WELL

    def _outcome(self, account: Account, mode: str) -> Outcome:
        if (told := self._lied.get(account)) is not None:
            kept = self.kept(account)
            if kept is not None and kept >= told:
                del self._lied[account]
        lies = mode in ("empty", "left out") and account not in self._lied and self.chance.random() < 0.7
        if not lies:
            if account in self._lied:
                self._lied[account] = self._lied[account] or self.now()
            return self._reading(account)
        self._lied[account] = None
        if mode == "left out":
            return Miss(account, MissReason.OMITTED, "the answer does not mention it")
        return Reading(account, {}, chains=frozenset({account.chain}))

    def _reading(self, account: Account) -> Reading:
        held = self.truth.of(account)
        for each in held:
            each.answered.add(each.amount)
        return Reading(
            account,
            {each.asset: each.amount for each in held if each.amount},
            {each.asset: each.price for each in held if each.amount},
            {each.asset: each.symbol for each in held if each.amount},
            frozenset({account.chain}),
        )

    def _failed(
        self,
        accounts: Sequence[Account],
        reason: MissReason,
        text: str,
        charged: int | None,
        pause: timedelta | None = None,
    ) -> Reply:
        misses = tuple(Miss(account, reason, text) for account in accounts)
        return Reply(misses, charged=charged, failure=f"{reason}: {self.name} {text}", pause=pause)
