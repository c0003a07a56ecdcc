"""Whatever an EVM node sends: what is watched and moved, by printable names of bounded length, or words why
not; no crash."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz
from tests.fuzz.test_answers import anything, bodies, cuts, objects, texts, written
from watcher.hints.evm.chain import ToldChain
from watcher.hints.evm.wire import (
    TRANSFER,
    BlockHead,
    Moved,
    NodeAnswer,
    UnreadableError,
    read_block,
    read_event,
    read_head,
    read_logs,
    read_message,
    read_quantity,
    topic_of,
)

ALICE = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
BOB = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"
WATCHED = {ALICE, BOB}
HASH = "0x" + "ab" * 32

quantities = st.one_of(
    st.integers(0, 2**70).map(hex), texts, st.sampled_from(["0x", "0x-1", "0X1_0", "0xff\n"])
)
hashes = st.one_of(st.sampled_from([HASH, HASH.upper(), HASH[:-1], HASH + "\n"]), texts)
addresses = st.one_of(st.sampled_from([ALICE, BOB.upper().replace("X", "x"), "0x" + "1" * 40]), texts)
topics = st.lists(st.one_of(st.sampled_from([TRANSFER, topic_of(ALICE), topic_of(BOB)]), texts), max_size=5)
logs = objects(
    topics=topics, data=st.one_of(st.just("0x1"), texts), transactionHash=hashes, blockHash=hashes,
    blockTimestamp=quantities, removed=st.booleans(),
)  # fmt: skip
heads = objects(number=quantities, hash=hashes, parentHash=hashes, timestamp=quantities)
transactions = objects(**{"hash": hashes, "from": addresses, "to": addresses, "value": quantities})
withdrawals = objects(index=quantities, address=addresses)
blocks = objects(
    number=quantities, hash=hashes, parentHash=hashes, timestamp=quantities, miner=addresses,
    transactions=st.lists(transactions, max_size=3), withdrawals=st.lists(withdrawals, max_size=2),
)  # fmt: skip
messages = objects(
    id=st.one_of(st.integers(-3, 9), texts),
    params=objects(subscription=texts, result=st.one_of(logs, heads)),
    result=anything, error=objects(code=st.integers(), message=texts),
)  # fmt: skip


def sound(moved: Moved) -> None:
    assert moved.addresses
    assert set(moved.addresses) <= WATCHED
    assert re.fullmatch(r"0x[0-9a-f]{64}|fees|withdrawal-[0-9]{1,20}", moved.event)
    assert re.fullmatch(r"0x[0-9a-f]{64}", moved.block)


def sound_head(head: BlockHead) -> None:
    assert 0 <= head.number < 2**64
    assert all(re.fullmatch(r"0x[0-9a-f]{64}", each) for each in (head.hash, head.parent))


@fuzz
@given(st.one_of(bodies, st.builds(written, messages, cuts)))
@example(b"[" * 5000)
@example(b'{"id":1,"error":[[[]]]}')
def test_messages_of_a_node(data: bytes) -> None:
    try:
        message = read_message(data)
        if isinstance(message, NodeAnswer):
            assert isinstance(message.id, int)
            return
        event = None if message is None else read_event(message, WATCHED)
    except UnreadableError:
        return
    if isinstance(event, Moved):
        sound(event)
    elif event is not None:
        sound_head(event)


@fuzz
@given(st.one_of(bodies, st.builds(written, blocks, cuts)))
def test_blocks_of_a_node(data: bytes) -> None:
    try:
        block = read_block(msgspec.Raw(data), WATCHED)
    except UnreadableError:
        return
    if block is not None:
        sound_head(block.head)
        for moved in block.moved:
            sound(moved)


@fuzz
@given(st.one_of(bodies, st.builds(written, st.lists(logs, max_size=3), cuts)))
def test_logs_of_a_node(data: bytes) -> None:
    try:
        found = read_logs(msgspec.Raw(data), WATCHED)
    except UnreadableError:
        return
    for moved in found:
        sound(moved)


@fuzz
@given(st.one_of(bodies, st.builds(written, st.one_of(heads, quantities), cuts)))
def test_heads_and_numbers_of_a_node(data: bytes) -> None:
    for read in (read_head, read_quantity):
        try:
            found: Any = read(msgspec.Raw(data))
        except UnreadableError:
            continue
        if isinstance(found, BlockHead):
            sound_head(found)


@fuzz
@given(
    st.dictionaries(
        st.sampled_from(["block", "hashes", "since", "chain"]), st.one_of(texts, hashes, quantities)
    )
)
@example({"block": "5", "hashes": HASH, "since": "2026-01-01T00:00:00"})
def test_bookmarks_of_a_node(facts: dict[str, str]) -> None:
    chain = ToldChain()
    chain.recall(facts)
    if chain.at is not None:
        again = ToldChain()
        again.recall(json.loads(json.dumps(chain.facts())))
        assert again.facts() == chain.facts()
