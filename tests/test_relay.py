"""A relay drops what it says and nothing else, for tests of what happens then trust it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.relay import Relay, relaying

SOON = 5.0


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[Relay, list[asyncio.StreamWriter]]]:
    """A server that says all again, behind a relay; and its ends of the connections."""
    ends: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.append(writer)
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, relaying(server.sockets[0].getsockname()[1]) as relay:
        yield relay, ends


async def test_what_was_cut_off_hears_nothing_and_all_of_it_once_the_network_is_whole() -> None:
    async with echoing() as (relay, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"one")
        assert await reader.readexactly(3) == b"one"
        relay.cut_off()
        writer.write(b"two")
        waiting = asyncio.ensure_future(reader.readexactly(3))
        done, _pending = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        relay.mend()
        assert await asyncio.wait_for(waiting, SOON) == b"two"
        writer.close()


async def test_that_a_connection_has_ended_is_not_heard_while_it_is_cut_off() -> None:
    async with echoing() as (relay, ends):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"one")
        await reader.readexactly(3)
        relay.cut_off()
        ends[0].close()
        waiting = asyncio.ensure_future(reader.read(100))
        done, _pending = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        relay.mend()
        assert await asyncio.wait_for(waiting, SOON) == b""
        writer.close()


async def test_who_comes_while_it_is_cut_off_waits_and_the_server_hears_nothing_of_it() -> None:
    async with echoing() as (relay, ends):
        relay.cut_off()
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"one")
        waiting = asyncio.ensure_future(reader.readexactly(3))
        done, _pending = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        assert not ends
        relay.mend()
        assert await asyncio.wait_for(waiting, SOON) == b"one"
        writer.close()
