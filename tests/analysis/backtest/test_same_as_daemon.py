"""A backtest over history that the daemon recorded says what the daemon said, at the same times."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from tests.analysis.backtest.given import (
    Story,
    World,
    alerts_of_backtest,
    alerts_of_daemon,
    backtested,
    daemon,
    live,
    minutes,
    rule,
    told_by_backtest,
    told_by_daemon,
)
from tests.domain.given import BOND, DESK, ETH, HOT, SOL, SWEEP, USDC
from tests.fakes import START, FakeClock
from watcher.domain.model import Asset, MissReason

RULES = [
    rule(id="low", type="threshold", match={"assets": ["ETH"]}, below="1", clear_above="1.5", repeat="40m"),
    rule(
        id="slow",
        type="threshold",
        match={"wallets": ["hot"], "assets": "USDC"},
        below="400",
        **{"for": "12m"},
    ),
    rule(id="twice", type="threshold", match={"wallets": ["fund"]}, below="50", reads=3, notify=["phone"]),
    rule(id="rich", type="threshold", metric="value_usd", above="21000", match={"wallets": ["fund"]}),
    rule(id="moved", type="change", by="10%"),
    rule(id="big", type="change", by="$500", direction="out"),
    rule(id="new", type="asset", event="appears"),
    rule(id="gone", type="asset", event="disappears"),
    rule(id="silent", type="no_data", longer_than="17m", repeat="30m"),
    rule(id="window", type="change", by="30%", within="25m", match={"assets": ["ETH", "USDC"]}),
    rule(id="drift", type="change", by="20%", since="notified", direction="out"),
    rule(id="runway", type="runway", shorter_than="40m", trailing="30m", match={"assets": ["ETH", "USDC"]}),
]
NEW = Asset("ethereum", "0xbeef")
SPAM = Asset("ethereum", "0x" + "5a" * 20)


async def test_a_coin_that_is_renamed_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock, world = tmp_path / "watcher.db", FakeClock(), World()
    ether = Asset("ethereum", "ether")
    rules = [RULES[0], rule(id="sum", type="threshold", match={"assets": ["ETH"]}, per="all", below="11.9")]

    def renamed(w: World) -> None:
        for amounts in (w.amounts[HOT], w.amounts[SWEEP]):
            amounts[ether] = amounts.pop(ETH)
        w.prices[ether], w.symbols[ether] = w.prices.pop(ETH), "ETHER"

    steps = {
        7.0: lambda w: w.amounts[HOT].update({ETH: "0.5"}),
        22.0: renamed,
        41.0: lambda w: w.amounts[HOT].update({ether: "3"}),
        61.0: lambda w: w.amounts[HOT].update({ether: "0.7"}),
    }
    async with daemon(path, clock, world, rules):
        await live(clock, world, steps, 120)
    told = told_by_daemon(path)
    notices = [row for row in told if row[1] == "watcher.renamed"]
    played = await backtested(path, rules, START + minutes(120), monkeypatch)

    assert [row[4] for row in notices] == ["ETH is called ETHER now; it is the same asset"]
    assert {(row[1], row[3]) for row in told} == {
        ("low", "firing"), ("low", "repeat"), ("low", "resolved"), ("sum", "firing"), ("sum", "resolved"),
        ("watcher.renamed", "notice"),
    }  # fmt: skip
    # History has one name of each asset, the one of now.
    played_back = [(row[0], row[1], row[3]) for row in told_by_backtest(played)]
    assert played_back == [(row[0], row[1], row[3]) for row in told if row not in notices]


async def test_a_day_of_every_kind_of_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clock, world = tmp_path / "watcher.db", FakeClock(), World()
    steps = {
        7.0: lambda w: w.amounts[HOT].update({ETH: "0.5"}),  # across
        22.0: lambda w: w.amounts[HOT].update({ETH: "1.2"}),  # within the band
        32.0: lambda w: w.amounts[HOT].update({ETH: "3"}),  # back
        41.0: lambda w: w.amounts[HOT].update({USDC: "300", NEW: "5"}),  # `for`, and a new asset
        66.0: lambda w: w.amounts[HOT].update({USDC: "450"}),
        71.0: lambda w: w.amounts[SWEEP].pop(SOL),  # an asset that is gone, confirmed
        82.0: lambda w: w.amounts[SWEEP].update({SOL: "40"}),  # and back, under the level of `twice`
        91.0: lambda w: w.prices.update({ETH: "2201"}),  # worth more
        107.0: lambda w: w.prices.update({ETH: "1900"}),
        121.0: lambda w: w.missing.update({DESK: MissReason.TIMEOUT, HOT: MissReason.OMITTED}),  # silence
        181.0: lambda w: w.missing.clear(),
        186.0: lambda w: w.amounts[DESK].update({BOND: "800"}),
        191.0: lambda w: w.left_out.add("solana"),  # a chain that is no longer reported
        226.0: lambda w: w.left_out.clear(),
        231.0: lambda w: w.amounts[SWEEP].update({ETH: "0"}),  # zero, contradicted
        231.0 + 5: lambda w: w.amounts[SWEEP].update({ETH: "10"}),
        241.0: lambda w: w.amounts[HOT].update({ETH: "30000"}),  # a jump, confirmed
        251.0: lambda w: w.amounts[HOT].update({ETH: "0.001"}),  # and down
        256.0: lambda w: w.unclear.add(ETH),
        271.0: lambda w: w.unclear.clear(),
    }

    async with daemon(path, clock, world, RULES):
        await live(clock, world, steps, 330)
    played = await backtested(path, RULES, START + minutes(330), monkeypatch)

    told = told_by_daemon(path)
    assert {(row[1], row[3]) for row in told} >= {
        ("low", "firing"), ("low", "resolved"), ("low", "repeat"), ("slow", "firing"), ("slow", "resolved"),
        ("twice", "firing"), ("rich", "firing"), ("rich", "resolved"), ("moved", "event"), ("big", "event"),
        ("window", "event"), ("drift", "event"), ("runway", "firing"), ("runway", "resolved"),
        ("new", "event"), ("gone", "event"), ("silent", "firing"), ("silent", "repeat"),
        ("silent", "resolved"), ("watcher.unreported", "firing"), ("watcher.unreported", "resolved"),
    }  # fmt: skip
    assert told_by_backtest(played) == told
    assert alerts_of_backtest(played) == alerts_of_daemon(path)


@pytest.mark.parametrize("seed", range(5))
async def test_any_history(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices move by a hundredth at least, for smaller moves leave no trace; and what is empty is left out
    rather than stated as zero. Both are told with the result.
    """
    chance, path, clock, world = random.Random(seed), tmp_path / "watcher.db", FakeClock(), World()

    def change(world: World) -> None:
        account = chance.choice([HOT, SWEEP, DESK])
        asset = chance.choice([*world.amounts[account], NEW, USDC, SPAM] if account is not DESK else [BOND])
        kind = chance.choice(["amount", "amount", "amount", "gone", "price", "miss", "omit", "hide", "well"])
        if kind == "amount":
            world.amounts[account][asset] = chance.choice(
                ["0.4", "0.9", "1.4", "2", "60", "399", "12", "5000"]
            )
        elif kind == "gone":
            world.amounts[account].pop(asset, None)
        elif kind == "price":
            world.prices[ETH] = str(chance.choice([1500, 1600, 2200, 2400, 2900]))
            world.prices[SPAM] = chance.choice(["0.0001", "3"])
        elif kind == "miss":
            world.missing[account] = chance.choice([MissReason.TIMEOUT, MissReason.OMITTED])
        elif kind == "omit":
            world.left_out.add("solana")
        elif kind == "hide":
            world.unclear.add(asset)
        else:
            world.missing.clear()
            world.left_out.clear()
            world.unclear.clear()

    steps = {float(5 * n + chance.choice([1, 1.2, 3])): change for n in range(1, 80)}
    story = Story(world)
    async with daemon(path, clock, world, RULES):
        await live(clock, world, {at: story.kept(at, step) for at, step in steps.items()}, 420)
    played = await backtested(path, RULES, START + minutes(420), monkeypatch)
    tested = await story.tested(RULES, 420)

    assert len(told_by_daemon(path)) > 30
    assert told_by_backtest(played) == told_by_daemon(path)
    assert alerts_of_backtest(played) == alerts_of_daemon(path)
    assert told_by_backtest(tested) == told_by_daemon(path), "the engine of rule tests"
    assert alerts_of_backtest(tested) == alerts_of_daemon(path)


