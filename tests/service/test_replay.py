"""The engine under a simulated clock says what the daemon would say, and when."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.domain.given import ETH, HOT, START, USDC, WALLETS, failed, reading
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Outcome
from watcher.domain.rules import AssetRule, ChangeRule, NoDataRule, Rule, ThresholdRule
from watcher.service.replay import Answer, Replay, ReplayedPoll
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.memory.store import MemoryStore

LOW = ThresholdRule.model_validate(
    {"id": "low", "type": "threshold", "match": {"assets": ["ETH"]}, "below": "1"}
)
SILENT = NoDataRule.model_validate(
    {"id": "silent", "type": "no_data", "match": {"wallets": "hot"}, "longer_than": "10m", "repeat": "30m"}
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def polls(*seen: tuple[float, Outcome]) -> list[ReplayedPoll]:
    return [ReplayedPoll(at(minutes), (outcome,)) for minutes, outcome in seen]


def eth(amount: str) -> Outcome:
    return reading(HOT, {ETH: amount, USDC: "5"}, {ETH: "2000"})


def replay(rules: Iterable[Rule], seen: Iterable[ReplayedPoll], again: Answer = lambda *_: None) -> Replay:
    return Replay(MemoryStore(), Rules(tuple(rules), WALLETS, ("ops",)), seen, START, again=again)


def told(played: Replay) -> list[tuple[float, str]]:
    return [
        ((each.at - START) / timedelta(minutes=1), f"{one.message.rule} {one.message.kind}")
        for each in played.told
        for one in each.deliveries
    ]


async def test_an_alert_fires_and_resolves_with_the_readings_that_say_so() -> None:
    played = replay([LOW], polls((0, eth("2")), (5, eth("0.5")), (10, eth("0.4")), (15, eth("3"))))

    await played.until(at(12))
    assert told(played) == [(5, "low firing")]
    assert [alert.rule for alert in await played.alerts()] == ["low"]

    await played.until(at(60))
    assert told(played) == [(5, "low firing"), (15, "low resolved")]
    assert [str(each.alert.state) for each in played.transitions] == ["firing", "resolved"]
    assert await played.alerts() == []


async def test_a_drop_to_zero_is_confirmed_twenty_seconds_later_as_the_daemon_would() -> None:
    played = replay([LOW], polls((0, eth("2")), (5, eth("0"))), again=lambda account, _: eth("0"))

    await played.until(at(30))

    assert told(played) == [(5 + 20 / 60, "low firing")]


async def test_a_confirmation_that_nobody_knows_is_not_made() -> None:
    played = replay([LOW], polls((0, eth("2")), (5, eth("0")), (10, eth("0"))))

    await played.until(at(30))

    assert told(played) == [(10, "low firing")]


async def test_silence_is_told_at_the_first_pass_after_its_time_and_repeated() -> None:
    played = replay([SILENT], polls((1, eth("2")), (80, eth("2"))))

    await played.until(at(100))

    assert told(played) == [
        (11.25, "silent firing"), (41.25, "silent repeat"), (71.25, "silent repeat"), (80, "silent resolved"),
        (90.25, "silent firing"),
    ]  # fmt: skip


async def test_after_a_restart_time_counts_anew_until_a_poll_fails() -> None:
    played = replay([SILENT], polls((1, eth("2")), (26, failed(HOT))))

    await played.until(at(9))
    await played.restart()
    await played.until(at(18))
    assert told(played) == []

    await played.until(at(25))
    assert told(played) == [(19.25, "silent firing")]


async def test_an_alert_goes_on_under_an_edited_rule_after_a_restart() -> None:
    played = replay([LOW], polls((0, eth("0.5")), (5, eth("0.5"))))
    await played.until(at(1))

    await played.restart(rules=Rules([LOW.model_copy(update={"below": Decimal(3)})], WALLETS, ("ops",)))
    await played.until(at(6))
    assert told(played) == [(0, "low firing")]

    await played.restart(rules=Rules([SILENT], WALLETS, ("ops",)))
    await played.until(at(7))
    assert told(played) == [(0, "low firing"), (6, "low withdrawn")]


def story(seed: int) -> list[ReplayedPoll]:
    chance = random.Random(seed)
    found, minutes = [], 0.0
    for _ in range(40):
        minutes += chance.choice([0.1, 1, 3, 9.9, 10, 25, 70])
        account: Account = HOT
        outcome = failed(account) if chance.random() < 0.3 else eth(chance.choice(["0", "0.5", "2", "3"]))
        found.append((minutes, outcome))
    return polls(*found)


@pytest.mark.parametrize("seed", range(4))
async def test_passes_over_time_that_bring_nothing_are_left_out_and_nothing_else(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        LOW.model_copy(update={"repeat": timedelta(minutes=20), "for_": timedelta(minutes=2)}),
        SILENT,
        ChangeRule(id="moved"),
        AssetRule(id="gone", event="disappears"),
    ]
    skipping = replay(rules, story(seed))
    await skipping.until(at(1200))

    once = TimeBasedEvaluation.once

    async def each(self: TimeBasedEvaluation, _most: int = 0) -> int:
        return await once(self)  # and none is left out

    monkeypatch.setattr("watcher.service.timers.TimeBasedEvaluation.once", each)
    plodding = replay(rules, story(seed))
    await plodding.until(at(1200))

    assert told(skipping) == told(plodding)
    assert [(each.at, each.alert) for each in skipping.transitions] == [
        (each.at, each.alert) for each in plodding.transitions
    ]
    assert len(skipping.told) > 10


async def test_few_passes_are_made_over_a_quiet_month(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = 0
    once = TimeBasedEvaluation.once

    async def counted(self: TimeBasedEvaluation, most: int = 0) -> int:
        nonlocal passes
        passes += 1
        return await once(self, most)

    monkeypatch.setattr(TimeBasedEvaluation, "once", counted)
    hourly = [ReplayedPoll(START + timedelta(hours=hour), (eth("2"),)) for hour in range(720)]
    played = replay([SILENT.model_copy(update={"longer_than": timedelta(hours=2)})], hourly)

    await played.until(START + timedelta(days=30))

    assert told(played) == []
    assert passes < 20 * 720  # of 172,800
