"""Connection limits of the page: what strangers open there uses up nothing that polls and alerts need.

So many connections in all, and from each address; who says nothing, or not all of it, or does not take the
answer, has to go. When there is no room, whoever has kept us waiting longest makes room for who comes.
"""

from __future__ import annotations

import asyncio
import logging
import math
import resource
import socket
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import web

from watcher.ports.clock import Clock
from watcher.ports.hints import LARGEST_POST
from watcher.web.login_throttle import LOOPBACK, Address, place_of
from watcher.web.security_headers import secure

log = logging.getLogger(__name__)

MOST, EACH = 200, 20
"""Connections in all, and from one address. This machine and a proxy, through which many come, have half
of all."""
ASIDE = 128
"""File descriptors that are left to the store, the sources and the channels, whatever the limit is."""
FEWEST = 8
HEAD, IDLE, TAKING = 10.0, 30.0, 60.0
"""Seconds: for a request to be whole once it began; until the next one begins; to take an answer."""
LARGEST = 64 * 1024
"""Bytes of a request, with all that is sent until it is answered."""
POSTS = b"POST /hints/"
"""How a request begins that may have `LARGEST_POST` bytes more, if it says how many."""
LONGEST_HEAD = 8 * 1024
"""Bytes of the head of such a request."""
UNREAD = 32 * 1024 * 1024
"""Bytes of all answers that wait to be taken."""
AT_ONCE = 32
AGAIN = 1.0
"""Seconds until connections are accepted again after there was no descriptor for one."""
QUIET = 600.0
"""Seconds between two lines of the log about the same."""
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: watcher\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 30\r\n\r\nthere is no room; come again.\n"
)


