"""Packets that are dropped are gone without a word, and arrive once they no longer are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest

from tests.netspace import Netspace, netspace

ECHO = """
import socket, sys
from tests.netspace import enter
enter(sys.argv[1])
connection = socket.create_connection((sys.argv[2], int(sys.argv[3])))
while data := connection.recv(100):
    connection.sendall(data)
"""


@pytest.fixture
def space() -> Iterator[Netspace]:
    with netspace() as made:
        yield made


async def test_what_is_sent_while_packets_are_dropped_arrives_later(space: Netspace) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()
    writers: list[asyncio.StreamWriter] = []

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"one")
        while data := await reader.read(100):
            arrived.put_nowait(data)

    server = await asyncio.start_server(heard, space.here, 0)
    port = server.sockets[0].getsockname()[1]
    words = ["-c", ECHO, str(space.path), space.here, str(port)]
    process = await asyncio.create_subprocess_exec(sys.executable, *words)
    try:
        async with asyncio.timeout(30):
            assert await arrived.get() == b"one"
            space.drop()
            writers[0].write(b"two")
            waiting = asyncio.ensure_future(arrived.get())
            done, _ = await asyncio.wait({waiting}, timeout=0.5)
            assert not done
            space.mend()
            assert await waiting == b"two"
    finally:
        for writer in writers:
            writer.close()
        process.kill()
        await process.wait()
        server.close()
