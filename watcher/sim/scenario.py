"""A story for the demo: sample wallets on both APIs and what happens to them, the same for the same seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from watcher.sim import sample
from watcher.sim.sample import CLAIM, COLD, GOLD, HOLDER, HOT, ISSUER, OPS, SOLAR, TREASURY, SampleWallet
from watcher.sim.server import Simulation

Apply = Callable[[Simulation], None]
Beat = tuple[str, Apply] | tuple[str, Apply, str]
"""Caption, what happens, and the trap, if it is one."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens. `at_seconds` counts from the story's begin; `caption` is for people, empty if
    they were told already. `trap`: what a plain comparison of two answers would make of it."""

    at_seconds: float
    caption: str
    apply: Apply
    trap: str = ""


Story = list[Step]

FALSE_HINTS = 1000
_POSTS = 10
"""Requests that bring the false ones, a tenth of a second one after the other."""


def sample_wallets() -> list[SampleWallet]:
    """The wallets of the story, as a configuration would list them. Real in looks only."""
    return [TREASURY, HOT, OPS, COLD, ISSUER, HOLDER]


def prepare(sim: Simulation, seed: int = 1) -> None:
    """Set every balance and price as it is before the story begins."""
    sample.fill(sim.world, Random(f"begin {seed}"))


def story(seed: int = 1, duration_seconds: float = 60, *, hinted: bool = False) -> Story:
    """The story, told within a duration; it keeps the last sixth free for the last alerts to arrive.

    `hinted`: hints play a part in it. The simulation must have been told where to post them to.
    """
    chance = Random(f"story {seed}")
    beats: list[tuple[float, Beat]] = [
        (0.10, _transfer(chance)),
        (0.17, _price_move(chance)),
        (0.24, _rebase()),
        (0.31, _sparks_move(chance, SOLAR, "solar certificates")),
        (0.38, _gas_low(chance)),
        (0.45, _new_tokens(chance)),
        (0.52, _chain_missing()),
        (0.57, _rebase()[:2]),
        (0.62, _gas_refilled(chance)),
        (0.69, _drained()),
        (0.76, _sparks_move(chance, GOLD, "grams of gold")),
        (0.83, _coins_arrive(chance)),
    ]
    steps = [Step(round(share * duration_seconds, 3), *beat) for share, beat in beats]
    return _with_hints(steps, duration_seconds) if hinted else steps


def _with_hints(steps: Story, duration_seconds: float) -> Story:
    """Coins arrive earlier, and their chain posts a hint; it is silent when the wallet is drained; then
    somebody lies."""
    drained, gold, coins = steps[-3:]
    untold = f"{drained.caption}; no hint tells of it"
    at, flood = 0.48 * duration_seconds, 0.81 * duration_seconds
    hinted = f"{coins.caption}, polled every 6 hours; their chain posts a hint"
    false = f"somebody posts {FALSE_HINTS:,} hints about cold storage; not one of them is true"
    found = [
        *steps[:-3],
        Step(drained.at_seconds, untold, _posting(drained.apply, on=False)),
        gold,
        Step(at, hinted, _posting(coins.apply, on=True)),
        Step(flood, false, _lie, "whoever asks upon each hint pays for 1,000 polls: 40,000 credits"),
        *(Step(flood + post / _POSTS, "", _lie) for post in range(1, _POSTS)),
    ]
    return sorted(found, key=lambda step: step.at_seconds)


def _posting(apply: Apply, *, on: bool) -> Apply:
    """From this step on hints are posted of what moves, or not."""

    def applied(sim: Simulation) -> None:
        if sim.hints is not None:
            sim.hints.on = on
        apply(sim)

    return applied


def _lie(sim: Simulation) -> None:
    for _ in range(FALSE_HINTS // _POSTS):
        if sim.hints is not None:
            sim.hints.say(COLD.address, "bitcoin")


async def play(sim: Simulation, steps: Story, tell: Callable[[Step], None] | None = None) -> None:
    """Apply each step at its time, telling it first if it has words; ends after the last."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for step in sorted(steps, key=lambda one: one.at_seconds):
        await asyncio.sleep(max(0.0, begin + step.at_seconds - loop.time()))
        if tell and step.caption:
            tell(step)
        step.apply(sim)


