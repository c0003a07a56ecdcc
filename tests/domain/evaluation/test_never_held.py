"""A wallet in which nothing was ever seen is told once: its address may have a slip in it."""

from __future__ import annotations

from datetime import timedelta

from tests.domain.given import ETH, HOT, SWEEP, World, reading
from watcher.domain.evaluation.never_held import never_held
from watcher.domain.model import Account, Wallet

HOUR = timedelta(hours=1)
BASE = Account("coinstats", "base-wallet", HOT.address)
TOLD = ["watcher.empty notice"]
WALLETS = {HOT: Wallet("hot", "coinstats", "0xaa"), BASE: Wallet("hot", "coinstats", "0xaa")}


def test_it_is_told_once_after_a_day_of_readings() -> None:
    world = World(wallets=WALLETS)
    told = [world.see(reading(HOT, {}), reading(BASE, {}), after=6 * HOUR) for _ in range(12)]
    assert [number for number, each in enumerate(told) if each == TOLD] == [4]
    assert sum(map(len, told)) == 1
    assert world.title == "1 wallet held nothing in the first day: hot"
    assert "hot: 0xaa on ethereum" in world.fact("Where")
    assert set(never_held(WALLETS, world.states, world.now)) == {"hot"}


def test_a_wallet_that_held_something_anywhere_or_once_is_in_use() -> None:
    world = World(wallets=WALLETS)
    for _ in range(8):
        assert world.see(reading(HOT, {}), reading(BASE, {ETH: "1"}), after=6 * HOUR) == []
    world = World(wallets=WALLETS)
    world.see(reading(HOT, {ETH: "1"}), reading(BASE, {}))
    for _ in range(8):
        assert world.see(reading(HOT, {}), reading(BASE, {}), after=6 * HOUR) == []
    assert never_held(WALLETS, world.states, world.now) == {}


def test_what_was_never_read_says_nothing_of_what_it_holds() -> None:
    world = World(wallets={**WALLETS, SWEEP: Wallet("hot", "coinstats", "0xbb")})
    for _ in range(8):
        assert world.see(reading(HOT, {}), reading(BASE, {}), after=6 * HOUR) == []