class Connection(web.RequestHandler):
    """One connection, and what it waits for."""

    def __init__(self, limits: ConnectionLimits, who: str, server: web.Server) -> None:
        # Nothing is unpacked on its way in: a body is signed as it came, and may be a bomb.
        options: dict[str, Any] = {"access_log": None, "logger": limits.logger, "auto_decompress": False}
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self.who = who
        self._limits = limits
        self._busy = self._begun = self._stalled = False
        self._received, self._start = 0, b""
        self.since = limits.clock.monotonic()
        """When it came to wait for what it waits for."""

    @property
    def due(self) -> float:
        """When it has to go, in monotonic seconds; never while it is we who let it wait."""
        if self._busy and not self._stalled:
            return math.inf
        return self.since + (TAKING if self._stalled else HEAD if self._begun else IDLE)

    @property
    def can_leave(self) -> bool:
        return self.transport is not None and self.due < math.inf

    @property
    def received(self) -> int:
        """Bytes that came of the request that is answered now."""
        return self._received

    @property
    def unread(self) -> int:
        """Bytes of answers that it has not taken."""
        return self.transport.get_write_buffer_size() if self.transport is not None and self._stalled else 0

    def leave(self) -> None:
        """End the connection, whatever it waits for."""
        self._limits.left(self)
        if self.transport is not None:
            self.transport.abort()

    @contextmanager
    def answered(self) -> Iterator[None]:
        """A request is whole, and is answered."""
        self._is(busy=True)
        try:
            yield
        finally:
            self._received, self._start = 0, b""
            self._is()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """In the midst of that: the body of the request is waited for."""
        self._is(begun=True)
        try:
            yield
        finally:
            self._is(busy=True)

    def _is(self, *, busy: bool = False, begun: bool = False) -> None:
        self._busy, self._begun = busy, begun
        self._limits.waits(self)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        self._start += data[: LONGEST_HEAD - len(self._start)]
        if self._received > LARGEST and not self._may_be_long():
            self.leave()
            return
        if data and not self._busy and not self._begun:
            self._is(begun=True)
        super().data_received(data)

    def _may_be_long(self) -> bool:
        """Whether it is a post of hints, not too long, that says how long it is. A body in chunks may have
        them one byte long, and each is work."""
        head, end, _ = self._start.partition(b"\r\n\r\n")
        told = bool(end) and head.startswith(POSTS) and b"chunked" not in head.lower()
        return told and self._received <= LARGEST + LARGEST_POST

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = True
        self._limits.waits(self)
        self._limits.unburden(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled = False
        self._limits.waits(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._limits.left(self)
        super().connection_lost(exc)

    def handle_error(self, *args: Any, **kwargs: Any) -> web.StreamResponse:
        response = super().handle_error(*args, **kwargs)
        if response.status == web.HTTPInternalServerError.status_code and self._limits.broken is not None:
            response = self._limits.broken(args[0])
            response.force_close()
        secure(response)  # the library's own names versions, and has nothing of what every answer has
        return response


def connection_of(request: web.BaseRequest) -> Connection | None:
    """The connection that a request came by."""
    return request.protocol if isinstance(request.protocol, Connection) else None


class ConnectionLimits:
    """Listens from `open` to `close`, and lets in as many as there is room for."""

    def __init__(self, clock: Clock, proxies: Collection[Address], logger: logging.Logger) -> None:
        self.clock, self.logger = clock, logger
        self._many = {LOOPBACK, *(place_of(str(each)) for each in proxies)}
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = MOST if limit == resource.RLIM_INFINITY else limit - ASIDE
        self._most = max(FEWEST, min(MOST, room))
        self._connections: set[Connection] = set()
        self._sooner = asyncio.Event()
        self._due = math.inf
        """When the first connection has to go if it goes on waiting."""
        self._listening: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._warned: dict[str, float] = {}
        self.broken: Callable[[web.BaseRequest], web.Response] | None = None
        """Makes the answer where the server itself is at fault."""

    async def open(self, host: str, port: int, runner: web.BaseRunner) -> tuple[str, int]:
        """Listen; the address. OSError if it cannot be had."""
        loop, server = asyncio.get_running_loop(), runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        kind, flags = socket.SOCK_STREAM, socket.AI_PASSIVE
        for family, *_, address in await loop.getaddrinfo(host, port, type=kind, flags=flags):
            listening = socket.create_server(address[:2], family=family)
            listening.settimeout(0)
            self._listening.append(listening)
            loop.add_reader(listening, self._accept, listening, server)
        self._keep(self._watch())
        found: tuple[str, int] = self._listening[0].getsockname()[:2]
        return found

    def close(self) -> None:
        """Let nobody in any more; who is inside stays."""
        loop = asyncio.get_running_loop()
        for each in self._listening:
            loop.remove_reader(each)
            each.close()
        self._listening.clear()
        for task in self._tasks:
            task.cancel()

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def unburden(self, newest: Connection) -> None:
        """See that answers which nobody takes do not fill the memory."""
        waiting = sorted((each for each in self._connections if each.unread), key=lambda each: each.since)
        size = sum(each.unread for each in waiting)
        for each in waiting:
            if size <= UNREAD:
                return
            if each is not newest:
                size -= each.unread
                each.leave()

    def _share(self, who: str) -> int:
        half = self._most // 2
        return half if who in self._many else min(EACH, half)

    def _accept(self, listening: socket.socket, server: web.Server) -> None:
        """Take in who waits. Not asyncio's own way: that takes a hundred before it looks at any of them, and
        without a descriptor for one tries a hundred times at once, each with its line in the log."""
        for _ in range(AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self.warn("accept", f"no connection to the page can be accepted: {error.strerror}")
                loop = asyncio.get_running_loop()
                loop.remove_reader(listening)
                loop.call_later(AGAIN, self._accept_again, listening, server)
                return
            accepted.settimeout(0)
            who = place_of(str(address[0]))
            if self._has_room(who):
                connection = Connection(self, who, server)
                self._connections.add(connection)
                self.waits(connection)
                self._keep(self._enter(connection, accepted))
            else:
                with suppress(OSError):
                    accepted.send(BUSY)
                accepted.close()

    def _accept_again(self, listening: socket.socket, server: web.Server) -> None:
        if listening in self._listening:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening, server)

    async def _enter(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # gone already
            self.left(connection)
            accepted.close()

    def _has_room(self, who: str) -> bool:
        """Whether one more may come in; who has kept us waiting longest makes room."""
        crowd, whose = [each for each in self._connections if each.who == who], f"those of {who}"
        if len(crowd) < self._share(who):
            if len(self._connections) < self._most:
                return True
            crowd, whose = list(self._connections), "those of all"
        self.warn("full", f"no room for more connections to the page; {whose} are {len(crowd)}")
        waits = [each for each in crowd if each.can_leave]
        if not waits:
            return False
        min(waits, key=lambda each: each.since).leave()
        return True

    async def _watch(self) -> None:
        """End what keeps us waiting for too long, when the first of it has."""
        while True:
            self._sooner.clear()
            now = self.clock.monotonic()
            for each in list(self._connections):
                if each.due <= now:
                    each.leave()
            self._due = min((each.due for each in self._connections), default=math.inf)
            await self.clock.wait(self._sooner, self._due - now if self._due < math.inf else None)

    def waits(self, connection: Connection) -> None:
        """From now on, for something else."""
        connection.since = self.clock.monotonic()
        if connection.due < self._due:
            self._due = connection.due
            self._sooner.set()

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def warn(self, about: str, text: str) -> None:
        """A warning, once in a while, however often it would be due."""
        now = self.clock.monotonic()
        if now - self._warned.get(about, -QUIET) >= QUIET:
            self._warned[about] = now
            log.warning("%s", text)