def _add(sim: Simulation, address: str, chain: str, token: str, change: Decimal) -> None:
    before = Decimal(sim.world.amount(address, chain, token) or "0")
    sim.world.set_amount(address, chain, token, f"{max(Decimal(0), before + change):f}")


def _transfer(chance: Random) -> tuple[str, Apply]:
    amount = Decimal(chance.randrange(20_000, 30_000, 500))

    def apply(sim: Simulation) -> None:
        _add(sim, TREASURY.address, "ethereum", "USDC", -amount)

    return f"treasury sends {amount:,} USDC away on Ethereum", apply


def _price_move(chance: Random) -> tuple[str, Apply, str]:
    percent = Decimal(chance.randrange(40, 70)) / 10

    def apply(sim: Simulation) -> None:
        price = Decimal(sim.world.price("bitcoin", "BTC") or "0")
        sim.world.set_price("bitcoin", "BTC", f"{price * (1 + percent / 100):.2f}")

    trap = "whoever compares values sees money arrive in cold storage"
    return f"bitcoin rises by {percent} %; not one coin moves", apply, trap


def _rebase() -> tuple[str, Apply, str]:
    def apply(sim: Simulation) -> None:
        held = Decimal(sim.world.amount(TREASURY.address, "ethereum", "stETH") or "0")
        _add(
            sim, TREASURY.address, "ethereum", "stETH", (held * Decimal("0.00004")).quantize(Decimal("1e-12"))
        )

    trap = "whoever tells of every change tells of this one each day"
    return "stETH drifts upwards by itself, as rebasing tokens do", apply, trap


def _sparks_move(chance: Random, asset_id: str, what: str) -> tuple[str, Apply]:
    units = chance.randrange(150, 400)

    def apply(sim: Simulation) -> None:
        world, number = sim.world, int(asset_id, 16)
        sparks = units * int(world.assets[number].spark_factor or "1")
        for address, sign in ((ISSUER.address, -1), (HOLDER.address, 1)):
            held = int(world.sparks.get((address, number), "0"))
            world.set_sparks(address, asset_id, max(0, held + sign * sparks))

    return f"the issuer sends {units} {what} to the holder, on TEOS", apply


def _gas_low(chance: Random) -> tuple[str, Apply]:
    left = Decimal(chance.randrange(12, 24)) / 1000

    def apply(sim: Simulation) -> None:
        sim.world.set_amount(HOT.address, "base-wallet", "ETH", f"{left}")

    return f"the hot wallet runs low on gas: {left} ETH left on Base", apply


def _gas_refilled(chance: Random) -> tuple[str, Apply]:
    amount = Decimal(chance.randrange(600, 900)) / 1000

    def apply(sim: Simulation) -> None:
        sim.world.set_amount(HOT.address, "base-wallet", "ETH", f"{amount}")

    return f"somebody refills it: {amount} ETH", apply


def _new_tokens(chance: Random) -> tuple[str, Apply, str]:
    amount = Decimal(chance.randrange(4_000, 9_000))

    def apply(sim: Simulation) -> None:
        sample.give(sim.world, TREASURY.address, "ethereum", "ENA", f"{amount}.5")
        sample.give(sim.world, TREASURY.address, "ethereum", CLAIM, "1000000")

    trap = "whoever believes names and claimed prices sends on a stranger's advertisement"
    return f"{amount:,}.5 ENA arrive at the treasury, and a spam token with them", apply, trap


def _chain_missing() -> tuple[str, Apply, str]:
    def apply(sim: Simulation) -> None:
        sim.faults.add("omit-chain", "coinstats", times=1, chain="base-wallet", address=TREASURY.address)

    trap = "whoever takes absence for zero says that all funds on Base are gone"
    return "CoinStats leaves Base out of one answer; nothing was lost, nobody is alarmed", apply, trap


def _drained() -> tuple[str, Apply]:
    def apply(sim: Simulation) -> None:
        sim.world.drain(OPS.address, "binancesmartchain")

    return "the operations wallet is drained on BNB Smart Chain", apply


def _coins_arrive(chance: Random) -> tuple[str, Apply]:
    amount = Decimal(chance.randrange(100, 250)) / 100

    def apply(sim: Simulation) -> None:
        _add(sim, COLD.address, "bitcoin", "BTC", amount)

    return f"{amount} BTC arrive in cold storage", apply
