"""Sums where many share a store: what members read is judged apart, and as one that sees everyone would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import ETH, USDC, failed, reading
from tests.service.crowd import ACCOUNTS, Crowd, Crowds, in_memory, low, on_postgresql, usdc
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision, Snapshot, SumKey
from watcher.domain.model import Account
from watcher.domain.rules import NoDataRule, RatioRule, Rule, ThresholdRule
from watcher.ports.store import Deciding, Recall
from watcher.service.sums import LOOK, SumEvaluation

A, B, C, D, E, F = ACCOUNTS

Reading = Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]]


@pytest.fixture(params=["memory", "postgresql"])
async def crowds(request: pytest.FixtureRequest) -> AsyncIterator[Crowds]:
    """Crowds over each kind of store that many may share."""
    async with AsyncExitStack() as closing:
        if request.param == "memory":
            yield Crowds(in_memory(), closing)
        else:
            yield Crowds(on_postgresql(request.getfixturevalue("store_database")), closing)


async def test_what_two_members_bring_about_together_is_seen_although_neither_sees_it(crowds: Crowds) -> None:
    """Parts of 60 and 60 below 90 in all: each takes 20, and still sees the other's 60."""
    crowd = await crowds(low("90"), known=(A, B))
    await crowd.every("60")

    await crowd.read(0, usdc(A, "40"))
    await crowd.read(1, usdc(B, "40"))
    assert await crowd.told() == []
    await crowd.judge()

    assert await crowd.told() == ["low firing"]
    assert await crowd.firing() == ["80 USDC is below 90 USDC"]


