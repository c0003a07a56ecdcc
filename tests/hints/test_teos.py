"""Hints from TEOS' events, by a real broker: what is told, and that no fault on the way loses any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel
from pydantic import SecretStr

from tests.broker import EXCHANGE, Broker, publish
from tests.fakes import FakeClock
from tests.relay import relaying
from watcher.hints.teos.broker import Timing, connected
from watcher.hints.teos.source import TeosEvents
from watcher.ports.hints import (
    Alive,
    Bookmark,
    Hint,
    HintCallRejectedError,
    HintGap,
    HintSourceError,
    Told,
    Where,
)

pytestmark = pytest.mark.needs("rabbitmq-server")

HOT = "0xe0450ce1e2ef73b15514ae6a003b90d0ebac8835"
ASSET = "7649376d2ad894314e190001"
NUMBERS = count(1)
SECONDS = 15.0
"""What no step of a test takes, even on a busy machine."""
TIMING = Timing(alive=SECONDS)


def changed(number: int, address: str = HOT) -> dict[str, Any]:
    """An event as TEOS prints it."""
    return {
        "AccountId": f"{address.upper().replace('0X', '0x')}{ASSET.upper()}",
        "AddressId": address,
        "AssetId": ASSET,
        "NewBalance": "100000000",
        "Receiver": address,
        "TransactionHash": f"0x{number:064x}",
        "TransactionGuid": "89f1e9c6-719b-4bd9-10dd-08d986feb196",
        "TransactionSigner": address,
    }


class TeosApi:
    """TEOS, asked for queues: it makes them at the broker. `refuses`: routing keys that it does not take."""

    def __init__(self, channel: AbstractChannel, *refuses: str) -> None:
        self.asked: list[str] = []
        self.queues: list[str] = []
        self.down = False
        self._channel, self._refuses = channel, refuses

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        assert (method, path, cost) == ("POST", "/api/v1.1/events/queue", 0)
        ((name, key),) = query
        assert name == "eventRoutingKey"
        self.asked.append(key)
        if self.down:
            raise HintSourceError("no answer")
        if key in self._refuses:
            raise HintCallRejectedError("400")
        queue = await self._channel.declare_queue(
            f"teos-events-{next(NUMBERS)}", durable=True,
            arguments={"x-queue-type": "quorum", "x-expires": 30 * 60 * 1000},
        )  # fmt: skip
        await queue.bind(EXCHANGE, key)
        self.queues.append(queue.name)
        answer = {"QuorumQueueName": queue.name, "ExpirationDueToInactivity": "00:30:00", "RoutingKey": key}
        return json.dumps(answer).encode()


class World:
    """A broker, somebody who may do everything there, and TEOS' API."""

    def __init__(self, broker: Broker, channel: AbstractChannel, api: TeosApi) -> None:
        self.broker, self.channel, self.api = broker, channel, api
        self.clock = FakeClock()

    def source(self, url: str = "", queue: str = "api", timing: Timing = TIMING) -> TeosEvents:
        secret = SecretStr(url or self.broker.url())
        return TeosEvents("teos-events", secret, queue, self.api, self.clock, timing)

    async def publish(self, *events: dict[str, Any] | bytes) -> None:
        await publish(self.channel, *events)


@pytest.fixture
async def world(broker: Broker) -> AsyncIterator[World]:
    async with broker.opened() as channel:
        api = TeosApi(channel)
        yield World(broker, channel, api)
        for queue in api.queues:
            await channel.queue_delete(queue)


@asynccontextmanager
async def listening(source: TeosEvents) -> AsyncIterator[AsyncIterator[Told]]:
    async with asyncio.timeout(SECONDS * 2), aclosing(source.listen()) as told:  # type: ignore[type-var]
        yield told


async def hints(told: AsyncIterator[Told], number: int) -> list[str]:
    """The ids of the next hints."""
    found: list[str] = []
    while len(found) < number:
        if isinstance(each := await anext(told), Hint):
            found.append(each.id)
    return found


async def first(source: TeosEvents) -> Told:
    """What one connection tells first."""
    async with listening(source) as told:
        return await anext(told)


