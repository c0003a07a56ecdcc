"""A real HTTP proxy on loopback: makes tunnels (CONNECT), passes plain requests on, keeps what it read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """`heads`: each request as it came; `read`: all that clients sent. `answer`: instead of a tunnel."""

    def __init__(self, answer: bytes = b"") -> None:
        self.url = ""
        self.heads: list[str] = []
        self.read = b""
        self._answer = answer
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.read += head
            self.heads.append(head.decode())
            method, target, _ = head.decode().split(" ", 2)
            if self._answer:
                writer.write(self._answer)
            elif method == "CONNECT":
                host, _, port = target.rpartition(":")
                await self._join(reader, writer, host, int(port), b"", b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                parts = urlsplit(target)
                await self._join(reader, writer, parts.hostname or "", parts.port or 80, head, b"")
        writer.close()

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        first: bytes,
        said: bytes,
    ) -> None:
        there_reader, there = await asyncio.open_connection(host, port)
        self._open.add(there)
        there.write(first)
        writer.write(said)
        self._tasks.add(asyncio.create_task(self._copy(there_reader, writer)))
        while data := await reader.read(65536):
            self.read += data
            there.write(data)
        there.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()


@asynccontextmanager
async def proxying(answer: bytes = b"") -> AsyncIterator[Proxy]:
    proxy = Proxy(answer)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