async def test_a_daemon_that_was_down_is_not_taken_for_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, world = tmp_path / "watcher.db", FakeClock(), World()
    async with daemon(path, clock, world, RULES):
        await live(clock, world, {}, 62)
    clock.set_back(-timedelta(hours=9))
    world.amounts[HOT][ETH] = "0.2"
    async with daemon(path, clock, world, RULES):
        await clock.advance(3600)

    played = await backtested(path, RULES, clock.now(), monkeypatch)

    assert "silent" not in {row[1] for row in told_by_daemon(path)}
    assert told_by_backtest(played) == told_by_daemon(path)


async def test_what_was_told_before_the_beginning_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, world = tmp_path / "watcher.db", FakeClock(), World()
    steps = {
        7.0: lambda w: w.amounts[HOT].update({ETH: "0.5"}),
        100.0: lambda w: w.amounts[HOT].update({ETH: "3"}),
    }
    async with daemon(path, clock, world, RULES[:1]):
        await live(clock, world, steps, 120)

    played = await backtested(path, RULES[:1], START + minutes(120), monkeypatch, since=START + minutes(60))

    assert [alert.rule for alert in played.already] == ["low"]
    assert [(str(each.message.kind), (each.at - START) / minutes(1)) for each in played.sent] == [
        ("repeat", 90 + 7 / 60), ("resolved", 100 + 7 / 60),
    ]  # fmt: skip


async def test_what_is_emptied_while_its_price_moves_has_no_price_in_a_backtest_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, clock, world = tmp_path / "watcher.db", FakeClock(), World()
    rules = [rule(id="dear", type="threshold", metric="price_usd", above="2300"), *RULES]

    def emptied(world: World) -> None:
        world.amounts[HOT].pop(ETH)
        world.prices[ETH] = "1600"

    async with daemon(path, clock, world, rules):
        await live(clock, world, {7.0: lambda w: w.prices.update({ETH: "2400"}), 32.0: emptied}, 60)
    played = await backtested(path, rules, START + minutes(60), monkeypatch)

    dear = [row[2:4] for row in told_by_daemon(path) if row[1] == "dear" and row[3] == "resolved"]
    assert dear == [("coinstats/all/0xbb/ethereum/ethereum", "resolved")]
    assert told_by_backtest(played) == told_by_daemon(path)
    assert alerts_of_backtest(played) == alerts_of_daemon(path)
