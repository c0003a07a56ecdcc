"""Sums where many share a store: what members read is judged apart, and as one that sees everyone would."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.domain.given import USDC, failed, reading
from tests.fakes import FakeClock
from tests.service.given import make_engine
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Outcome, Wallet
from watcher.domain.rules import NoDataRule, Rule, ThresholdRule
from watcher.service.engine import RuleEngine
from watcher.service.sums import LOOK, SumEvaluation
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore

ACCOUNTS = [Account("coinstats", "ethereum", f"0x{number}") for number in range(6)]
A, B, C, D, E, F = ACCOUNTS
WALLETS = {
    account: Wallet(f"w{number // 3}", "coinstats", account.address, ("reserve",) if number % 2 else ())
    for number, account in enumerate(ACCOUNTS)
}


def low(below: str, **fields: object) -> ThresholdRule:
    fields = {"id": "low", "match": {"assets": ["USDC"]}, "per": "all", **fields}
    return ThresholdRule.model_validate({**fields, "below": below})


def usdc(account: Account, amount: str, price: str = "1") -> Outcome:
    return reading(account, {USDC: amount}, {USDC: price})


class Crowd:
    """Members over one store, each with an engine of its own, and one that judges sums."""

    def __init__(
        self, *rules: Rule, members: int = 2, apart: bool = True, known: Sequence[Account] = ()
    ) -> None:
        self.clock, self.state = FakeClock(), State(apart=apart)
        self.rules = Rules(rules, {each: WALLETS[each] for each in known or ACCOUNTS}, ("ops",))
        self.members = [self.join() for _ in range(members)]

    def join(self) -> RuleEngine:
        return make_engine(MemoryStore(self.state), self.rules, self.clock)

    async def read(self, member: int, *outcomes: Outcome) -> None:
        await self.members[member].judge(outcomes, self.clock.now())

    async def judge(self) -> int:
        """Judge all that is left; how many there were."""
        found = 0
        while some := await self.members[0].judge_sums():
            found += some
        return found

    async def every(self, amount: str) -> None:
        await self.read(0, *(usdc(each, amount) for each in self.rules.wallets))
        await self.judge()

    @property
    def firing(self) -> list[str]:
        alerts = self.state.cache.alerts.values()
        return [each.because for each in alerts if each.state is AlertState.FIRING]

    @property
    def told(self) -> list[str]:
        return [f"{each.message.rule} {each.message.kind}" for each in self.state.deliveries.values()]


async def test_what_two_members_bring_about_together_is_seen_although_neither_sees_it() -> None:
    """Parts of 60 and 60 below 90 in all: each takes 20, and still sees the other's 60."""
    crowd = Crowd(low("90"), known=(A, B))
    await crowd.every("60")

    await crowd.read(0, usdc(A, "40"))
    await crowd.read(1, usdc(B, "40"))
    assert crowd.told == []
    await crowd.judge()

    assert crowd.told == ["low firing"]
    assert crowd.firing == ["80 USDC is below 90 USDC"]


async def test_what_changes_while_a_sum_is_judged_is_judged_after_it() -> None:
    crowd = Crowd(low("90"), known=(A, B))
    await crowd.every("60")
    await crowd.read(0, usdc(A, "40"))
    store = MemoryStore(crowd.state)
    there = crowd.members[0].over(store)

    conclude, between = store.conclude_sums, iter([crowd.read(1, usdc(B, "40"))])

    async def slow(read, most):  # type: ignore[no-untyped-def]
        def reading_(sums):  # type: ignore[no-untyped-def]
            accounts, decide = read(sums)

            def deciding(past, recall):  # type: ignore[no-untyped-def]
                for other in between:  # another member, after the parts were read
                    with pytest.raises(StopIteration):
                        other.send(None)
                return decide(past, recall)

            return accounts, deciding

        return await conclude(reading_, most)

    store.conclude_sums = slow  # type: ignore[method-assign]
    await there.judge_sums()
    assert crowd.told == []
    assert list(crowd.state.owed) == [("low", "all")]

    await crowd.judge()
    assert crowd.firing == ["80 USDC is below 90 USDC"]


