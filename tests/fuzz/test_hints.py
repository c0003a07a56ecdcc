"""Whatever hint sources are sent: hints with a place and an id that are fit to keep, or none."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz
from tests.fuzz.test_answers import bodies, cuts, objects, texts, written
from watcher.hints.teos.wire import read_event, read_queue
from watcher.ports.hints import LONGEST_ID, Hint, HintSourceError

events = objects(
    AddressId=texts, Receiver=texts, TransactionSigner=texts, AssetId=texts, TransactionHash=texts,
    TransactionGuid=texts, NewBalance=texts,
)  # fmt: skip


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


@fuzz
@given(st.one_of(bodies, st.builds(written, objects(QuorumQueueName=texts, RoutingKey=texts), cuts)))
def test_teos_queues(data: bytes) -> None:
    try:
        name = read_queue(data)
    except HintSourceError:
        return
    assert 0 < len(name) <= 255
    assert name.isprintable()
