"""Whatever is posted as a hint: a status for whoever posts, hints about places, little work, no crash."""

from __future__ import annotations

import gzip
import json
from typing import Any, get_args

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import START
from tests.fuzz.conftest import fuzz
from tests.fuzz.test_answers import bodies, cuts, objects, texts, written
from tests.hints.webhooks import (
    KEY,
    NONCE,
    SOL,
    TX,
    WATCHED,
    A,
    B,
    alchemy,
    generic,
    quicknode,
    topic,
    webhook,
)
from watcher.domain.values.normalization import address_key
from watcher.hints.webhook.bodies import MOST_HINTS, Spellings, UnknownBodyError, read_generic, read_provider
from watcher.hints.webhook.settings import Scheme
from watcher.ports.hints import LONGEST_ID, Hint, Posted

KNOWN, KEYS = Spellings(WATCHED), {address_key(each.address) for each in WATCHED}

addresses = st.one_of(st.sampled_from([A, A.upper(), B, SOL, topic(A), "0x" + "0" * 64, TX]), texts)
names = st.sampled_from(["ETH_MAINNET", "BASE_MAINNET", "ethereum", "mine", "", "\u202e"])
dates = ["2026-03-10T12:00:00Z", "0x6553f100", "9" * 30, "0001-01-01T00:00:00+14:00"]
times = st.one_of(st.integers(), st.sampled_from(dates), texts)
ours = objects(hints=st.lists(objects(address=addresses, chain=names, id=texts, happened=times), max_size=4))
logs = objects(removed=st.booleans(), topics=st.lists(addresses, max_size=3), transactionHash=texts)
moves = objects(hash=texts, fromAddress=addresses, toAddress=addresses, log=logs, timestamp=times)
event = objects(network=names, activity=st.lists(moves, max_size=3), error=texts)
accounts = objects(
    account=addresses, nativeBalanceChange=st.integers(-1, 1), tokenBalanceChanges=st.lists(moves)
)
solana = objects(
    accountData=st.lists(accounts, max_size=3), signature=texts, blockTime=times,
    transaction=objects(signatures=st.lists(texts, max_size=2), message=st.lists(addresses, max_size=2)),
)  # fmt: skip
posts = st.one_of(
    objects(event=event, id=texts),
    st.lists(st.one_of(solana, moves), max_size=3),
    objects(data=moves, metadata=event),
)
anyhow = st.one_of(bodies, st.builds(written, st.one_of(ours, posts), cuts))


def printable(text: str) -> None:
    assert text.isprintable()


def sound(hints: tuple[Hint, ...], *, watched: bool) -> None:
    for each in hints:
        assert len(each.id) <= LONGEST_ID
        assert len(each.where.chain) <= 100
        assert len(each.where.address) <= 200
        assert not watched or each.where.address in KEYS
        assert each.happened is None or each.happened.tzinfo is not None


@fuzz
@given(anyhow)
@example(b"[" * 100_000)
@example(b'{"hints":[{"address":"0x1","happened":"9999-12-31T23:59:59-14:00"}]}')
@example(b'{"hints":[{"address":"0x1","happened":"0001-01-01T00:00:00+14:00"}]}')
@example(b'{"hints":[{"address":"\\ud83d"}]}')
def test_bodies_of_our_own_scheme(body: bytes) -> None:
    try:
        found = read_generic(body, KNOWN, {"mine": "ethereum"}, NONCE)
    except UnknownBodyError as error:
        printable(str(error))
        return
    assert len(found.hints) <= MOST_HINTS
    sound(found.hints, watched=False)


@fuzz
@given(anyhow, st.sampled_from(["ethereum", "", None]))
@example(b"[" * 100_000, "")
@example(b'{"event":{"error":{"a":"\\u001b[31m"}}}', "")
@example(json.dumps([A] * 60_000).encode(), "")
def test_bodies_of_providers(body: bytes, chain: str | None) -> None:
    try:
        found = read_provider(body, KNOWN, lambda _network: chain)
    except UnknownBodyError as error:
        printable(str(error))
        return
    assert found.trouble.isprintable()
    assert len(found.trouble) < 300
    sound(found.hints, watched=True)


HEADERS = [
    "x-watcher-signature", "x-watcher-nonce", "x-watcher-timestamp", "x-alchemy-signature", "x-qn-signature",
    "x-qn-nonce", "x-qn-timestamp", "authorization", "content-encoding",
]  # fmt: skip
values = st.one_of(
    st.text(max_size=20), st.sampled_from(["gzip", "sha256=", "1773144000", KEY, "\udcff", NONCE])
)


@fuzz
@given(
    st.sampled_from(get_args(Scheme)), anyhow, st.dictionaries(st.sampled_from(HEADERS), values, max_size=5)
)
def test_requests_that_nobody_signed(scheme: str, body: bytes, headers: dict[str, str]) -> None:
    hook = webhook(scheme)
    receipt = hook.receive(Posted(headers, body, START))
    if scheme != "helius" or headers.get("authorization") != KEY:
        assert receipt.status == 401
        assert hook._inbox.take() is None


@fuzz
@given(st.sampled_from(["generic", "alchemy", "quicknode"]), anyhow, st.booleans())
def test_requests_that_are_signed(scheme: str, body: bytes, packed: bool) -> None:
    hook = webhook(scheme)
    headers: dict[str, Any] = {
        "generic": generic(body, START), "alchemy": alchemy(body), "quicknode": quicknode(body, START),
    }[scheme]  # fmt: skip
    sent = gzip.compress(body) if packed else body
    receipt = hook.receive(Posted(headers | ({"content-encoding": "gzip"} if packed else {}), sent, START))
    assert receipt.status in ((200, 400) if scheme == "generic" else (200,))
    assert receipt.said.isprintable()