async def failure(source: TeosEvents) -> HintSourceError:
    """Why nothing was told."""
    with pytest.raises(HintSourceError) as caught:
        await first(source)
    return caught.value


async def ends(told: AsyncIterator[Told]) -> HintSourceError:
    """Why it ends, whatever is told before."""
    with pytest.raises(HintSourceError) as caught:
        async for _ in told:
            pass
    return caught.value


def ids(*numbers: int) -> list[str]:
    return [f"0x{number:064x}:{ASSET}:{HOT}" for number in numbers]


# What is told


async def test_the_first_connection_ever_has_missed_nothing_and_remembers_its_queue(world: World) -> None:
    async with listening(world.source()) as told:
        assert [await anext(told), await anext(told)] == [Alive(), Bookmark({"queue": world.api.queues[0]})]
    assert world.api.asked == ["#.account.balance_changed"]


async def test_an_event_is_a_hint_at_once_under_its_transaction_and_account(world: World) -> None:
    loop, waited = asyncio.get_running_loop(), []
    async with listening(world.source()) as told:
        assert await anext(told) == Alive()
        await anext(told)
        for number in range(10):
            began = loop.time()
            await world.publish(changed(number))
            assert await anext(told) == Hint(Where("teos", HOT), ids(number)[0])
            waited.append(loop.time() - began)
    assert min(waited) < 0.05


async def test_while_nothing_comes_it_says_that_the_connection_stands(world: World) -> None:
    async with listening(world.source(timing=Timing(alive=0.05))) as told:
        assert [await anext(told) for _ in range(3)][2] == Alive()


async def test_what_cannot_be_read_is_passed_over_and_said_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    source = world.source()
    garbage = [b"", b"\xff\xfe", b"[" * 100_000, b'{"AddressId": 7}', b'{"AddressId":', b"null"]
    other = json.dumps({"AssetId": ASSET, "EventId": 2, "TransactionSigner": HOT}).encode()
    async with listening(source) as told:
        await anext(told)
        await world.publish(*garbage, other)
        await world.publish(changed(1), changed(2))
        assert await hints(told, 2) == ids(1, 2)
    assert source.unread == len(garbage) + 1
    said = ["hints teos-events: an event of a changed balance names no account"]
    assert [record.getMessage() for record in caplog.records] == said
    async with listening(source) as told:
        await world.publish(changed(3))
        assert await hints(told, 2) == ids(2, 3), "the last one was told, and the next was not asked for"


async def test_no_more_is_under_way_than_can_be_told_soon(world: World) -> None:
    async with listening(world.source()) as told:
        await anext(told)
        await world.publish(*map(changed, range(500)))
        assert await hints(told, 1) == ids(0)
        queue = await world.channel.declare_queue(world.api.queues[0], passive=True)
        assert queue.declaration_result.message_count == 400


# Cuts, and time without a connection


