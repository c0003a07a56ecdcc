"""Which hints are found in what providers post: watched addresses alone, once for each transaction."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.fakes import START
from tests.hints.webhooks import (
    SOL,
    STRANGER,
    TX,
    WATCHED,
    A,
    B,
    activity,
    alchemy,
    as_json,
    hints,
    post,
    topic,
    webhook,
)
from watcher.domain.values.text import clean
from watcher.hints.webhook.bodies import MOST_HINTS, MOST_PARTS, Spellings, read_generic, read_provider
from watcher.ports.hints import LONGEST_ID, Hint, Where

KNOWN = Spellings(WATCHED)
THEN = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def found(value: Any, chain: str = "ethereum") -> list[Hint]:
    body = value if isinstance(value, bytes) else as_json(value)
    return list(read_provider(body, KNOWN, lambda _network: chain).hints)


def keys(value: Any) -> set[str]:
    return {each.where.address for each in found(value)}


def test_a_transfer_that_alchemy_tells_of_is_one_hint_for_each_watched_side() -> None:
    assert {(each.where, each.id) for each in found(activity(A, B))} == {
        (Where("ethereum", A), f"{A} {TX}"),
        (Where("ethereum", B), f"{B} {TX}"),
    }
    assert keys(activity(STRANGER, B)) == {B}
    assert keys(activity(STRANGER)) == set()


def test_a_transfer_that_is_taken_back_is_another_event() -> None:
    there, back = found(activity(A)), found(activity(A, removed=True))
    assert [each.id for each in (*there, *back)] == [f"{A} {TX}", f"{A} {TX} removed"]


@pytest.mark.parametrize(
    ("network", "chain"), [("ETH_MAINNET", "ethereum"), ("BASE_MAINNET", "base"), ("MATIC_MAINNET", None)]
)
def test_a_network_of_alchemy_that_no_chain_is_named_for_is_not_wanted(
    network: str, chain: str | None
) -> None:
    hook, body = webhook("alchemy"), activity(A, network=network)
    said = post(hook, body, alchemy(body), START).said
    assert said == ("0 hints taken" if chain is None else "1 hint taken")
    assert hook._chain_of(network) == chain


@pytest.mark.parametrize(
    ("chains", "network", "chain"),
    [
        ({}, "", ""),
        ({}, "ethereum-mainnet", ""),
        ({"ethereum-mainnet": "ethereum"}, "ethereum-mainnet", "ethereum"),
        ({"ethereum-mainnet": "ethereum"}, "", "ethereum"),
        ({"eth": "ethereum"}, "ethereum-mainnet", "ethereum"),
        ({"eth": "ethereum", "base": "base-wallet"}, "base", "base"),
        ({"eth": "ethereum", "base": "base-wallet"}, "", ""),
    ],
)
def test_what_quicknode_posts_is_of_the_network_that_it_names_or_of_the_only_one(
    chains: dict[str, str], network: str, chain: str
) -> None:
    assert webhook("quicknode", chains=chains)._chain_of(network) == chain


RECEIPT = {"transactionHash": TX, "from": A.upper().replace("0X", "0x"), "to": STRANGER, "logs": []}
LOG = {
    "address": STRANGER,
    "transactionHash": TX,
    "topics": ["0xddf2", topic(STRANGER), topic(B)],
    "data": "0x",
}


@pytest.mark.parametrize(
    "body",
    [
        [RECEIPT, LOG],
        {"matchingReceipts": [RECEIPT], "matchingTransactions": [LOG]},
        {
            "data": [[{"block": {"hash": "0xb", "transactions": [{**RECEIPT, "hash": TX}]}}, LOG]],
            "metadata": {},
        },
    ],
)
def test_whatever_a_filter_of_quicknode_makes_of_it_watched_addresses_are_found(body: Any) -> None:
    assert sorted(each.id for each in found(body)) == sorted([f"{A} {TX}", f"{B} {TX}"])


ENHANCED = {
    "accountData": [
        {"account": SOL, "nativeBalanceChange": -72938049280, "tokenBalanceChanges": []},
        {"account": A, "nativeBalanceChange": 0, "tokenBalanceChanges": []},
        {"account": "x", "nativeBalanceChange": 0, "tokenBalanceChanges": [{"userAccount": B}]},
    ],
    "feePayer": "x", "signature": "sig1", "slot": 171942732, "timestamp": 1700000000, "type": "NFT_SALE",
}  # fmt: skip
RAW = {
    "blockTime": 1700000000, "meta": {"postTokenBalances": [{"owner": B}]}, "slot": 171341028,
    "transaction": {"message": {"accountKeys": [SOL, "x"]}, "signatures": ["sig1", "sig2"]},
}  # fmt: skip


@pytest.mark.parametrize("body", [[ENHANCED], [RAW]], ids=["enhanced", "raw"])
def test_helius_tells_of_accounts_that_moved_and_of_the_time_of_the_block(body: Any) -> None:
    told = {(each.where.address, each.id, each.happened) for each in found(body, "solana")}
    assert told == {(SOL, f"{SOL} sig1", THEN), (B, f"{B} sig1", THEN)}


def test_without_a_transaction_the_body_itself_is_the_event() -> None:
    (one,), (same,), (other,) = found([A]), found([A]), found([A, 1])
    assert one.id == same.id != other.id


def test_of_a_body_without_end_only_so_much_is_looked_at() -> None:
    assert keys([A] + [""] * MOST_PARTS) == set()
    assert keys([""] * MOST_PARTS + [A]) == {A}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps([A] * 20_000),
        json.dumps([{"hash": f"{number}", "from": A} for number in range(20_000)]),
        '{"a":[' * 400 + ",".join([f'{{"to":"{A}"}}'] * 20_000) + "]}" * 400,
    ],
    ids=["one address", "many events", "deep inside"],
)
def test_a_body_full_of_watched_addresses_is_read_in_a_moment(body: str) -> None:
    began = time.process_time()
    assert 1 <= len(found(body.encode())) <= MOST_HINTS
    assert time.process_time() - began < 1, "some 0.05 s"


def test_times_that_cannot_be_are_no_times() -> None:
    for odd in (-1, 0, True, 1.5, 10**30, "0x", "0xzz", "1700000000", None, "0x" + "f" * 16, 1700000000000):
        assert [each.happened for each in found([{"hash": "h", "timestamp": odd, "from": A}])] == [None]
    assert found([{"blockTimestamp": hex(1700000000), "from": A}])[0].happened == THEN


def test_our_own_bodies_may_name_a_chain_an_id_and_a_time() -> None:
    body = json.dumps(
        {"hints": [
            {"address": A, "chain": "Base-Wallet", "id": "i" * 500, "happened": "2023-11-14T23:13:20+01:00"},
            {"address": A}, {"address": STRANGER, "chain": "mine", "id": "a\u202eb\n", "more": 1},
        ]}
    ).encode()  # fmt: skip
    first, second, third = read_generic(body, KNOWN, {"mine": "ethereum"}, "nonce").hints
    assert (first.where, first.happened, len(first.id)) == (Where("base", A), THEN, 200)
    assert (second.where, second.id) == (Where("", A), f"{A}  nonce")
    assert third.where == Where("ethereum", STRANGER)
    assert third.id.startswith(f"{STRANGER} ethereum ab  ")


@pytest.mark.parametrize(
    "ids", [("i" * 500 + "1", "i" * 500 + "2"), (" ", "\n"), ("\0", "\u202e"), ("a", "a\n"), ("a", "a ")]
)
def test_ids_that_differ_only_in_what_cannot_be_shown_are_two_hints(ids: tuple[str, str]) -> None:
    """The second would be taken for told before, and its change found by the schedule, hours later."""
    told = [read_generic(hints(A, id=each), KNOWN, {}, "nonce").hints[0].id for each in (*ids, *ids)]
    assert told[0] != told[1]
    assert told[:2] == told[2:]
    assert all(len(each) <= LONGEST_ID and clean(each) == each for each in told)


def test_one_id_for_both_sides_of_a_transfer_is_two_hints() -> None:
    told = read_generic(hints(A, B, id="tx"), KNOWN, {}, "nonce").hints
    assert len({each.id for each in told}) == 2