async def test_a_reading_that_moves_nothing_of_a_calm_sum_leaves_nothing_to_judge() -> None:
    crowd = Crowd(low("90"))
    await crowd.every("60")

    await crowd.read(1, usdc(A, "60"), usdc(B, "60"))

    assert await crowd.judge() == 0


async def test_a_price_that_another_member_saw_is_judged_with_the_next_reading_of_a_part() -> None:
    crowd = Crowd(low("500", metric="value_usd", match={"wallets": ["w0"], "assets": ["USDC"]}))
    await crowd.every("200")
    await crowd.clock.advance(600)

    await crowd.read(1, usdc(F, "200", "0.8"))  # no part of it
    await crowd.judge()
    assert crowd.firing == []
    await crowd.clock.advance(600)
    await crowd.read(0, usdc(A, "200", "0.8"))
    await crowd.judge()

    assert crowd.firing == ["$480.00 is below $500.00"]


async def test_sums_of_one_account_are_told_with_its_reading() -> None:
    crowd = Crowd(low("50", per="account"))

    await crowd.read(0, usdc(A, "40"), usdc(B, "60"))

    assert crowd.told == ["low firing"]


async def test_new_rules_are_judged_without_waiting_for_what_does_not_move() -> None:
    crowd = Crowd(low("90"))
    await crowd.every("60")
    crowd.rules = Rules((low("1000"),), crowd.rules.wallets, ("ops",))
    edited = crowd.join()

    await edited.take_effect()
    crowd.members = [edited]
    await crowd.judge()

    assert crowd.firing == ["360 USDC is below 1,000 USDC"]


async def test_a_restart_is_no_reading_of_those_that_a_rule_waits_for() -> None:
    crowd = Crowd(low("1000", reads=2))
    await crowd.every("60")
    assert [each.reads for each in crowd.state.cache.alerts.values()] == [1]

    for _ in range(3):
        await crowd.members[0].take_effect()
        await crowd.judge()
    assert crowd.firing == []
    await crowd.read(1, usdc(A, "60"))
    await crowd.judge()

    assert len(crowd.firing) == 1


async def test_a_repeat_and_an_end_that_was_held_back_are_told_by_who_judges_sums() -> None:
    crowd = Crowd(low("1000", repeat="1h"))
    await crowd.every("60")
    timers = TimeBasedEvaluation(crowd.members[1])
    await crowd.clock.advance(3601)
    await timers.once(40)
    await crowd.judge()
    assert crowd.told == ["low firing", "low repeat"]
    now = crowd.clock.now()
    crowd.state.cache.silences = (Silence("s", "bob", "", now, now + timedelta(hours=1), rules=("low",)),)
    await crowd.every("600")
    assert crowd.told == ["low firing", "low repeat"]

    await crowd.clock.advance(3601)
    await timers.once(40)
    await crowd.judge()

    assert crowd.told == ["low firing", "low repeat", "low resolved"]


async def test_time_finds_the_accounts_that_are_not_read_among_all() -> None:
    rule = NoDataRule.model_validate({"id": "silent", "longer_than": "30m"})
    crowd = Crowd(rule, low("90", max_age="50m"), known=(A, B, C))
    timers = TimeBasedEvaluation(crowd.members[0])
    await crowd.read(1, usdc(A, "60"), usdc(B, "60"))
    await crowd.clock.advance(1200)
    await crowd.read(1, usdc(B, "60"))
    await timers.once()
    assert crowd.told == []

    await crowd.clock.advance(900)
    assert await timers.once(40) == 0, "others may decide what brings something before"

    subjects = {each.subject for each in crowd.state.cache.alerts.values()}
    assert subjects == {f"coinstats/ethereum/{each.address}" for each in (A, C)}, "C was never asked for"


async def test_a_part_that_nobody_asks_for_makes_its_sum_a_blind_one_by_time_alone() -> None:
    crowd = Crowd(low("90", max_age="50m"), known=(A, B))
    await crowd.every("60")
    timers = TimeBasedEvaluation(crowd.members[0])
    await crowd.clock.advance(3700)
    await timers.once()
    await crowd.judge()
    assert [each.rule for each in crowd.state.cache.alerts.values()] == ["watcher.blind.low"]

    await crowd.clock.advance(3601)
    await crowd.read(1, usdc(B, "60"))
    await crowd.judge()

    assert crowd.told == ["watcher.blind.low firing"]