async def test_a_connection_that_is_cut_in_a_stream_of_events_loses_none(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with relaying(world.broker.port) as relay:
        source = world.source(world.broker.url(port=relay.port))
        assert await first(source) == Alive()
        before = asyncio.all_tasks()
        publishing = asyncio.create_task(world.publish(*map(changed, range(500))))
        found: list[str] = []
        for until in (120, 300, 500):
            async with listening(source) as told:
                assert await anext(told) == Alive(), "the queue kept what came meanwhile"
                while len(set(found)) < until:
                    found += await hints(told, 1)
                if until < 500:
                    relay.cut()
                    assert (await ends(told)).why == f"127.0.0.1:{relay.port} broke the connection"
        await publishing
        assert asyncio.all_tasks() <= before, "nothing of a connection outlives it"
    assert sorted(set(found)) == ids(*range(500))
    assert not caplog.records, "the library's own words are not for people"


async def test_what_comes_while_nobody_listens_is_told_after_a_restart(world: World) -> None:
    async with listening(world.source()) as told:
        await anext(told)
        bookmark = await anext(told)
    assert isinstance(bookmark, Bookmark)
    await world.publish(*map(changed, range(100)))
    again = world.source()
    again.remember(bookmark.facts)
    async with listening(again) as told:
        assert await anext(told) == Alive()
        assert await hints(told, 100) == ids(*range(100))
    assert len(world.api.asked) == 1


async def test_what_was_told_is_done_with_only_when_the_next_is_asked_for(world: World) -> None:
    source = world.source()
    async with listening(source) as told:
        await world.publish()
        await anext(told)
        await world.publish(changed(1))
        assert await hints(told, 1) == ids(1)
    async with listening(source) as told:
        assert await hints(told, 1) == ids(1)


async def test_a_queue_that_has_expired_is_asked_for_anew_and_is_a_gap(world: World) -> None:
    source = world.source()
    source.remember({"queue": "teos-events-long-ago"})
    async with listening(source) as told:
        assert await anext(told) == HintGap(None, "the queue of events was gone")
        assert await anext(told) == Bookmark({"queue": world.api.queues[0]})
        await world.publish(changed(1))
        assert await hints(told, 1) == ids(1)


async def test_a_queue_that_is_taken_away_is_a_gap_since_something_was_heard(world: World) -> None:
    source = world.source()
    async with listening(source) as told:
        await anext(told)
        await world.publish(changed(1))
        assert await hints(told, 1) == ids(1)
        await world.channel.queue_delete(world.api.queues[0])
        assert (await ends(told)).why.endswith("the queue was taken away")
    heard = world.clock.now()
    await world.clock.advance(60)
    assert await first(source) == HintGap(heard, "the queue of events was gone")


async def test_a_gap_is_told_also_if_the_new_queue_comes_late(world: World) -> None:
    source = world.source()
    source.remember({"queue": "teos-events-long-ago"})
    world.api.down = True
    assert (await failure(source)).why == "no answer"
    world.api.down = False
    assert isinstance(await first(source), HintGap)


async def test_a_broker_that_is_started_anew_has_kept_the_events(broker: Broker) -> None:
    async with broker.opened() as channel:
        world = World(broker, channel, TeosApi(channel))
        source = world.source()
        async with listening(source) as told:
            assert await anext(told) == Alive()
            await world.publish(changed(1))
            await asyncio.to_thread(broker.stop)
            await ends(told)
    error = await failure(source)
    assert (error.why, error.refused) == (f"127.0.0.1:{broker.port}: connection refused", False)
    await asyncio.to_thread(broker.start)
    async with listening(source) as told:
        assert await anext(told) == Alive()
        assert await hints(told, 1) == ids(1)
    async with broker.opened() as channel:
        await channel.queue_delete(world.api.queues[0])


# Silence


async def test_a_broker_that_stands_still_is_found_out_and_nothing_is_lost(world: World) -> None:
    source = world.source(timing=Timing(heartbeat=1))
    async with listening(source) as told:
        await anext(told)
        with world.broker.standing_still():
            assert (await ends(told)).why == f"127.0.0.1:{world.broker.port} has said nothing for too long"
    await world.publish(changed(1))
    async with listening(source) as told:
        assert await hints(told, 1) == ids(1)


async def test_a_link_that_swallows_bytes_ends_and_nothing_is_lost(world: World) -> None:
    async with relaying(world.broker.port) as relay:
        source = world.source(world.broker.url(port=relay.port), timing=Timing(heartbeat=1))
        async with listening(source) as told:
            await anext(told)
            relay.silent = True
            await world.publish(changed(1))
            await ends(told)
        relay.silent = False
        async with listening(source) as told:
            assert await hints(told, 1) == ids(1)


async def test_a_link_that_swallows_bytes_takes_no_new_connection(world: World) -> None:
    async with relaying(world.broker.port) as relay:
        relay.silent = True
        source = world.source(world.broker.url(port=relay.port), timing=Timing(connect=0.2))
        assert (await failure(source)).why == f"127.0.0.1:{relay.port} took no connection within 0.2 s"


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
async def test_leaving_a_silent_connection_takes_little_time(
    world: World, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(world.broker.authority.file))
    loop, before = asyncio.get_running_loop(), asyncio.all_tasks()
    async with relaying(world.broker.tls_port if scheme == "amqps" else world.broker.port) as relay:
        url = world.broker.url(scheme=scheme, port=relay.port)
        async with listening(world.source(url, timing=Timing(close=0.2))) as told:
            await anext(told)
            relay.silent = True
            began = loop.time()
        assert loop.time() - began < 1.5
    assert {each for each in asyncio.all_tasks() if "aiormq" in repr(each)} <= before


# Refusals


async def test_a_wrong_password_is_for_people(world: World) -> None:
    error = await failure(world.source(world.broker.url(("reader", "wrong-word"))))
    assert (error.why, error.refused) == (
        f"127.0.0.1:{world.broker.port} refused the user or the password",
        True,
    )


async def test_a_virtual_host_that_is_not_there_is_for_people(world: World) -> None:
    error = await failure(world.source(world.broker.url() + "other"))
    assert error.refused
    assert "virtual host" in error.why


async def test_a_queue_that_may_not_be_read_is_for_people(world: World) -> None:
    error = await failure(world.source(queue="private"))
    assert error.refused
    assert "access to queue 'private'" in error.why


async def test_a_queue_given_by_name_is_for_people_if_it_is_not_there(world: World) -> None:
    source = world.source(queue="by-hand")
    error = await failure(source)
    assert (error.why, error.refused) == ("the queue that the configuration names is not there", True)
    queue = await world.channel.declare_queue("by-hand", durable=True)
    await queue.bind(EXCHANGE, "#")
    async with listening(source) as told:
        assert isinstance(await anext(told), HintGap)
        await world.publish(changed(1))
        assert await hints(told, 1) == ids(1)
    await queue.delete(if_unused=False, if_empty=False)
    assert not world.api.asked


async def test_an_own_queue_is_declared_and_kept_for_the_next_connection(world: World) -> None:
    source = world.source(queue="own")
    async with listening(source) as told:
        assert await anext(told) == Alive()
        bookmark = await anext(told)
    assert isinstance(bookmark, Bookmark)
    await world.publish(changed(1))
    again = world.source(queue="own")
    again.remember(bookmark.facts)
    async with listening(again) as told:
        assert await anext(told) == Alive()
        assert await hints(told, 1) == ids(1)
    await world.channel.queue_delete(bookmark.facts["queue"])
    assert not world.api.asked


async def test_if_teos_takes_no_pattern_it_is_asked_for_every_event(broker: Broker) -> None:
    async with broker.opened() as channel:
        world = World(broker, channel, TeosApi(channel, "#.account.balance_changed"))
        async with listening(world.source()) as told:
            assert await anext(told) == Alive()
            await world.publish(changed(1))
            assert await hints(told, 1) == ids(1)
        assert world.api.asked == ["#.account.balance_changed", "#"]
        await channel.queue_delete(world.api.queues[0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed the connection without an answer; is that the right port?"),
        (b"AMQP\x00\x00\x09\x01", "speaks no AMQP 0-9-1; is that the right port?"),
        (bytes(100), "speaks no AMQP 0-9-1; is that the right port?"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "closed the connection without an answer; is that the right port?",
        ),
    ],
)
async def test_a_port_of_something_else_is_said(answer: bytes, words: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        url = SecretStr(f"amqp://reader:word@127.0.0.1:{port}/")
        with pytest.raises(HintSourceError) as caught:
            async with connected(url, "teos-events", TIMING):
                pass
    assert caught.value.why == f"127.0.0.1:{port} {words}"


# TLS


async def test_tls_is_made_with_an_authority_of_ones_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(world.broker.authority.file))
    async with listening(world.source(world.broker.url(scheme="amqps", port=world.broker.tls_port))) as told:
        assert await anext(told) == Alive()
        await world.publish(changed(1))
        assert await hints(told, 1) == ids(1)


async def test_an_issuer_that_is_not_trusted_gets_no_password(world: World) -> None:
    port = world.broker.tls_port
    error = await failure(world.source(world.broker.url(scheme="amqps", port=port)))
    assert error.why == (
        f"127.0.0.1:{port}: the issuer of its certificate is not trusted; "
        "if it is a CA of yours, name it in SSL_CERT_FILE"
    )


async def test_a_port_without_tls_is_said(world: World) -> None:
    port = world.broker.port
    error = await failure(world.source(world.broker.url(scheme="amqps", port=port)))
    assert error.why == f"127.0.0.1:{port}: speaks no TLS on port {port}; is that the right port?"
