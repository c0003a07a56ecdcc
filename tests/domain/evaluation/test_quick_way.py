"""What the quick way decides of an account of which some amounts moved, the careful one decides.

One life is told as a source tells it: assets in their order, and what did not move as the same objects again.
The other hears the same in an order that is never that of before, in its own numbers. It remembers nothing,
and no quick way is open to it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import ETH, HOT, SOL, SWEEP, USDC, World, failed, omitted
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation import quarantine
from watcher.domain.evaluation.fast_path import FastPath
from watcher.domain.evaluation.memo import Memo
from watcher.domain.model import Account, Asset, Outcome, Reading
from watcher.domain.readings import reconcile
from watcher.domain.rules import TYPES, Rule

SPAM, DUST = Asset("ethereum", "0x" + "5" * 40), Asset("ethereum", "0x" + "6" * 40)
NAMES = {ETH: "ETH", USDC: "USDC", SOL: "SOL", SPAM: "ETH", DUST: "DUST"}
HELD = {HOT: [ETH, USDC, SPAM, DUST], SWEEP: [ETH, SOL, USDC, DUST]}
RULES: list[dict[str, Any]] = [
    {"id": "low", "type": "threshold", "below": "2", "clear_above": "3", "reads": 2},
    {"id": "worth", "type": "threshold", "metric": "value_usd", "below": "3"},
    {"id": "moved", "type": "change", "by": "20%"},
    {"id": "drift", "type": "change", "by": "30%", "since": "notified"},
    {"id": "new", "type": "asset", "event": "appears"},
    {"id": "all", "type": "threshold", "per": "all", "metric": "value_usd", "below": "40"},
    {"id": "runway", "type": "runway", "shorter_than": "5h", "trailing": "2h"},
]
LEVELS, WORTH = RULES[:2], RULES[1:2]
NAMED = [{"id": "cheap", "type": "threshold", "match": {"assets": ["USDC"]}, "below": "4"}, *RULES[2:]]


class Careful(World):
    """Takes every answer as if it were the first one of its kind."""

    def past(self) -> Snapshot:
        self.memo = Memo()
        return World.past(self)

    def hear(self, outcome: Outcome, after: timedelta, patch: pytest.MonkeyPatch) -> None:
        if isinstance(outcome, Reading):
            known = list(self.states[outcome.account].amounts) if outcome.account in self.states else []
            order = sorted(outcome.amounts)
            while len(order) > 1 and order == [asset for asset in known if asset in outcome.amounts]:
                order = [*order[1:], order[0]]
            own = {asset: Decimal(str(outcome.amounts[asset])) for asset in order}
            outcome = outcome._replace(amounts=own, prices=dict(sorted(outcome.prices.items())))
        with patch.context() as barred:
            barred.setattr(reconcile, "_plain", lambda *_: False)
            barred.setattr(quarantine, "_nothing_came", lambda *_: False)
            self.see(outcome, after=after)


def life(chance: random.Random) -> Iterator[tuple[Outcome, timedelta]]:
    held: dict[Account, dict[Asset, Decimal]] = {account: {} for account in HELD}
    prices = {asset: Decimal(chance.choice(["1", "2"])) for asset in NAMES if asset != DUST}
    chains = {HOT: {"ethereum"}, SWEEP: {"ethereum", "solana"}}
    for _ in range(45):
        account, kind = chance.choice(list(HELD)), chance.random()
        after = timedelta(minutes=chance.randint(1, 9))
        if kind < 0.08:
            yield (failed if kind < 0.04 else omitted)(account), after
            continue
        moved = {
            asset: Decimal(chance.choice(["0", "1", "2.5", "4", "4.000", "7", "9", "30000"]))
            for asset in HELD[account]
            if chance.random() < (0.15 if held[account] else 0.8)
        }
        if any(held[account].get(asset) != amount for asset, amount in moved.items()):
            held[account] = {**held[account], **moved}
        told = {asset: Decimal(chance.choice(["1", "2", "2.001", "50"])) for asset in prices}
        prices |= {asset: price for asset, price in told.items() if chance.random() < 0.2}
        amounts, unclear = held[account], dict[Asset, str]()
        if kind > 0.85:
            out = set(chance.sample(list(amounts), min(1, len(amounts))))
            amounts = {asset: amount for asset, amount in amounts.items() if asset not in out}
            unclear = dict.fromkeys(out, "it came twice") if kind > 0.92 else {}
        seen = {asset: prices[asset] for asset in amounts if asset in prices and chance.random() < 0.93}
        complete = chains[account] if kind < 0.97 else set[str]()
        symbols = {asset: NAMES[asset] for asset in amounts}
        yield Reading(account, amounts, seen, symbols, frozenset(complete), unclear), after


def content(decision: Decision) -> dict[str, Any]:
    """All that was decided, in no order."""
    found = {each: getattr(decision, each) for each in decision.__struct_fields__}
    return {name: sorted(map(repr, v)) if isinstance(v, tuple) else v for name, v in found.items()} | {
        "accounts": decision.accounts
    }


@pytest.mark.parametrize("rules", [RULES, LEVELS, WORTH, NAMED], ids=["all", "levels", "worth", "named"])
@pytest.mark.parametrize("seed", range(12))
def test_the_quick_way_decides_what_the_careful_one_does(
    seed: int, rules: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Rule] = [TYPES[each["type"]].model_validate(each) for each in rules]
    quick, careful = World(*made), Careful(*made)
    for outcome, after in life(random.Random(seed)):
        quick.see(outcome, after=after)
        careful.hear(outcome, after, monkeypatch)
        assert content(quick.last) == content(careful.last)
        assert quick.states == careful.states
    assert quick.changes


def test_where_neither_the_smallest_nor_the_largest_moved_only_what_moved_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[bool] = []
    stays = FastPath._stays_calm

    def noting(path: FastPath, moved: Any) -> bool:
        looks.append(stays(path, moved))
        return looks[-1]

    monkeypatch.setattr(FastPath, "_stays_calm", noting)
    world = World(*(TYPES[each["type"]].model_validate(each) for each in LEVELS))
    told = []
    amounts = {ETH: Decimal(3), USDC: Decimal(5), DUST: Decimal(9)}
    prices = dict.fromkeys(amounts, Decimal(2))
    for moved in ({}, {USDC: 6}, {USDC: "8.5"}, {ETH: 4}, {DUST: 7, USDC: 6}, {USDC: 1}, {USDC: "1.5"}):
        amounts = {**amounts, **{asset: Decimal(amount) for asset, amount in moved.items()}}
        told.append(world.see(Reading(HOT, amounts, prices, NAMES, frozenset({"ethereum"}))))

    assert looks == [True, False, False, False]
    assert told == [[], [], [], [], [], ["worth firing"], ["low firing", "worth resolved"]]


def test_what_moved_while_it_was_not_looked_at_is_not_forgotten() -> None:
    world = World(*(TYPES[each["type"]].model_validate(each) for each in WORTH))
    told = []
    for eth, usdc, unpriced in ((3, 5, False), (3, 6, False), (1, 6, True), (1, 5, False)):
        amounts = {ETH: Decimal(eth), USDC: Decimal(usdc), DUST: Decimal(9)}
        prices = {asset: Decimal(2) for asset in amounts if not (unpriced and asset == ETH)}
        told.append(world.see(Reading(HOT, amounts, prices, NAMES, frozenset({"ethereum"}))))
    assert told == [[], [], [], ["worth firing"]]
