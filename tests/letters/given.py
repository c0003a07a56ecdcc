"""Six weeks of a treasury, read and judged by the production engine into a real store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.fakes import FakeClock
from watcher.config.configuration import Configuration, build_rules, configure
from watcher.domain.credits.allowance import Allowance, Booking, CreditPlan, Grant, Purpose
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.domain.values.decimals import minus, plus, times
from watcher.ports.store import Settlement, Store
from watcher.service.engine import RuleEngine

BEGIN = datetime(2026, 10, 20, 0, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
PLAN = Allowance(CreditPlan(10**9))
ETH, USDC = Asset("ethereum", "ethereum"), Asset("ethereum", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
TOKEN, SPAM = (
    Asset("ethereum", "0x00000000000000000000000000000000000000aa"),
    Asset("ethereum", f"0x{0xBAD:040x}"),
)
SYMBOLS = {ETH: "ETH", USDC: "USDC", TOKEN: "=cmd|' /C calc'!A0", SPAM: "<b>FREE</b>"}

WATCHED = {"treasury": "own, main", "payroll": "own", "cold": "own", "gas": "", "late": "new", "never": "new"}
ADDRESSES = {name: f"0x{number:040x}" for number, name in enumerate(WATCHED, 17)}
WALLETS = (
    f'  - {{name: {name}, source: coinstats, address: "{ADDRESSES[name]}", chains: [ethereum],'
    f" tags: [{tags}]}}"
    for name, tags in WATCHED.items()
)
CONFIG = """\
version: 1
store: {kind: sqlite, path: watcher.db}
sources:
  coinstats: {kind: coinstats, api_key: kkkkkkkkkkkkkkkkkkkk, credits: {limit: 20000}}
rules: [rules.yaml]
wallets:
""" + "".join(f"{line}\n" for line in WALLETS)
RULES = """\
rules:
  - id: gas-low
    type: threshold
    match: {wallets: [gas], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    severity: critical
  - {id: moved, type: change, match: {tags: [main], assets: [USDC]}, by: "20%", severity: warning}
"""


def account(name: str) -> Account:
    return Account("coinstats", "ethereum", ADDRESSES[name])


def configured(folder: Path, extra: str = "channels: {ops: {kind: console}}\n") -> Configuration:
    (folder / "watcher.yaml").write_text(CONFIG + extra)
    (folder / "rules.yaml").write_text(RULES)
    return configure(folder / "watcher.yaml", {})


@dataclass
class Treasury:
    """What is held, and the readings of it."""

    configuration: Configuration
    store: Store
    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))

    def __post_init__(self) -> None:
        rules = build_rules(self.configuration)
        self.engine = RuleEngine(self.store, rules, self.clock, running_since=BEGIN)

    async def see(
        self,
        held: Mapping[Account, Mapping[Asset, Decimal]],
        prices: Mapping[Asset, Decimal],
        *failing: Account,
    ) -> None:
        """One request for all of these accounts; those that fail are not read."""
        now, outcomes = self.clock.now(), list[Outcome]()
        for each, amounts in held.items():
            if each in failing:
                outcomes.append(Miss(each, MissReason.TIMEOUT))
                continue
            known = {asset: prices[asset] for asset in amounts if asset in prices}
            chains, symbols = frozenset({"ethereum"}), {asset: SYMBOLS[asset] for asset in amounts}
            outcomes.append(Reading(each, dict(amounts), known, symbols, chains, natives=frozenset({ETH})))
        booking = Booking("coinstats", len(outcomes), 40 * len(outcomes), Purpose.SCHEDULED, now)
        grant = await self.store.reserve(booking, PLAN)
        assert isinstance(grant, Grant)
        read = sum(isinstance(each, Reading) for each in outcomes)
        settled = Settlement(grant, now, 40 * len(outcomes), read, len(outcomes) - read)
        await self.engine.judge(outcomes, now, settled)
        await self.store.running(BEGIN, now)

    async def live(self, weeks: int = 6, seed: int = 1) -> None:
        """Two readings every six hours: transfers, salaries, prices that move, an outage, spam."""
        chance = random.Random(seed)
        held: dict[Account, dict[Asset, Decimal]] = {
            account("treasury"): {ETH: Decimal("812.25"), USDC: Decimal("465242.17"), TOKEN: Decimal(10)},
            account("payroll"): {ETH: Decimal("3.5"), USDC: Decimal(90000)},
            account("cold"): {ETH: Decimal("2500.000000000000000001")},
            account("gas"): {ETH: Decimal("1.2")},
        }
        eth, until = Decimal(3100), BEGIN + timedelta(weeks=weeks)
        while self.clock.now() < until:
            eth = times(eth, Decimal(chance.randrange(985, 1017)) / 1000).quantize(Decimal("0.01"))
            prices, day = {ETH: eth, USDC: Decimal("0.9998"), SPAM: Decimal("1000000")}, self.clock.now()
            for step in steps(chance, held, day):
                step()
            if day >= BEGIN + timedelta(days=20) and account("late") not in held:
                held[account("late")] = {USDC: Decimal(12345)}
            if day >= BEGIN + timedelta(days=41):
                held[account("payroll")][SPAM] = Decimal(777)
            away = [account("cold")] if 22 <= (day - BEGIN).days < 24 else []
            await self.see(held, prices, *away)
            await self.clock.advance(60)
            await self.see(held, prices, *away)
            await self.clock.advance(6 * 3600 - 60)


def steps(
    chance: random.Random, held: dict[Account, dict[Asset, Decimal]], day: datetime
) -> Iterator[Callable[[], None]]:
    """What people do in six hours."""

    def move(source: str, target: str, asset: Asset, amount: Decimal) -> None:
        held[account(source)][asset] = minus(held[account(source)][asset], amount)
        held[account(target)][asset] = plus(held[account(target)].get(asset, Decimal(0)), amount)

    if day.hour == 0 and day.day in (25,):
        yield lambda: move("treasury", "payroll", USDC, Decimal("112000.5"))
    if day.hour == 6 and day.day == 26:
        yield lambda: held[account("payroll")].update({USDC: Decimal("4000.25")})
    if chance.random() < 0.2:
        yield lambda: move("cold", "treasury", ETH, Decimal(chance.randrange(1, 400)) / 8)
    yield lambda: held[account("gas")].update({ETH: minus(held[account("gas")][ETH], Decimal("0.0371"))})
    if held[account("gas")][ETH] < Decimal("0.2"):
        yield lambda: move("treasury", "gas", ETH, Decimal("1.5"))
