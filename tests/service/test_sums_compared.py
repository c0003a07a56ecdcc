"""Sums that members judge apart, beside the one process that sees everyone: the same random readings."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.domain.given import ETH, USDC, failed, omitted, reading
from tests.service.crowd import ACCOUNTS, WALLETS, Crowd, Crowds, alone, in_memory, on_postgresql, usdc
from watcher.domain.aggregates import total
from watcher.domain.alerts.lifecycle import BLIND, AlertState
from watcher.domain.messages.message import Message
from watcher.domain.model import Account, Outcome
from watcher.domain.rules import RatioRule, Rule, ThresholdRule

MEMBERS = 3


def rule(identity: str, **fields: Any) -> Rule:
    return ThresholdRule.model_validate({"id": identity, "max_age": "50m", **fields})


RULES = (
    rule("usdc", per="all", match={"assets": ["USDC"]}, below="150", clear_above="180", repeat="25m"),
    rule("worth", per="all", metric="value_usd", below="170"),
    rule("wallet", per="wallet", metric="value_usd", above="90", unpriced="ignore"),
    rule("tag", per="tag", match={"assets": ["USDC"]}, below="60", reads=2),
    rule("slow", per="tag", match={"assets": ["USDC"]}, below="90", **{"for": "10m"}),
    ThresholdRule.model_validate({"id": "own", "match": {"assets": ["USDC"]}, "below": "5"}),
    RatioRule.model_validate({
        "id": "covered", "below": "0.8", "max_age": "50m",
        "of": {"match": {"wallets": ["w0"]}, "metric": "value_usd"},
        "to": {"match": {"wallets": ["w1"], "assets": ["USDC"]}},
    }),
)  # fmt: skip


def outcome(account: Account, chance: random.Random) -> Outcome:
    """A sound answer mostly, so that sums are known now and then."""
    kind = chance.choice(["read"] * 12 + ["zero", "no price", "partial", "unclear", "failed", "omitted"])
    if kind in ("failed", "omitted"):
        return failed(account) if kind == "failed" else omitted(account)
    held = str(chance.choice([2, 10, 30, 30, 60]))
    amounts, prices = {ETH: "1", USDC: "0" if kind == "zero" else held}, {ETH: "3", USDC: "1"}
    prices[USDC] = chance.choice(["1", "1", "1", "0.9", "1.1"])
    if kind == "no price":
        del prices[USDC]
    if kind in ("partial", "unclear"):
        del amounts[USDC]
    complete: list[str] | None = [] if kind == "partial" else None
    return reading(account, amounts, prices, unclear=[USDC] if kind == "unclear" else [], complete=complete)


def readings(chance: random.Random, steps: int) -> Iterator[tuple[int, Sequence[Outcome]]]:
    """Who reads, and what; nothing: time alone passes."""
    yield 0, [usdc(account, "60") for account in ACCOUNTS]
    for _ in range(steps):
        some = chance.sample(ACCOUNTS, chance.randint(1, 3)) if chance.random() < 0.85 else []
        yield chance.randrange(MEMBERS), [outcome(account, chance) for account in some]


@pytest.fixture(params=["memory", "postgresql"])
async def crowds(request: pytest.FixtureRequest) -> AsyncIterator[Crowds]:
    async with AsyncExitStack() as closing:
        if request.param == "memory":
            yield Crowds(in_memory(), closing)
        else:
            yield Crowds(on_postgresql(request.getfixturevalue("store_database")), closing)


@pytest.fixture(params=[0, 1000], ids=["kept", "made each time"])
def _kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(total, "FEW", request.param)


async def heard(crowd: Crowd) -> Counter[Message]:
    """All but that a rule cannot be judged, which may be told a reading earlier or later."""
    return Counter(each for each in await crowd.messages() if not each.rule.startswith(BLIND))


async def acknowledged(*crowds: Crowd) -> None:
    """Somebody has seen all that fires."""
    for crowd in crowds:
        live = await crowd.stores[0].live_alerts()
        fires = [each.id for each in live if each.state is AlertState.FIRING]
        await asyncio.to_thread(crowd.commands().acknowledge, fires)


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize("seed", range(8))
async def test_members_tell_what_one_process_tells_where_sums_are_judged_at_once(
    crowds: Crowds, seed: int
) -> None:
    """Word by word, and as of the same time."""
    chance = random.Random(seed)
    crowd = await crowds(*RULES, members=MEMBERS)
    one = alone(*RULES, clock=crowd.clock, wallets=WALLETS)
    for member, seen in readings(chance, 25):
        for each, by in ((one, 0), (crowd, member)):
            if seen:
                await each.read(by, *seen)
            else:
                await each.timers(by).once()
        await crowd.judge(chance.randrange(MEMBERS))
        if chance.random() < 0.1:
            await acknowledged(one, crowd)
        # Time brings what it brings to all, before the next reading.
        await crowd.clock.advance(chance.choice([20, 60, 600]))
        for each in (one, crowd):
            await each.timers(0).once()
        await crowd.judge(chance.randrange(MEMBERS))

    assert await heard(crowd) == await heard(one), f"seed {seed}"
    assert await crowd.alerts() == await one.alerts()
    assert sum((await heard(one)).values()) > 5, "too little has happened to compare"


@pytest.mark.parametrize("seed", range(8))
async def test_members_in_any_order_end_where_one_that_sees_everyone_does(crowds: Crowds, seed: int) -> None:
    """Sums are judged at random times, by several members at the same time."""
    chance = random.Random(seed)
    crowd = await crowds(*RULES, members=MEMBERS)
    one = alone(*RULES, clock=crowd.clock, wallets=WALLETS)
    for member, seen in readings(chance, 25):
        await one.read(0, *seen)
        judges = chance.sample(range(MEMBERS), chance.randint(0, 2))
        judging = (crowd.members[each].judge_sums(chance.choice([1, 100])) for each in judges)
        await asyncio.gather(crowd.read(member, *seen), *judging)
        await crowd.clock.advance(chance.choice([20, 60, 600]))
    for _ in range(2):
        for each in (one, crowd):
            await each.every("20")
        await crowd.clock.advance(700)

    assert await crowd.alerts() == await one.alerts(), f"seed {seed}"
    for each in (one, crowd):
        await each.every("80")
        await each.every("80")
    assert await crowd.alerts() == await one.alerts()
    begun = await told_without_an_end(crowd)
    assert begun == {(rule, subject) for rule, subject, _ in await crowd.alerts()}


async def told_without_an_end(crowd: Crowd) -> set[tuple[str, str]]:
    """Rule and subject of what was told to begin, and not to be over; what flaps is told so."""
    messages = [each for each in await crowd.messages() if each.rule in crowd.rules.by_id]
    flapping = {(each.rule, each.subject) for each in messages if each.kind == "notice"}
    found: set[tuple[str, str]] = set()
    for message in messages:
        key = (message.rule, message.subject)
        if key in flapping:
            continue
        if message.kind == "firing":
            assert key not in found, "it was told to begin twice"
            found.add(key)
        elif message.kind == "resolved":
            assert key in found, "it was told to be over, and never to begin"
            found.discard(key)
    return found | {key for key in flapping if key in {each[:2] for each in await crowd.alerts()}}