def now(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    """Do it in the middle of a decision, in whichever thread that is made."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run_coroutine_threadsafe(work, loop).result(timeout=20)
    else:
        with pytest.raises(StopIteration):
            work.send(None)


@pytest.mark.parametrize("moment", ["before its parts are read", "after its parts were read"])
async def test_what_changes_while_a_sum_is_judged_is_judged_with_it_or_after_it(
    crowds: Crowds, moment: str
) -> None:
    crowd = await crowds(low("90"), known=(A, B))
    await crowd.every("60")
    await crowd.read(0, usdc(A, "40"))
    loop, store = asyncio.get_running_loop(), crowd.stores[0]
    conclude, meanwhile = store.conclude_sums, iter([crowd.read(1, usdc(B, "40"))])

    def change(at: str) -> None:
        for work in meanwhile if at.startswith(moment.split(maxsplit=1)[0]) else ():
            now(work, loop)

    async def slow(read: Reading, most: int) -> Decision | None:
        def reading_(sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
            accounts, decide = read(sums)
            change("before")

            def deciding(past: Snapshot, recall: Recall) -> Decision:
                change("after")
                return decide(past, recall)

            return accounts, deciding

        return await conclude(reading_, most)

    store.conclude_sums = slow  # type: ignore[method-assign]
    await crowd.members[0].judge_sums()
    if moment.startswith("after"):
        assert await crowd.told() == [], "what it did not see it does not tell"
    assert await crowd.judge() == 1, "the change has left it to be judged once more"

    assert await crowd.told() == ["low firing"]
    assert await crowd.firing() == ["80 USDC is below 90 USDC"]


async def test_a_reading_that_moves_nothing_of_a_calm_sum_leaves_nothing_to_judge(crowds: Crowds) -> None:
    crowd = await crowds(low("90"))
    await crowd.every("60")

    await crowd.read(1, usdc(A, "60"), usdc(B, "60"))

    assert await crowd.judge() == 0


async def test_a_price_that_another_member_saw_is_judged_with_the_next_reading_of_a_part(
    crowds: Crowds,
) -> None:
    crowd = await crowds(low("500", metric="value_usd", match={"wallets": ["w0"], "assets": ["USDC"]}))
    await crowd.every("200")
    await crowd.clock.advance(600)

    await crowd.read(1, usdc(F, "200", "0.8"))  # no part of it
    await crowd.judge()
    assert await crowd.firing() == []
    await crowd.clock.advance(600)
    await crowd.read(0, usdc(A, "200", "0.8"))
    await crowd.judge()

    assert await crowd.firing() == ["$480.00 is below $500.00"]


async def test_sums_of_one_account_are_told_with_its_reading(crowds: Crowds) -> None:
    crowd = await crowds(low("50", per="account"))

    await crowd.read(0, usdc(A, "40"), usdc(B, "60"))

    assert await crowd.told() == ["low firing"]


async def test_a_tag_s_sum_is_that_of_all_who_bear_it_whoever_reads_them(crowds: Crowds) -> None:
    crowd = await crowds(low("170", per="tag"), members=3)
    await crowd.every("60")

    for member, account in enumerate((A, C, E)):
        await crowd.read(member, usdc(account, "1"))
    await crowd.judge(1)
    assert await crowd.alerts() == []
    for member, account in enumerate((B, D, F)):
        await crowd.read(member, usdc(account, "50"))
    await crowd.judge(2)

    assert await crowd.alerts() == [("low", "tag:reserve", "150 USDC is below 170 USDC")]


async def test_two_sides_of_a_ratio_are_of_one_moment(crowds: Crowds) -> None:
    sides = ({"match": {"wallets": [wallet], "assets": ["USDC"]}} for wallet in ("w0", "w1"))
    of, to = sides
    crowd = await crowds(RatioRule.model_validate({"id": "covered", "of": of, "to": to, "below": "0.9"}))
    await crowd.every("60")

    await crowd.read(0, usdc(A, "40"))
    await crowd.read(1, usdc(F, "40"))
    await crowd.judge()
    assert await crowd.told() == [], "160 of 160"
    await crowd.read(1, usdc(F, "60"))
    await crowd.judge()

    assert await crowd.told() == ["covered firing"], "160 of 180"


async def test_a_sum_that_fired_is_told_to_be_over_once_whoever_reads_it_up_again(crowds: Crowds) -> None:
    crowd = await crowds(low("90", clear_above="100"), known=(A, B))
    await crowd.every("40")
    assert await crowd.told() == ["low firing"]

    await crowd.read(0, usdc(A, "55"))
    await crowd.judge()
    assert await crowd.told() == ["low firing"], "95 is not yet above 100"
    await crowd.read(1, usdc(B, "55"))
    await crowd.judge(1)
    await crowd.judge(0)

    assert await crowd.told() == ["low firing", "low resolved"]
    assert await crowd.alerts() == []


async def test_an_acknowledged_sum_is_not_repeated_and_is_told_to_be_over(crowds: Crowds) -> None:
    crowd = await crowds(low("90", repeat="1h"), known=(A, B))
    await crowd.every("40")
    (alert,) = await crowd.stores[0].live_alerts()
    await asyncio.to_thread(crowd.commands().acknowledge, [alert.id])

    await crowd.pass_time(3700)
    await crowd.read(1, usdc(A, "41"))
    await crowd.judge()
    assert await crowd.told() == ["low firing"]
    (alert,) = await crowd.stores[1].live_alerts()
    assert alert.acknowledged is not None, "what a person said is not written over"
    await crowd.read(0, usdc(B, "60"))
    await crowd.judge()

    assert await crowd.told() == ["low firing", "low resolved"]


async def test_of_a_silenced_sum_nobody_hears_until_the_silence_is_over(crowds: Crowds) -> None:
    crowd = await crowds(low("90"), known=(A, B))
    await crowd.every("60")
    then = crowd.clock.now()
    silence = Silence("s", "bob", "", then, then + timedelta(hours=1), rules=("low",))
    await asyncio.to_thread(crowd.commands().add_silence, silence)

    await crowd.read(0, usdc(A, "10"))
    await crowd.judge()
    assert await crowd.told() == []
    await crowd.pass_time(3700)
    await crowd.judge()

    assert await crowd.told() == ["low firing"]


async def test_what_is_put_into_quarantine_is_in_no_sum_from_then_on(crowds: Crowds) -> None:
    crowd = await crowds(low("90"), known=(A, B))
    await crowd.every("60")

    await asyncio.to_thread(crowd.commands().hide, [(A, USDC)], "a fake")
    await crowd.judge()
    assert await crowd.firing() == ["60 USDC is below 90 USDC"]
    await asyncio.to_thread(crowd.commands().release, [(A, USDC)])
    await crowd.judge()

    assert await crowd.told() == ["low firing", "low resolved"]


async def test_a_sum_of_which_a_part_is_in_doubt_is_not_judged_before_it_is_confirmed(crowds: Crowds) -> None:
    crowd = await crowds(low("90"), known=(A, B))
    await crowd.every("60")

    await crowd.read(0, reading(A, {ETH: "1"}))  # its USDC is gone, at once and entirely
    await crowd.judge()
    await crowd.read(1, usdc(B, "20"))
    await crowd.judge()
    assert await crowd.told() == [], "60 may still be there"
    await crowd.clock.advance(30)
    await crowd.read(1, reading(A, {ETH: "1"}))
    await crowd.judge()

    assert await crowd.firing() == ["20 USDC is below 90 USDC"]


async def test_new_rules_are_judged_without_waiting_for_what_does_not_move(crowds: Crowds) -> None:
    crowd = await crowds(low("90"))
    await crowd.every("60")
    crowd.edit(low("1000"))

    await crowd.members[1].take_effect()
    await crowd.judge(1)

    assert await crowd.firing() == ["360 USDC is below 1,000 USDC"]


async def test_a_restart_is_no_reading_of_those_that_a_rule_waits_for(crowds: Crowds) -> None:
    crowd = await crowds(low("1000", reads=2))
    await crowd.every("60")
    assert [each.reads for each in await crowd.stores[0].live_alerts()] == [1]

    for _ in range(3):
        await crowd.members[0].take_effect()
        await crowd.judge()
    assert await crowd.firing() == []
    await crowd.read(1, usdc(A, "60"))
    await crowd.judge()

    assert len(await crowd.firing()) == 1


async def test_a_repeat_and_an_end_that_was_held_back_are_told_by_who_judges_sums(crowds: Crowds) -> None:
    crowd = await crowds(low("1000", repeat="1h"))
    await crowd.every("60")
    await crowd.pass_time(3601, 1)
    await crowd.judge()
    assert await crowd.told() == ["low firing", "low repeat"]
    then = crowd.clock.now()
    silence = Silence("s", "bob", "", then, then + timedelta(hours=1), rules=("low",))
    await asyncio.to_thread(crowd.commands().add_silence, silence)
    await crowd.every("600")
    assert await crowd.told() == ["low firing", "low repeat"]

    await crowd.pass_time(3601, 1)
    await crowd.judge()

    assert await crowd.told() == ["low firing", "low repeat", "low resolved"]


async def test_time_finds_the_accounts_that_are_not_read_among_all(crowds: Crowds) -> None:
    rule = NoDataRule.model_validate({"id": "silent", "longer_than": "30m"})
    crowd = await crowds(rule, low("90", max_age="50m"), known=(A, B, C))
    timers = crowd.timers(0)
    await crowd.read(1, usdc(A, "60"), usdc(B, "60"))
    await crowd.clock.advance(1200)
    await crowd.read(1, usdc(B, "60"))
    await timers.once()
    assert await crowd.told() == []

    await crowd.clock.advance(900)
    assert await timers.once(40) == 0, "others may decide what brings something before"

    subjects = {each.subject for each in await crowd.stores[0].live_alerts()}
    assert subjects == {f"coinstats/ethereum/{each.address}" for each in (A, C)}, "C was never asked for"


async def test_a_part_that_nobody_asks_for_makes_its_sum_a_blind_one_by_time_alone(crowds: Crowds) -> None:
    crowd = await crowds(low("90", max_age="50m"), known=(A, B))
    await crowd.every("60")
    await crowd.pass_time(3700)
    await crowd.judge()
    assert [each.rule for each in await crowd.stores[0].live_alerts()] == ["watcher.blind.low"]

    await crowd.clock.advance(3601)
    await crowd.read(1, usdc(B, "60"))
    await crowd.judge()

    assert await crowd.told() == ["watcher.blind.low firing"]


async def fail_for_hours(crowd: Crowd, *accounts: Account) -> list[str]:
    await crowd.every("60")
    for _ in range(4):
        await crowd.clock.advance(3600)
        for account in accounts:
            await crowd.read(1, failed(account))
        await crowd.judge()
    return sorted(await crowd.told())


BLIND_RULES: tuple[Rule, ...] = (
    ThresholdRule.model_validate({"id": "own", "below": "1"}), low("90", max_age="50m")
)  # fmt: skip


async def test_polls_that_fail_make_a_rule_blind_if_others_of_the_source_are_read(crowds: Crowds) -> None:
    told = await fail_for_hours(await crowds(*BLIND_RULES), A)
    assert told == ["watcher.blind.low firing", "watcher.blind.own firing"]


async def test_polls_that_all_fail_make_no_rule_blind(crowds: Crowds) -> None:
    assert await fail_for_hours(await crowds(*BLIND_RULES), *ACCOUNTS) == []


async def test_a_wallet_that_never_held_anything_is_told_once_whoever_reads_its_accounts(
    crowds: Crowds,
) -> None:
    crowd = await crowds(known=(A, B, C))
    for _ in range(3):
        await crowd.read(0, reading(A, {}), reading(B, {}))
        await crowd.read(1, reading(C, {}))
        await crowd.judge()
        await crowd.clock.advance(86_400)
    assert await crowd.told() == ["watcher.empty notice"]


async def until(crowd: Crowd, told: list[str]) -> None:
    """Others work in threads of theirs."""
    async with asyncio.timeout(20):
        while await crowd.told() != told:
            await crowd.clock.settle()


async def test_whoever_judges_wakes_for_what_its_own_process_left_and_looks_for_what_others_did(
    crowds: Crowds,
) -> None:
    crowd = await crowds(low("1000"), known=(A, B))
    work = asyncio.create_task(SumEvaluation(crowd.members[0]).run())
    await crowd.clock.settle()
    await crowd.read(0, usdc(A, "60"), usdc(B, "60"))
    await until(crowd, ["low firing"])
    async with asyncio.timeout(20):
        while not crowd.clock.waiting:
            await crowd.clock.settle()

    await crowd.read(1, usdc(A, "2000"))
    await crowd.clock.settle()
    assert await crowd.told() == ["low firing"]
    await crowd.clock.advance(LOOK)
    await until(crowd, ["low firing", "low resolved"])

    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_sum_that_cannot_be_judged_keeps_no_other_from_being_judged(
    crowds: Crowds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crowd = await crowds(low("1000", id="bad"), low("1000"), known=(A, B))
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

    assert await crowd.told() == ["low firing"]
    assert "bad of all is not judged before it moves again" in caplog.text
