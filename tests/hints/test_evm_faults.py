"""A node that refuses, lies or breaks: each fault has its words and no secret; what was missed is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.anvil import ALICE, BOB, CAROL
from tests.certificates import Authority
from tests.hints.evm import QUICK, evm_source
from tests.hints.hearing import Hearing, hearing
from tests.hints.scripted_node import (
    RefusalError,
    ScriptedNode,
    SilenceError,
    block_of,
    hash_of,
    paid,
    scripted,
)
from tests.proxy import proxying
from watcher.domain.records import replace
from watcher.hints.evm.wire import TRANSFER, topic_of
from watcher.ports.hints import Alive, Hint, HintSourceError

KEY = "key-0123456789abcdef"
MEGABYTE = replace(QUICK, largest=1024 * 1024)


@pytest.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    async with scripted() as node:
        yield node


async def failure_of(url: str, **changed: Any) -> HintSourceError:
    """Why the first connection ended."""
    with pytest.raises(HintSourceError) as caught:
        async for _ in evm_source(url, **changed).listen():
            pass
    assert KEY not in str(caught.value)
    assert len(caught.value.why) < 400
    assert caught.value.why.isprintable()
    return caught.value


def refusing(code: int, message: str) -> Any:
    def answer(*_: Any) -> None:
        raise RefusalError(code, message)

    return answer


def silent(*_: Any) -> None:
    raise SilenceError


def log_of(number: int, sender: str, receiver: str, amount: int = 1, **more: Any) -> dict[str, Any]:
    """A transfer of a token in a block."""
    return {
        "address": CAROL,
        "topics": [TRANSFER, topic_of(sender), topic_of(receiver)],
        "data": f"0x{amount:064x}",
        "blockNumber": hex(number),
        "blockHash": hash_of(number),
        "transactionHash": hash_of(number, "7"),
        "logIndex": "0x0",
        **more,
    }


@pytest.mark.parametrize(
    ("status", "words", "refused"),
    [
        (401, "127.0.0.1 answered 401: it does not take the key in the url", True),
        (403, "127.0.0.1 answered 403: it does not take the key in the url", True),
        (429, "127.0.0.1 answered 429: what it allows is used up", True),
        (404, "127.0.0.1 answered 404 and opened no WebSocket; is the url right?", True),
        (200, "127.0.0.1 answered 200 and opened no WebSocket; is the url right?", True),
        (503, "127.0.0.1 answered 503", False),
    ],
)
async def test_who_is_not_let_in_hears_why(
    node: ScriptedNode, status: int, words: str, *, refused: bool
) -> None:
    node.status = status
    failure = await failure_of(f"{node.url}/{KEY}")
    assert (failure.why, failure.refused) == (words, refused)


async def test_the_key_is_not_carried_to_where_a_node_points(node: ScriptedNode) -> None:
    async with scripted() as other:
        node.status, node.headers = 302, {"Location": other.url.replace("ws:", "http:")}
        failure = await failure_of(f"{node.url}/{KEY}")
        assert other.calls == []
    assert failure.why == "127.0.0.1 answered 302 and opened no WebSocket; is the url right?"


async def test_nobody_there_is_said_without_the_key() -> None:
    failure = await failure_of(f"ws://127.0.0.1:1/{KEY}")
    assert (failure.why, failure.refused) == ("127.0.0.1: connection refused", False)


@pytest.mark.parametrize(
    ("code", "said", "refused"),
    [
        (-32005, "daily request count exceeded, request rate limited", True),
        (-32000, "Unauthorized: invalid api key", True),
        (-32601, "the method does not exist", True),
        (-32000, "header not found", False),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_the_node(
    node: ScriptedNode, code: int, said: str, *, refused: bool
) -> None:
    node.answers["eth_chainId"] = refusing(code, said)
    failure = await failure_of(node.url)
    assert failure.why == f"127.0.0.1 refuses eth_chainId: {said}"
    assert failure.refused is refused


async def test_a_node_that_was_asked_too_fast_is_asked_again_a_moment_later(node: ScriptedNode) -> None:
    def once_in_a_while(_tag: str, _whole: bool) -> Any:
        if len(node.asked("eth_getBlockByNumber")) < 2:
            raise RefusalError(429, "Your app has exceeded its compute units per second capacity")
        return node.blocks[-1]

    node.answers["eth_getBlockByNumber"] = once_in_a_while
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
    assert heard.failures == []


async def test_too_many_addresses_for_a_filter_are_told_with_the_setting(node: ScriptedNode) -> None:
    node.answers["eth_subscribe"] = refusing(-32602, f"too many topics\x1b[31m for {KEY} " + "x" * 5000)
    failure = await failure_of(f"{node.url}/v3/{KEY}")
    words = "127.0.0.1 refuses a subscription to 2 addresses (addresses_per_filter): too many topics"
    assert failure.why.startswith(f"{words}[31m for *** xxx")
    assert failure.refused


@pytest.mark.parametrize(
    "place", [f"/{KEY}", f"/v2/{KEY}/", f"/?apikey={KEY}", f"/?{KEY}", f"/{KEY}?network=mainnet"]
)
async def test_a_key_that_a_node_repeats_is_not_told(node: ScriptedNode, place: str) -> None:
    node.answers["eth_chainId"] = refusing(
        -32000, f"no such project: {KEY.upper()} or {KEY} at {node.url}{place}"
    )
    failure = await failure_of(node.url + place)
    assert KEY.upper() not in failure.why
    assert "no such project" in failure.why


@pytest.mark.parametrize(
    "message",
    [
        "not json",
        "[" * 10_000,
        "null",
        '{"jsonrpc":"2.0","params":{"result":{"topics":5}}}',
        '{"jsonrpc":"2.0","params":{"result":{"number":"0x1"}}}',
        '{"jsonrpc":"2.0","params":{"result":{"number":"0xffffffffffffffffffffff","hash":"","parentHash":""}}}',
        '{"jsonrpc":"2.0","params":{"result":[]}}',
        b"\xff\xfe",
        b'{"id": 1, "result": "0x1"}',
    ],
)
async def test_garbage_ends_the_connection_and_nothing_else(node: ScriptedNode, message: str | bytes) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.say(message)
        failure = await heard.failed("127.0.0.1 sent ")
        await heard.alive()
    assert not failure.refused


@pytest.mark.parametrize(
    "message",
    [
        '{"jsonrpc":"2.0","id":999,"result":"0x1"}',
        '{"jsonrpc":"2.0","id":"abc","result":"0x1"}',
        '{"jsonrpc":"2.0","id":null,"error":"what"}',
        '{"jsonrpc":"2.0"}',
        "{}",
    ],
)
async def test_answers_that_nobody_asked_for_are_passed_over(node: ScriptedNode, message: str) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.say(message)
        node.grow()
        await node.tell(node.blocks[-1])
        await heard.until(lambda: heard.facts.get("block") == "1")
    assert heard.failures == []


@pytest.mark.parametrize("answer", [5, None, "no number", {}, [], "0x" + "f" * 100])
async def test_an_answer_of_another_shape_is_a_fault_in_words(node: ScriptedNode, answer: Any) -> None:
    node.answers["eth_chainId"] = lambda: answer
    assert (await failure_of(node.url)).why == "127.0.0.1 sent a number that cannot be read"


async def test_a_call_without_an_answer_is_not_waited_for_for_ever(node: ScriptedNode) -> None:
    node.answers["eth_chainId"] = silent
    failure = await failure_of(node.url, limits=replace(QUICK, call=0.1))
    assert failure.why == "127.0.0.1 did not answer eth_chainId within 0.1 s"


async def test_a_message_beyond_all_measure_is_not_read(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url, MEGABYTE)) as heard:
        await heard.alive()
        await node.say('{"params":"' + "x" * 2_000_000 + '"}')
        await heard.failed("a message of 127.0.0.1 is longer than 1 MB")


async def test_the_reason_of_a_node_that_hangs_up_is_told(node: ScriptedNode) -> None:
    async with hearing(evm_source(f"{node.url}/{KEY}")) as heard:
        await heard.alive()
        await node.hang_up(1008, f"monthly quota of {KEY} is used up".encode())
        failure = await heard.failed("closed the connection")
    assert failure.why == "127.0.0.1 closed the connection (code 1008: monthly quota of *** is used up)"
    assert failure.refused


async def test_the_same_event_has_the_same_id_and_its_removal_another(node: ScriptedNode) -> None:
    log = log_of(0, ALICE, BOB)
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.tell(log, log, {**log, "removed": True}, {**log, "removed": True})
        await heard.count(4)
    told = [each for each in heard.told if isinstance(each, Hint)]
    assert len(told) == 8
    assert [each.rpartition(":")[2] for each in heard.hints][2:] == ["removed", "removed"]


async def test_tokens_that_are_one_of_their_kind_are_in_no_balance(node: ScriptedNode) -> None:
    log = log_of(0, ALICE, BOB)
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.tell({**log, "topics": [*log["topics"], hash_of(7)], "data": "0x"})
        await node.tell(log_of(0, CAROL, BOB))
        await heard.count(1)
    assert heard.addresses == [BOB]


async def test_fees_and_withdrawals_of_a_validator_are_told(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        withdrawal = {"index": "0x5", "validatorIndex": "0x1", "address": BOB, "amount": "0x1"}
        node.grow(block_of(1, miner=ALICE, withdrawals=[withdrawal]))
        await node.tell(node.blocks[-1])
        await heard.count(2)
    assert heard.addresses == [BOB, ALICE]


async def test_heads_that_are_left_out_are_looked_at_as_well(node: ScriptedNode) -> None:
    missed = log_of(3, CAROL, BOB)
    node.answers["eth_getLogs"] = lambda asked: [missed] if asked["fromBlock"] == "0x1" else []
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.grow(block_of(1), block_of(2, transactions=[paid(1, ALICE, CAROL)]), block_of(3), block_of(4))
        await node.tell(node.blocks[-1])
        await heard.count(2)
    assert sorted(heard.addresses) == sorted([ALICE, BOB])


async def test_a_block_that_is_not_there_yet_is_asked_for_again(node: ScriptedNode) -> None:
    asked: list[str] = []

    def late(tag: str, whole: bool) -> Any:
        asked.append(tag)
        if tag == "0x1" and asked.count(tag) < 3:
            return None
        return node._eth_getBlockByNumber(tag, whole)

    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.grow(block_of(1, transactions=[paid(1, CAROL, ALICE)]))
        node.answers["eth_getBlockByNumber"] = late
        await node.tell(node.blocks[-1])
        await heard.count(1)
    assert heard.failures == []


async def all_of(heard: Hearing, node: ScriptedNode) -> None:
    """Everything of the chain was told."""
    await heard.until(lambda: heard.facts.get("block") == str(len(node.blocks) - 1))


async def missing(node: ScriptedNode, heard: Hearing, blocks: int) -> None:
    """So many blocks that come while there is no connection."""
    await heard.alive()
    node.status = 503
    await node.hang_up(1001, b"")
    await heard.failed("answered 503")
    for number in range(len(node.blocks), len(node.blocks) + blocks):
        node.grow(block_of(number))
    node.status = None


async def test_a_log_whose_head_came_first_is_told_after_a_cut(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.grow(*(block_of(number) for number in range(1, 6)))
        await node.tell(node.blocks[-1])
        await all_of(heard, node)
        node.answers["eth_getLogs"] = lambda asked: (
            [log_of(5, CAROL, BOB)] if int(asked["fromBlock"], 16) <= 5 else []
        )
        await node.hang_up(1001, b"")
        await heard.count(1)
    assert heard.addresses == [BOB]


async def test_a_log_whose_head_never_came_is_taken_back(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        await node.tell(log_of(1, CAROL, BOB))
        await heard.count(1)
        node.grow(block_of(1, "f", parent=hash_of(0)))
        await node.hang_up(1001, b"")
        await heard.count(2)
    told, taken = heard.hints
    assert taken == f"{told}:removed"


async def test_ranges_of_logs_are_made_as_small_as_the_node_allows(node: ScriptedNode) -> None:
    def at_most_ten(asked: dict[str, Any]) -> Any:
        first, last = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if last - first >= 10:
            raise RefusalError(-32000, "up to a 10 block range on the free tier; upgrade your plan")
        return [log_of(number, CAROL, BOB) for number in range(first, last + 1) if number % 7 == 0]

    node.answers["eth_getLogs"] = at_most_ten
    async with hearing(evm_source(node.url)) as heard:
        await missing(node, heard, 100)
        await all_of(heard, node)
    assert heard.addresses == [BOB] * 15
    assert heard.gaps == []


async def test_logs_of_a_block_that_is_not_everywhere_yet_are_asked_for_again(node: ScriptedNode) -> None:
    behind: list[int] = []

    def lagging(asked: dict[str, Any]) -> Any:
        if int(asked["toBlock"], 16) == 20 and behind and behind.pop():
            raise RefusalError(-32000, "one of the blocks specified in filter cannot be found")
        return [log_of(20, CAROL, BOB)] if int(asked["toBlock"], 16) == 20 else []

    async with hearing(evm_source(node.url)) as heard:
        await missing(node, heard, 20)
        node.answers["eth_getLogs"] = lagging
        behind[:] = [1] * 3
        await heard.count(1)
    assert heard.gaps == []


async def test_logs_that_cannot_be_had_are_one_gap(node: ScriptedNode) -> None:
    node.answers["eth_getLogs"] = refusing(-32000, "log index is off")
    async with hearing(evm_source(node.url)) as heard:
        await missing(node, heard, 100)
        await all_of(heard, node)
    assert [each.why for each in heard.gaps] == ["127.0.0.1 tells no logs: log index is off"]
    assert heard.gaps[0].since is not None


async def test_a_block_that_is_too_long_is_one_gap_and_the_others_are_told(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url, MEGABYTE)) as heard:
        await missing(node, heard, 20)
        node.blocks[7]["extraData"] = "0x" + "00" * 1_000_000
        node.blocks[9]["transactions"] = [paid(9, ALICE, CAROL)]
        node.answers["eth_getBlockByNumber"] = lambda tag, whole: (
            {**(node._eth_getBlockByNumber(tag, whole) or {}), **({} if whole else {"extraData": "0x"})}
        )
        await heard.count(1)
        await all_of(heard, node)
    assert [each.why for each in heard.gaps] == ["block 7: a message of 127.0.0.1 is longer than 1 MB"]
    assert heard.addresses == [ALICE]


async def test_logs_that_are_too_long_are_one_gap(node: ScriptedNode) -> None:
    def long_at_seven(asked: dict[str, Any]) -> Any:
        here = int(asked["fromBlock"], 16) <= 7 <= int(asked["toBlock"], 16)
        return [log_of(7, ALICE, BOB, junk="x" * 2_000_000)] if here else []

    async with hearing(evm_source(node.url, MEGABYTE)) as heard:
        node.answers["eth_getLogs"] = long_at_seven
        await missing(node, heard, 20)
        await all_of(heard, node)
    assert [each.why for each in heard.gaps] == [
        "logs of block 7: a message of 127.0.0.1 is longer than 1 MB"
    ]


async def test_a_node_that_lags_behind_is_waited_for(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.grow(*(block_of(number) for number in range(1, 9)))
        await node.tell(*node.blocks[1:])
        await all_of(heard, node)
        ahead, node.blocks = node.blocks, node.blocks[:5]
        await node.hang_up(1001, b"")
        await heard.alive()
        node.blocks = [*ahead, block_of(9, transactions=[paid(1, ALICE, CAROL)])]
        await node.tell(node.blocks[5], node.blocks[9])
        await heard.count(1)
    assert heard.gaps == []


async def test_a_deep_reorganisation_is_a_gap_and_is_followed(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.blocks = [block_of(number) for number in range(101)]
        await node.tell(node.blocks[-1])
        await all_of(heard, node)
        node.blocks = [block_of(number, "f") for number in range(101)]
        node.grow(block_of(101, "f", transactions=[paid(1, ALICE, CAROL)]))
        await node.tell(node.blocks[-1])
        await heard.count(1)
    assert [each.why for each in heard.gaps] == ["127.0.0.1 has replaced more blocks than are remembered"]
    assert heard.addresses == [ALICE]


async def test_a_node_whose_blocks_do_not_fit_together_is_not_asked_for_ever(node: ScriptedNode) -> None:
    async with hearing(evm_source(node.url)) as heard:
        await heard.alive()
        node.grow(*(block_of(number, parent=hash_of(99, "f")) for number in range(1, 4)))
        await node.tell(node.blocks[-1])
        await heard.failed("the blocks of 127.0.0.1 do not fit together")


async def test_a_balance_that_a_call_inside_a_transaction_moved_is_told(node: ScriptedNode) -> None:
    held = {ALICE: "0x5", BOB: "0x6"}
    node.answers["eth_getBalance"] = lambda address, _tag: held[address]
    async with hearing(evm_source(node.url, native="balances")) as heard:
        await heard.alive()
        held[BOB] = "0x7"
        node.grow()
        await node.tell(node.blocks[-1])
        await heard.count(1)
    assert heard.addresses == [BOB]


async def test_balances_that_are_not_kept_are_a_gap(node: ScriptedNode) -> None:
    node.answers["eth_getBalance"] = lambda _, tag: (
        refusing(-32000, "missing trie node")() if tag != "latest" else "0x1"
    )
    source = evm_source(node.url, native="balances")
    source.remember({"chain": "ethereum", "block": "0", "hashes": hash_of(0), "since": ""})
    async with hearing(source) as heard:
        await heard.until(lambda: heard.told)
    assert [each.why for each in heard.gaps] == ["127.0.0.1 knows no balances of block 0: missing trie node"]


async def test_a_gap_that_could_not_be_told_is_told_by_the_next_connection(node: ScriptedNode) -> None:
    node.blocks = [block_of(number) for number in range(100)]
    node.answers["eth_getBalance"] = silent
    limits = replace(QUICK, call=0.2)
    source = evm_source(node.url, limits, native="balances", catch_up=1)
    since = "2026-03-01T12:00:00+00:00"
    source.remember({"chain": "ethereum", "block": "0", "hashes": hash_of(0), "since": since})
    async with hearing(source) as heard:
        await heard.failed("did not answer eth_getBalance")
        del node.answers["eth_getBalance"]
        await heard.until(lambda: heard.gaps)
    (gap,) = heard.gaps
    assert gap.why == "99 blocks were missed, and the last 50 of them are looked at"
    assert gap.since is not None
    assert gap.since.isoformat() == since


async def test_a_slow_reader_holds_a_bounded_number_of_events_and_misses_none(node: ScriptedNode) -> None:
    source = evm_source(node.url, replace(QUICK, waiting=50))
    told = source.listen()
    assert await anext(told) == Alive()
    await node.tell(*(log_of(number, CAROL, BOB) for number in range(1, 200)))
    with pytest.raises(HintSourceError, match=r"127.0.0.1 tells more than can be taken"):
        async for _ in told:
            pass
    node.blocks = [block_of(number) for number in range(200)]
    node.answers["eth_getLogs"] = lambda _: [log_of(number, CAROL, BOB) for number in range(1, 200)]
    async with hearing(source) as heard:
        await heard.count(199)
    assert heard.gaps == []


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"block": "x", "hashes": hash_of(0)},
        {"block": "-1", "hashes": hash_of(0)},
        {"block": "9" * 400, "hashes": hash_of(0)},
        {"block": "5", "hashes": ""},
        {"block": "5", "hashes": "0x12 0x13"},
    ],
)
async def test_a_bookmark_that_cannot_be_read_is_none(node: ScriptedNode, facts: dict[str, str]) -> None:
    source = evm_source(node.url)
    source.remember({"chain": "ethereum", **facts})
    async with hearing(source) as heard:
        await heard.until(lambda: heard.facts)
    assert heard.told[0] == Alive()
    assert heard.facts["block"] == "0"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted, as by SSL_CERT_FILE when the process begins; no proxy of the machine that runs the tests."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    authority = Authority(tmp_path)
    authority.is_trusted(monkeypatch)
    return authority


async def test_the_key_goes_through_the_tunnel_of_a_proxy(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scripted(authority.serves()) as node, proxying() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with hearing(evm_source(f"{node.url}/{KEY}")) as heard:
            await heard.alive()
            node.grow(block_of(1, transactions=[paid(1, ALICE, BOB)]))
            await node.tell(node.blocks[-1])
            await heard.count(2)
    assert proxy.heads[0].startswith(f"CONNECT {node.url.removeprefix('wss://')} ")
    assert KEY.encode() not in proxy.read


async def test_a_certificate_of_nobody_is_refused_in_words(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with scripted(Authority(tmp_path / "other", "another one").serves()) as node:
        failure = await failure_of(f"{node.url}/{KEY}")
    assert "the issuer of its certificate is not trusted" in failure.why
