"""`electrum`: hints of an Electrum server, about addresses of Bitcoin and its kin.

What is used of the protocol (spesmilo/electrum-protocol, docs/protocol-*.rst, versions 1.4 to 1.6):
`server.version` first; `blockchain.scripthash.subscribe`, whose answer is the status now, and which is told
again whenever the status changes; `server.ping`, since a server may hang up after 10 minutes without a
request. The status is a hash over all transactions of a script and their heights, those in the mempool too.
So a payment is told twice, when it is seen and when it is in a block, and a reorganisation once more. A
status that differs from the one that was told last is a hint, on the first look of a connection too: so
nothing is missed between two connections.

Limits of servers, read and not tried: electrs refuses more than 10,000 subscriptions on a connection
(Blockstream/electrs #251); ElectrumX refuses addresses with some 10,000 transactions ("history too large",
kyuupichan/electrumx #1080), and when an address grows beyond that, it tells an empty status once and drops
the subscription (spesmilo/electrumx, session.py). Such addresses are left to the schedule. Version 1.7, which
has `blockchain.scriptpubkey.subscribe` instead, is in no released server.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from watcher import __version__
from watcher.domain.records import Record
from watcher.hints.json_rpc import CallRefusedError, Peer
from watcher.hints.statuses import Statuses
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Hint, HintSourceError, Told, Where
from watcher.system.connections import socket_cause

log = logging.getLogger(__name__)

VERSIONS = ["1.4", "1.6"]
SUBSCRIBE = "blockchain.scripthash.subscribe"

LONGEST_LINE = 1024 * 1024
"""Bytes of a message. What is asked for here is answered in 200."""

AT_ONCE = 20
"""Subscriptions that are asked for before the first one is answered: servers slow down whoever asks more."""

_HEX = re.compile(r"[0-9a-f]{64}")


class Patience(Record, frozen=True):
    """Seconds to wait: for a connection, for an answer; and between two pings."""

    connect: float = 15.0
    answer: float = 30.0
    ping: float = 60.0


PATIENCE = Patience()


class ElectrumSource:
    """Subscriptions to the scripts of addresses on one server. `watched`: script hash → places."""

    def __init__(
        self,
        name: str,
        url: str,
        watched: Mapping[str, Sequence[Where]],
        clock: Clock,
        *,
        fingerprint: str | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        parts = urlsplit(url)
        self._name, self._watched, self._clock, self._patience = name, watched, clock, patience
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls, self._fingerprint = parts.scheme == "ssl", fingerprint
        self._statuses = Statuses()
        self._deaf: set[str] = set()

    @property
    def name(self) -> str:
        return self._name

    def remember(self, facts: Mapping[str, str]) -> None:
        self._statuses.remember(self._watched, facts)

    async def close(self) -> None:
        """Nothing is open between two connections."""

    async def listen(self) -> AsyncIterator[Told]:
        async with self._connected() as peer:
            await self._greet(peer)
            yield Alive()
            async for told in self._subscribed(peer):
                yield told
            async for told in self._notified(peer):
                yield told

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Peer]:
        who = f"{self._host}:{self._port}"
        try:
            async with asyncio.timeout(self._patience.connect):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._context(), limit=LONGEST_LINE
                )
        except TimeoutError:
            seconds = f"{self._patience.connect:g}"
            raise HintSourceError(f"{who} took no connection within {seconds} s") from None
        except OSError as error:
            raise HintSourceError(socket_cause(error, self._host, self._port)) from None
        try:
            self._check_certificate(writer)
            yield Peer(_Lines(reader, writer, self._host, self._port), who, self._patience.answer)
        finally:
            writer.transport.abort()

    def _context(self) -> ssl.SSLContext | None:
        if not self._tls:
            return None
        context = ssl.create_default_context()
        if self._fingerprint is not None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def _check_certificate(self, writer: asyncio.StreamWriter) -> None:
        if not self._tls or self._fingerprint is None:
            return
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        found = hashlib.sha256(shown or b"").hexdigest()
        if found != self._fingerprint:
            who = f"{self._host}:{self._port}"
            raise HintSourceError(f"{who} shows another certificate, with fingerprint {found}", refused=True)

    async def _greet(self, peer: Peer) -> None:
        try:
            await peer.call("server.version", [f"balance-watcher/{__version__}", VERSIONS])
        except CallRefusedError as error:
            raise HintSourceError(f"{self._host} refuses: {error.words}", refused=True) from None

    async def _subscribed(self, peer: Peer) -> AsyncIterator[Told]:
        """Subscribe to everything, and tell what has changed since it was last heard of."""
        scripts, deaf, said = list(self._watched), set[str](), ""
        for start in range(0, len(scripts), AT_ONCE):
            asked = [(each, await peer.ask(SUBSCRIBE, [each])) for each in scripts[start : start + AT_ONCE]]
            for script, number in asked:
                try:
                    status = status_in(await peer.answer(number))
                except CallRefusedError as error:
                    deaf.add(script)
                    said = said or error.words
                    continue
                for told in self._heard(script, status):
                    yield told
        if scripts and len(deaf) == len(scripts):
            raise HintSourceError(f"{self._host} refuses every address: {said}", refused=True)
        if deaf - self._deaf:
            log.warning("%s: %d of %d addresses refused: %s", self.name, len(deaf), len(scripts), said)
        self._deaf = deaf
        for each in self._statuses.bookmark():
            yield each

    async def _notified(self, peer: Peer) -> AsyncIterator[Told]:
        """What is told from now on; every minute a ping, and what was told until then as facts.

        Whoever is killed in between tells it once more, under the same id.
        """
        ping_at = self._clock.monotonic() + self._patience.ping
        while True:
            message = await peer.next(ping_at - self._clock.monotonic())
            if message is not None and (found := notified(message.method, message.params)):
                script, status = found
                hints = self._heard(script, status)
                if hints and not status:
                    hints += await self._again(peer, script)
                for told in hints:
                    yield told
            if self._clock.monotonic() >= ping_at:
                await self._ping(peer)
                yield Alive()
                for each in self._statuses.bookmark():
                    yield each
                ping_at = self._clock.monotonic() + self._patience.ping

    async def _ping(self, peer: Peer) -> None:
        try:
            await peer.call("server.ping", [])
        except CallRefusedError as error:
            raise HintSourceError(f"{self._host} answers a ping with an error: {error.words}") from None

    async def _again(self, peer: Peer, script: str) -> list[Hint]:
        """Subscribe again to a script whose status was told as empty: its subscription may be gone."""
        try:
            return self._heard(script, status_in(await peer.call(SUBSCRIBE, [script])))
        except CallRefusedError as error:
            self._deaf.add(script)
            log.warning("%s: one address more is refused: %s", self.name, error.words)
            return []

    def _heard(self, script: str, text: str | None) -> list[Hint]:
        """Hints about a script, if its status is another than the one that was told last."""
        if text is None or script not in self._watched or not (event := self._statuses.event(script, text)):
            return []
        return [Hint(where, event) for where in self._watched[script]]


def notified(method: str, params: Any) -> tuple[str, str | None] | None:
    """Script hash and status of a notification; None if it is of another kind, or out of shape."""
    if method != SUBSCRIBE or not isinstance(params, list) or len(params) != 2:
        return None
    script, status = params
    return (script, status_in(status)) if isinstance(script, str) else None


def status_in(value: Any) -> str | None:
    """A status, empty if there is no transaction; None if it is out of shape."""
    if value is None:
        return ""
    return value if isinstance(value, str) and _HEX.fullmatch(value) else None


class _Lines:
    """JSON-RPC messages on a stream, each of them a line."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
    ) -> None:
        self._reader, self._writer, self._host, self._port = reader, writer, host, port

    async def send(self, message: bytes) -> None:
        try:
            self._writer.write(message + b"\n")
            await self._writer.drain()
        except OSError as error:
            raise HintSourceError(socket_cause(error, self._host, self._port)) from None

    async def receive(self) -> bytes:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise HintSourceError(f"{self._host}:{self._port} closed the connection") from None
        except asyncio.LimitOverrunError:
            raise HintSourceError(f"{self._host}:{self._port} sends a line longer than 1 MB") from None
        except OSError as error:
            raise HintSourceError(socket_cause(error, self._host, self._port)) from None
