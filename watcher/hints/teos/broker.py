"""One connection to the message broker, with one queue that is consumed.

aio-pika lives here, without its own reconnecting: whoever listens calls again. What the library has to say
of a broken connection is said once, by the error that is raised.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from urllib.parse import urlsplit

import aio_pika
from aio_pika import exceptions
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.connection import make_url
from aiormq.connection import TransportFactory
from aiormq.exceptions import ChannelAccessRefused, InvalidFrameError, ProtocolSyntaxError
from pydantic import SecretStr

from watcher.domain.records import Record
from watcher.domain.values.text import clean
from watcher.ports.hints import HintSourceError
from watcher.system.connections import socket_cause

EXCHANGE, ROUTING_KEY = "teos_events", "#.account.balance_changed"
"""Where TEOS publishes (TEOS docs). Routing keys begin with a tenant's prefix since its version 0.7."""

_PREFETCH = 100
"""Messages that are under way at most."""
_EXPIRES = 30 * 60 * 1000
"""Milliseconds after which a queue that nobody consumes is gone, as with those that TEOS makes."""

# On each break it logs a traceback, and on DEBUG whole frames with what is in them.
for _name in ("aiormq", "aio_pika"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Timing(Record, frozen=True):
    """Seconds. Without a frame for three heartbeats a connection counts as broken: after 21 to 24 s."""

    connect: float = 10.0
    heartbeat: int = 6
    close: float = 3.0
    alive: float = 30.0
    """How often it is said that the connection stands, while nothing comes."""


TIMING = Timing()


_Brought = asyncio.Queue[AbstractIncomingMessage | HintSourceError]


class Broker:
    """An open connection with one consumer at most: what it brought, and at last why it ended, in order."""

    def __init__(self, channels: Callable[[], Awaitable[AbstractChannel]], who: str, timing: Timing) -> None:
        self._channels, self._who, self._timing = channels, who, timing
        self._brought: _Brought = asyncio.Queue()

    async def consume(self, queue: str) -> bool:
        """Begin to consume a queue; whether there is such a queue."""
        brought: _Brought = asyncio.Queue()

        async def came(message: AbstractIncomingMessage) -> None:
            brought.put_nowait(message)

        def ended(_channel: object, error: BaseException | None = None) -> None:
            brought.put_nowait(_in_words(error, self._who))

        def taken_away(_frame: object) -> None:
            brought.put_nowait(HintSourceError(f"{self._who}: the queue was taken away"))

        try:
            with self._told():
                channel = await self._channels()
                await channel.set_qos(prefetch_count=_PREFETCH)
                channel.close_callbacks.add(ended)
                below = await channel.get_underlay_channel()
                below.on_consumer_cancel_callbacks.add(taken_away)
                found = await channel.get_queue(queue, ensure=False)
                await found.consume(came)
        except _NoSuchQueueError:
            return False
        self._brought = brought
        return True

    async def declare(self) -> str:
        """Name of a new queue, bound to events of accounts: it is kept for a while without a consumer."""
        with self._told():
            channel = await self._channels()
            # Only queues that the broker names are allowed (TEOS docs), and those cannot be quorum queues.
            queue = await channel.declare_queue("", durable=True, arguments={"x-expires": _EXPIRES})
            await queue.bind(EXCHANGE, ROUTING_KEY)
            await channel.close()
        return queue.name

    async def next(self) -> AbstractIncomingMessage | None:
        """The next message; None if none came for a while, and the connection stands.

        HintSourceError if it does not.
        """
        try:
            async with asyncio.timeout(self._timing.alive):
                item = await self._brought.get()
        except TimeoutError:
            return None
        if isinstance(item, HintSourceError):
            raise item
        return item

    async def acknowledge(self, message: AbstractIncomingMessage) -> None:
        """Tell the broker that the message is done with."""
        with self._told():
            await message.ack()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except exceptions.ChannelNotFoundEntity as error:
            raise _NoSuchQueueError(_in_words(error, self._who).why) from None
        except (exceptions.AMQPError, RuntimeError) as error:
            raise _in_words(error, self._who) from None


class _NoSuchQueueError(HintSourceError):
    """A queue, or an exchange, that is not there."""


@asynccontextmanager
async def connected(url: SecretStr, name: str, timing: Timing) -> AsyncIterator[Broker]:
    """A connection to the broker as long as the block runs. HintSourceError says why there is none."""
    parts = urlsplit(url.get_secret_value())
    secure = parts.scheme == "amqps"
    # Reads whom to trust (SSL_CERT_FILE) anew; TLS 1.2 at least.
    trusted = await asyncio.to_thread(ssl.create_default_context) if secure else None
    way = _Way(parts.hostname or "", parts.port or (5671 if secure else 5672), trusted)
    who = f"{way.host}:{way.port}"
    connection = aio_pika.Connection(
        make_url(url.get_secret_value(), heartbeat=timing.heartbeat),
        client_properties={"connection_name": f"balance-watcher {name}"},
    )
    connection.kwargs["transport_factory"] = way  # which aiormq takes, and aio-pika only hands on
    try:
        try:
            await connection.connect(timeout=timing.connect)
        except (exceptions.AMQPError, OSError) as error:
            raise _no_connection(error, way, timing) from None

        async def channel() -> AbstractChannel:
            opened = connection.channel(publisher_confirms=False)
            await opened.initialize()
            return opened

        yield Broker(channel, who, timing)
    finally:
        closing = asyncio.create_task(connection.close())
        await asyncio.wait({closing}, timeout=timing.close)
        way.end()  # whatever the other end does: it is over here
        with suppress(exceptions.AMQPError, OSError):
            await closing


class _Way(TransportFactory):
    """The way to the broker, which can be left without a farewell: over TLS the library waits for one."""

    def __init__(self, host: str, port: int, trusted: ssl.SSLContext | None) -> None:
        self.host, self.port, self._trusted = host, port, trusted
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, *_: object, **__: object) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, self._writer = await asyncio.open_connection(self.host, self.port, ssl=self._trusted)
        return reader, self._writer

    def end(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()


def _no_connection(error: Exception, way: _Way, timing: Timing) -> HintSourceError:
    who = f"{way.host}:{way.port}"
    if isinstance(error, exceptions.ProbableAuthenticationError | exceptions.AuthenticationError):
        return HintSourceError(f"{who} refused the user or the password", refused=True)
    if isinstance(error, TimeoutError):
        return HintSourceError(f"{who} took no connection within {timing.connect:g} s")
    if isinstance(error, InvalidFrameError) and "Connection.Close" in str(error):
        # The library does not say what the broker answered when the virtual host was to be opened.
        what = "does not let this user into the virtual host, which is what follows the port in the URL"
        return HintSourceError(f"{who} {what}", refused=True)
    if isinstance(error.__cause__, EOFError):
        return HintSourceError(f"{who} closed the connection without an answer; is that the right port?")
    if isinstance(error, InvalidFrameError | ProtocolSyntaxError | exceptions.IncompatibleProtocolError):
        return HintSourceError(f"{who} speaks no AMQP 0-9-1; is that the right port?")
    below = error.__cause__ if isinstance(error.__cause__, OSError) else error
    found = below if isinstance(below, OSError) else OSError()
    return HintSourceError(socket_cause(found, way.host, way.port))


def _in_words(error: BaseException | None, who: str) -> HintSourceError:
    """Why a connection or a channel ended."""
    if isinstance(error, ChannelAccessRefused):
        return HintSourceError(f"{who} refuses that to this user: {clean(str(error))}", refused=True)
    if isinstance(error, exceptions.ChannelClosed | exceptions.ConnectionClosed):
        return HintSourceError(f"{who} ended the connection: {clean(str(error))}")
    if isinstance(error, asyncio.CancelledError):
        return HintSourceError(f"{who} has said nothing for too long")
    return HintSourceError(f"{who} broke the connection")