async def test_polls_that_fail_make_a_rule_blind_only_if_others_of_the_source_are_read() -> None:
    crowd = Crowd(ThresholdRule.model_validate({"id": "own", "below": "1"}), low("90", max_age="50m"))
    await crowd.every("60")
    for _ in range(4):
        await crowd.clock.advance(3600)
        await crowd.read(1, failed(A))
        await crowd.judge()
    assert sorted(crowd.told) == ["watcher.blind.low firing", "watcher.blind.own firing"]

    other = Crowd(ThresholdRule.model_validate({"id": "own", "below": "1"}), low("90", max_age="50m"))
    await other.every("60")
    for _ in range(4):
        await other.clock.advance(3600)
        for account in ACCOUNTS:
            await other.read(1, failed(account))
        await other.judge()
    assert other.told == []


async def test_a_wallet_that_never_held_anything_is_told_once_whoever_reads_its_accounts() -> None:
    crowd = Crowd(known=(A, B, C))
    for _ in range(3):
        await crowd.read(0, reading(A, {}), reading(B, {}))
        await crowd.read(1, reading(C, {}))
        await crowd.judge()
        await crowd.clock.advance(86_400)
    assert crowd.told == ["watcher.empty notice"]


async def test_whoever_judges_wakes_for_what_its_own_process_left_and_looks_for_what_others_did() -> None:
    crowd = Crowd(low("1000"), known=(A, B))
    work = asyncio.create_task(SumEvaluation(crowd.members[0]).run())
    await crowd.clock.settle()
    await crowd.read(0, usdc(A, "60"), usdc(B, "60"))
    await crowd.clock.settle()
    assert crowd.told == ["low firing"]

    await crowd.read(1, usdc(A, "2000"))
    await crowd.clock.settle()
    assert crowd.told == ["low firing"]
    await crowd.clock.advance(LOOK)
    await crowd.clock.settle()

    assert crowd.told == ["low firing", "low resolved"]
    work.cancel()


async def test_a_sum_that_cannot_be_judged_keeps_no_other_from_being_judged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = low("1000", id="bad")
    crowd = Crowd(bad, low("1000"), known=(A, B))
    whole = ThresholdRule.answer_sums

    def faulty(self, totals, *, firing):  # type: ignore[no-untyped-def]
        if self.id == "bad":
            raise ZeroDivisionError
        return whole(self, totals, firing=firing)

    monkeypatch.setattr(ThresholdRule, "answer_sums", faulty)
    await crowd.read(0, usdc(A, "60"), usdc(B, "60"))
    judging = SumEvaluation(crowd.members[0])
    while await judging.once():
        pass

    assert crowd.told == ["low firing"]
    assert "bad of all is not judged before it moves again" in caplog.text


RULES = (
    low("150"),
    low("200", id="reserve", per="tag"),
    low("90", id="wallet", per="wallet", metric="value_usd"),
    ThresholdRule.model_validate({"id": "own", "below": "5", "match": {"assets": ["USDC"]}}),
)


@pytest.mark.parametrize("seed", range(40))
async def test_members_in_any_order_end_where_one_that_sees_everyone_does(seed: int) -> None:
    """Random readings by several members, sums judged at random times between them."""
    chance = random.Random(seed)
    one, crowd = Crowd(*RULES, members=1, apart=False), Crowd(*RULES, members=3)
    for _ in range(30):
        some = chance.sample(ACCOUNTS, chance.randint(1, 3))
        price = chance.choice(["1", "1", "0.9"])
        seen = [usdc(each, str(chance.choice([2, 10, 30, 60, 90])), price) for each in some]
        await one.read(0, *seen)
        await crowd.read(chance.randrange(3), *seen)
        if chance.random() < 0.3:
            await crowd.members[chance.randrange(3)].judge_sums(chance.choice([1, 100]))
        for each in (one, crowd):
            await each.clock.advance(chance.choice([60, 600]))
    await one.every("40")
    await crowd.every("40")

    assert Counter(crowd.firing) == Counter(one.firing), f"seed {seed}"
