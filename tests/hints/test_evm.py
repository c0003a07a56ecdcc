"""Hints of a real EVM node: each move is told within a second, and none is lost on a bad day of the link."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.anvil import ALICE, BOB, CAROL, Anvil, running_anvil
from tests.hints.evm import evm_source
from tests.hints.hearing import Hearing, hearing
from tests.relay import relaying
from watcher.hints.evm.asking import Native
from watcher.hints.evm.wire import DEPOSIT, WITHDRAWAL
from watcher.ports.hints import Alive, Bookmark, HintGap

pytestmark = pytest.mark.needs("anvil")


@pytest.fixture
async def node() -> AsyncIterator[Anvil]:
    async with running_anvil() as node:
        yield node


async def ten_transfers(node: Anvil) -> None:
    for _ in range(5):
        await node.send(ALICE, CAROL)
        await node.transfer(CAROL, BOB)


@pytest.mark.parametrize("native", ["blocks", "balances"])
async def test_a_transfer_of_native_coins_is_told_within_a_second(node: Anvil, native: Native) -> None:
    async with hearing(evm_source(node.url, native=native)) as heard:
        await heard.alive()
        for told, (sender, receiver) in enumerate([(ALICE, CAROL), (CAROL, BOB)], 1):
            async with asyncio.timeout(1):
                await node.send(sender, receiver)
                await heard.count(told)
    assert heard.addresses == [ALICE, BOB]


async def test_a_transfer_of_a_token_is_told_within_a_second(node: Anvil) -> None:
    async with hearing(evm_source(node.url, native="none")) as heard:
        await heard.alive()
        for told, (sender, receiver) in enumerate([(ALICE, CAROL), (CAROL, BOB)], 1):
            async with asyncio.timeout(1):
                await node.transfer(sender, receiver)
                await heard.count(told)
    assert heard.addresses == [ALICE, BOB]
    assert {hint.where.chain for hint in heard.hints.values()} == {"ethereum"}


async def test_coins_that_are_wrapped_and_unwrapped_are_told(node: Anvil) -> None:
    async with hearing(evm_source(node.url, native="none")) as heard:
        await heard.alive()
        await node.transfer(ALICE, CAROL, event=DEPOSIT)
        await node.transfer(BOB, CAROL, event=WITHDRAWAL)
        await heard.count(2)
    assert heard.addresses == [ALICE, BOB]


async def test_what_moves_nothing_of_ours_is_not_told(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.send(CAROL, CAROL)
        await node.transfer(CAROL, CAROL)
        await node.transfer(ALICE, BOB, amount=0)
        await node.send(CAROL, ALICE)
        await heard.count(1)
    assert heard.addresses == [ALICE]


async def test_addresses_beyond_one_filter_are_heard_as_well(node: Anvil) -> None:
    async with hearing(evm_source(node.url, native="none", addresses_per_filter=1)) as heard:
        await heard.alive()
        await node.transfer(CAROL, ALICE)
        await node.transfer(BOB, CAROL)
        await heard.count(2)
    assert heard.addresses == [ALICE, BOB]


async def test_who_watches_nobody_hears_of_nobody(node: Anvil) -> None:
    async with hearing(evm_source(node.url, accounts={})) as heard:
        await heard.alive()
        await node.transfer(ALICE, BOB)
        await heard.until(lambda: heard.facts.get("block") == "1")
    assert heard.hints == {}


async def test_a_hint_says_when_it_happened_by_the_time_of_its_block(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.rpc("evm_setNextBlockTimestamp", 4_000_000_000)
        await node.send(ALICE, CAROL)
        await heard.count(1)
    (hint,) = heard.hints.values()
    assert hint.happened is not None
    assert hint.happened.timestamp() == 4_000_000_000


async def test_each_block_is_a_sign_of_life_and_moves_the_bookmark(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.mine(3)
        await heard.until(lambda: heard.facts.get("block") == "3" and heard.told[-1] == Alive())
    assert heard.told[0] == Alive()
    assert isinstance(heard.told[1], Bookmark), "a run that ends before the first block can go on from here"


@pytest.mark.parametrize("native", ["blocks", "balances"])
async def test_a_cut_connection_loses_no_hint(node: Anvil, native: Native) -> None:
    async with (
        relaying(node.port) as relay,
        hearing(evm_source(f"ws://127.0.0.1:{relay.port}", native=native)) as heard,
    ):
        await heard.alive()
        relay.shut = True
        relay.cut()
        await ten_transfers(node)
        relay.arrived.clear()
        await relay.arrived.wait()
        assert heard.hints == {}
        relay.shut = False
        await heard.count(10 if native == "blocks" else 6)
        await all_told(heard, node)
    assert heard.addresses.count(BOB) == 5
    assert heard.addresses.count(ALICE) == (5 if native == "blocks" else 1)
    assert heard.gaps == []
    assert {each.refused for each in heard.failures} == {False}


async def all_told(heard: Hearing, node: Anvil) -> None:
    """Nothing is left that could still be told of the chain as it is now."""
    height = str(await node.height())
    await heard.until(lambda: heard.facts.get("block") == height)


async def test_transfers_in_every_moment_of_a_cut_are_told(node: Anvil) -> None:
    async with (
        relaying(node.port) as relay,
        hearing(evm_source(f"ws://127.0.0.1:{relay.port}"), pause=0) as heard,
    ):
        await heard.alive()
        for turn in range(30):
            await node.send(ALICE, CAROL)
            if turn % 3 == 0:
                relay.cut()
            await node.transfer(CAROL, BOB)
        await heard.count(60)
    assert heard.addresses.count(ALICE) == heard.addresses.count(BOB) == 30
    assert heard.gaps == []


async def test_a_link_on_which_bytes_vanish_is_noticed_and_loses_no_hint(node: Anvil) -> None:
    async with (
        relaying(node.port) as relay,
        hearing(evm_source(f"ws://127.0.0.1:{relay.port}")) as heard,
    ):
        await heard.alive()
        relay.silent = True
        await ten_transfers(node)
        await heard.failed("does not answer any more")
        await heard.failed("took no connection within 2 s")
        relay.silent = False
        await heard.count(10)
    assert heard.gaps == []


@pytest.mark.parametrize("native", ["blocks", "balances"])
async def test_a_later_run_goes_on_where_the_last_one_ended(node: Anvil, native: Native) -> None:
    async with hearing(evm_source(node.url, native=native)) as before:
        await before.until(lambda: before.facts)
    await ten_transfers(node)
    later = evm_source(node.url, native=native)
    later.remember(before.facts)
    async with hearing(later) as heard:
        await all_told(heard, node)
    assert heard.told[0] == Alive()
    assert heard.addresses.count(BOB) == 5
    assert heard.addresses.count(ALICE) == (5 if native == "blocks" else 1)


async def test_the_bookmark_of_another_chain_is_none(node: Anvil) -> None:
    other = evm_source(node.url)
    other.remember({"chain": "base", "block": "7", "hashes": "0x" + "1" * 64, "since": ""})
    async with hearing(other) as heard:
        await heard.alive()
    assert heard.told[0] == Alive()


async def test_what_is_too_far_back_is_told_as_a_gap_and_the_rest_is_told(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as before:
        await before.until(lambda: before.facts)
    await node.send(ALICE, CAROL)
    await node.mine(19)
    await node.send(BOB, CAROL)
    later = evm_source(node.url, catch_up=10)
    later.remember(before.facts)
    async with hearing(later) as heard:
        await heard.count(1)
        await all_told(heard, node)
    first = heard.told[0]
    assert isinstance(first, HintGap)
    assert first.since is not None
    assert first.why == "21 blocks were missed, and the last 10 of them are looked at"
    assert heard.addresses == [BOB]


@pytest.mark.parametrize("native", ["blocks", "none"])
async def test_what_a_reorganisation_takes_back_is_told(node: Anvil, native: Native) -> None:
    async with hearing(evm_source(node.url, native=native)) as heard:
        await heard.alive()
        await node.mine(5)
        await node.transfer(CAROL, BOB)
        if native == "blocks":
            await node.send(ALICE, CAROL)
        told = 2 if native == "blocks" else 1
        await heard.count(told)
        await node.mine(2)
        await node.rpc("anvil_reorg", 5, [])
        await node.mine(1)
        await heard.count(2 * told)
        await all_told(heard, node)
    taken = [each.removesuffix(":removed") for each in heard.hints if each.endswith(":removed")]
    assert sorted(taken) == sorted(each for each in heard.hints if not each.endswith(":removed"))
    assert heard.gaps == []


async def test_a_transfer_that_a_reorganisation_moves_is_told_again(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.send(ALICE, CAROL)
        await heard.count(1)
        words = {"from": ALICE, "to": CAROL, "value": "0x1"}
        await node.rpc("anvil_reorg", 1, [[words, 0]])
        await heard.count(3)
    assert [each.count(":removed") for each in heard.hints] == [0, 1, 0]
    assert set(heard.addresses) == {ALICE}


async def test_a_reorganisation_behind_our_back_is_noticed(node: Anvil) -> None:
    async with (
        relaying(node.port) as relay,
        hearing(evm_source(f"ws://127.0.0.1:{relay.port}")) as heard,
    ):
        await heard.alive()
        await node.send(ALICE, CAROL)
        await heard.count(1)
        await all_told(heard, node)
        relay.shut = True
        relay.cut()
        await node.rpc("anvil_reorg", 1, [])
        await node.send(BOB, CAROL)
        relay.shut = False
        await heard.count(3)
    assert heard.addresses == [ALICE, ALICE, BOB]
    assert heard.gaps == []


async def test_a_chain_that_was_set_back_is_followed_from_there(node: Anvil) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        mark = await node.rpc("evm_snapshot")
        await node.send(ALICE, CAROL)
        await node.mine(3)
        await all_told(heard, node)
        await node.rpc("evm_revert", mark)
        await node.send(BOB, CAROL)
        await heard.count(3)
    assert heard.addresses == [ALICE, ALICE, BOB]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_node_with_another_chain_is_a_gap_and_is_followed(*, restarted: bool) -> None:
    async with running_anvil() as node:
        first = evm_source(node.url)
        async with hearing(first) as before:
            await before.alive()
            await node.mine(20)
            await all_told(before, node)
    async with running_anvil("--timestamp", "2000000000", port=node.port) as node:
        later = evm_source(node.url) if restarted else first
        if restarted:
            later.remember(before.facts)
        async with hearing(later) as heard:
            await heard.until(lambda: heard.gaps)
            await node.send(ALICE, CAROL)
            await heard.count(1)
    assert heard.told[0] == heard.gaps[0]
    assert heard.gaps[0].why == "127.0.0.1 knows another chain than before"
    assert heard.addresses == [ALICE]


async def test_a_node_of_another_chain_is_refused(node: Anvil) -> None:
    async with hearing(evm_source(node.url, chain="base", chain_id=8453)) as heard:
        failure = await heard.failed("another chain")
    assert failure.why == "127.0.0.1 is a node of another chain: its id is 1, and that of base is 8453"
    assert failure.refused


async def test_a_node_that_stands_still_is_told_until_it_moves(node: Anvil) -> None:
    async with hearing(evm_source(node.url, silent_after=timedelta(seconds=1))) as heard:
        await heard.failed("no block for 1s: 127.0.0.1 is at 0")
        alive = heard.told.count(Alive())
        await heard.failed("127.0.0.1 is still at block 0")
        assert heard.told.count(Alive()) == alive, "a connection alone is no sign of life"
        await node.send(ALICE, CAROL)
        await heard.count(1)
    assert heard.addresses == [ALICE]
