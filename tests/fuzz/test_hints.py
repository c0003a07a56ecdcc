"""Whatever hint sources are sent: hints with a place and an id that are fit to keep, or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz
from tests.fuzz.test_answers import A, B, bodies, cuts, objects, texts, written
from watcher.hints.teos.wire import read_event, read_queue, where_of
from watcher.hints.teos_poll.looks import Row
from watcher.hints.teos_poll.operations import read_operations
from watcher.hints.teos_poll.transactions import read_transactions
from watcher.ports.hints import LONGEST_ID, Hint, HintSourceError, Where

events = objects(
    AddressId=texts, Receiver=texts, TransactionSigner=texts, AssetId=texts, TransactionHash=texts,
    TransactionGuid=texts, NewBalance=texts,
)  # fmt: skip


times = st.one_of(
    texts,
    st.sampled_from(["2021-12-22T13:24:57", "2025-10-10T09:57:38.4911234Z", "0001-01-01T00:00:00"]),
)
PLACES = frozenset({where_of(A), where_of(B)})


def sound(hints: list[Hint]) -> None:
    assert len({hint.id for hint in hints}) == len(hints)
    for hint in hints:
        assert 0 < len(hint.id) <= LONGEST_ID
        assert hint.where.address
        assert len(hint.where.address) <= LONGEST_ID
        assert f"{hint.id}{hint.where.address}".isprintable()


@fuzz
@given(st.one_of(bodies, st.builds(written, st.one_of(events, st.lists(events, max_size=3)), cuts)))
@example(b"[" * 60_000)
@example(b'{"AddressId":"' + b"0" * 40 + b'","TransactionHash":"' + b"f" * 100 + b'"}')
def test_teos_events(data: bytes) -> None:
    sound(read_event(data))


operations = objects(
    Sender=texts, Receiver=texts, BlockchainTransactionId=texts, UniqueAssetId=texts, Sparks=texts,
    DateTime=times,
)  # fmt: skip
transactions = objects(
    Id=texts, State=texts, SignedBy=texts, DataAsJson=texts, OnUpdated=times, OnConfirmed=times
)  # fmt: skip


@fuzz
@given(
    st.one_of(
        bodies,
        st.builds(written, objects(value=st.lists(st.one_of(operations, transactions), max_size=3)), cuts),
        st.builds(written, st.lists(st.one_of(operations, transactions), max_size=3), cuts),
    ),
    st.sampled_from([read_operations, read_transactions]),
)
@example(b"[" * 60_000, read_operations)
@example(
    b'[{"DateTime":"9999-12-31T23:59:59-14:00"},{"DateTime":"0001-01-01T00:00:00+14:00"}]', read_operations
)
def test_teos_looks(data: bytes, read: Callable[[bytes, frozenset[Where]], list[Row]]) -> None:
    try:
        rows = read(data, PLACES)
    except HintSourceError:
        return
    for row in rows:
        assert row.key.isalnum()
        assert row.at is None or row.at.utcoffset() == timedelta(0)
        assert {hint.where for hint in row.hints} <= PLACES
        sound(list(row.hints))


@fuzz
@given(st.one_of(bodies, st.builds(written, objects(QuorumQueueName=texts, RoutingKey=texts), cuts)))
def test_teos_queues(data: bytes) -> None:
    try:
        name = read_queue(data)
    except HintSourceError:
        return
    assert 0 < len(name) <= 255
    assert name.isprintable()
