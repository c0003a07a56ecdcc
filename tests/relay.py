"""A TCP relay on loopback, between a client and a server: cut, silent, cut off, slow, closed to newcomers."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Relay in front of the server at `host` and `target`, a port.

    `silent`: bytes vanish in both directions, and the connections stay open. One that has lost some is silent
    for good: TCP never goes on after a hole. `shut`: whoever comes is reset
    at once. `accepted` counts those that were let in; `arrived` is set by whoever comes, let in or not.
    `delay`: seconds that bytes are on their way, in each direction.

    `cut_off` is a network that drops packets: nothing arrives any more, not even that a connection has ended,
    nobody is reset, and whoever comes waits. After `mend` all that was sent meanwhile arrives, as TCP sends
    it again.
    """

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.target, self.host, self.port = target, host, 0
        self.silent = self.shut = False
        self.accepted, self.delay = 0, 0.0
        self._whole = asyncio.Event()
        self._whole.set()
        self.arrived = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._holed: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Reset every connection that is open now."""
        for writer in self._open:
            _reset(writer)

    def cut_off(self) -> None:
        """From now on nothing arrives on either side."""
        self._whole.clear()

    def mend(self) -> None:
        """All that was held back arrives."""
        self._whole.set()

    async def end(self) -> None:
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.arrived.set()
        if self.shut:
            _reset(writer)
            return
        task = asyncio.create_task(self._join(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = {writer}
        self._open |= pair
        try:
            with suppress(OSError):
                await self._whole.wait()
                there_reader, there = await asyncio.open_connection(self.host, self.target)
                pair.add(there)
                self._open |= pair
                self.accepted += 1
                await asyncio.gather(self._pump(reader, there, pair), self._pump(there_reader, writer, pair))
        finally:
            self._open -= pair
            self._holed -= pair
            for each in pair:
                each.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: set[asyncio.StreamWriter]
    ) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(65536):
                    if self.delay:
                        await asyncio.sleep(self.delay)
                    await self._whole.wait()
                    if self.silent:
                        self._holed |= pair
                    elif writer not in self._holed:
                        writer.write(data)
                        await writer.drain()
            await self._whole.wait()
        finally:
            for each in pair:  # what one side ends is ended for both
                each.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    # With nothing to linger for, closing is a reset (RST), as when a machine or a firewall forgets.
    there = writer.get_extra_info("socket")
    with suppress(OSError):  # of one that is closed by now
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def relaying(target: int, host: str = "127.0.0.1", listen: str = "127.0.0.1") -> AsyncIterator[Relay]:
    """A relay that listens on `relay.port` as long as the block runs."""
    relay = Relay(target, host)
    server = await asyncio.start_server(relay.accept, listen, 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        await relay.end()
