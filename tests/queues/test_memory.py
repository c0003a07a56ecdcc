"""Accounts that are due: each stands in the queue once, the most urgent first, none twice under way."""

from __future__ import annotations

import asyncio

from watcher.domain.credits.allowance import Purpose
from watcher.domain.model import Account
from watcher.ports.queue import Batch
from watcher.queues.memory import PollQueue


def account(number: int) -> Account:
    return Account("coinstats", "ethereum", f"0x{number:040x}")


async def test_an_account_stands_in_the_queue_once() -> None:
    queue = PollQueue()

    queue.put([account(1), account(2)], Purpose.SCHEDULED)
    queue.put([account(1)], Purpose.SCHEDULED)

    assert len(queue) == 2


async def test_confirmations_go_before_what_is_scheduled() -> None:
    queue = PollQueue()
    queue.put([account(1), account(2)], Purpose.SCHEDULED)
    queue.put([account(3)], Purpose.CONFIRMATION)

    first, second = await queue.take(10), await queue.take(10)

    assert (first.accounts, first.purpose) == ((account(3),), Purpose.CONFIRMATION)
    assert second.accounts == (account(1), account(2))


async def test_the_more_urgent_of_two_reasons_wins() -> None:
    queue = PollQueue()
    queue.put([account(1)], Purpose.SCHEDULED)
    queue.put([account(1)], Purpose.BY_HAND)

    assert (await queue.take(10)).purpose is Purpose.BY_HAND
    assert len(queue) == 0


async def test_what_word_from_outside_asks_for_goes_before_all_but_confirmations() -> None:
    queue = PollQueue()
    for number, purpose in enumerate((*Purpose.__members__.values(),)):
        if purpose not in (
            Purpose.HINTING,
            Purpose.RATES,
            Purpose.LOOKUP,
            Purpose.CORRECTION,
        ):  # nobody waits for those
            queue.put([account(number)], purpose)

    assert [(await queue.take(1)).purpose for _ in range(len(queue))] == [
        Purpose.CONFIRMATION,
        Purpose.HINTED,
        Purpose.BY_HAND,
        Purpose.SCHEDULED,
        Purpose.SWEEP,
    ]


async def test_word_that_comes_while_the_account_is_under_way_asks_for_it_again() -> None:
    queue = PollQueue()
    queue.put([account(1), account(2)], Purpose.SCHEDULED)
    batch = await queue.take(10)

    for _ in range(3):
        queue.put([account(1)], Purpose.HINTED)
    queue.done(batch)

    again = await queue.take(10)
    assert (again.accounts, again.purpose) == ((account(1),), Purpose.HINTED)
    assert len(queue) == 0


async def test_an_account_to_be_asked_alone_is_a_batch_of_its_own() -> None:
    queue = PollQueue()
    queue.put([account(1), account(2)], Purpose.CONFIRMATION)
    queue.put([account(2)], Purpose.CONFIRMATION, alone=True)

    assert (await queue.take(10)).accounts == (account(2),)
    assert (await queue.take(10)).accounts == (account(1),)


async def test_an_account_under_way_waits_until_it_is_done() -> None:
    queue = PollQueue()
    queue.put([account(1)], Purpose.SCHEDULED)
    batch = await queue.take(10)
    queue.put([account(1)], Purpose.SCHEDULED)
    taking = asyncio.create_task(queue.take(10))
    await asyncio.sleep(0)
    assert not taking.done()

    queue.done(batch)

    assert (await taking).accounts == (account(1),)


async def test_a_batch_is_never_larger_than_asked_for() -> None:
    queue = PollQueue()
    queue.put([account(number) for number in range(5)], Purpose.SCHEDULED)

    assert [len((await queue.take(2)).accounts) for _ in range(3)] == [2, 2, 1]


async def test_taking_waits_for_work() -> None:
    queue = PollQueue()
    taking = asyncio.create_task(queue.take(1))
    await asyncio.sleep(0)
    assert not taking.done()

    queue.put([account(1)], Purpose.SCHEDULED)

    assert (await taking).accounts == (account(1),)


async def test_whether_anything_is_more_urgent_than_a_batch_counts_what_that_batch_holds() -> None:
    queue = PollQueue()
    queue.put([account(1), account(2)], Purpose.SCHEDULED)
    batch, other = await queue.take(1), await queue.take(1)

    queue.put([account(3)], Purpose.SCHEDULED)
    assert not queue.urgent(batch), "no more than it"
    queue.put([account(1)], Purpose.HINTED)
    assert queue.urgent(batch)
    assert not queue.urgent(other), "account 1 is being asked for elsewhere"
    queue.put([account(3)], Purpose.CONFIRMATION)
    assert queue.urgent(other)


async def test_an_account_is_held_from_when_it_is_due_until_it_is_done() -> None:
    queue = PollQueue()
    assert not queue.holds(account(1))
    queue.put([account(1)], Purpose.BY_HAND)
    assert queue.holds(account(1))
    batch = await queue.take(10)
    assert queue.holds(account(1))
    queue.done(batch)
    assert not queue.holds(account(1))


def test_who_hands_out_takes_what_there_is_for_some_purposes_only() -> None:
    queue = PollQueue()
    queue.put([account(1)], Purpose.SCHEDULED)
    queue.put([account(2)], Purpose.CONFIRMATION, alone=True)

    assert queue.take_now(10, {Purpose.BY_HAND}) is None
    assert queue.take_now(10, {Purpose.SCHEDULED}) == Batch((account(1),), Purpose.SCHEDULED)
    assert queue.take_now(10, {*Purpose}) == Batch((account(2),), Purpose.CONFIRMATION, alone=True)
    assert queue.take_now(10, {*Purpose}) is None


def test_what_somebody_took_before_is_due_no_more_but_for_what_is_more_urgent() -> None:
    queue = PollQueue()
    queue.put([account(1), account(2)], Purpose.SCHEDULED)
    queue.put([account(3)], Purpose.BY_HAND)
    batch = Batch((account(1), account(3)), Purpose.SCHEDULED)
    queue.taken(batch)
    queue.done(batch)

    assert queue.take_now(10, {*Purpose}) == Batch((account(3),), Purpose.BY_HAND)
    assert queue.take_now(10, {*Purpose}) == Batch((account(2),), Purpose.SCHEDULED)
    assert len(queue) == 0


def test_what_somebody_took_before_this_queue_was_there_is_given_to_nobody_until_it_is_done() -> None:
    queue, batch = PollQueue(), Batch((account(1),), Purpose.SCHEDULED)
    queue.taken(batch)
    queue.put([account(1)], Purpose.BY_HAND)

    assert queue.take_now(10, {*Purpose}) is None
    queue.done(batch)
    assert queue.take_now(10, {*Purpose}) == Batch((account(1),), Purpose.BY_HAND)
