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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from watcher import __version__
from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Words
from watcher.domain.values.normalization import address_key
from watcher.domain.values.scripts import SCRIPT_CHAINS, script_hash, script_of
from watcher.hints.json_rpc import CallRefusedError, Peer
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Bookmark, Hint, HintSourceError, Told, Where
from watcher.system.connections import is_loopback, socket_cause

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup

log = logging.getLogger(__name__)

VERSIONS = ["1.4", "1.6"]
SUBSCRIBE = "blockchain.scripthash.subscribe"

LONGEST_LINE = 1024 * 1024
"""Bytes of a message. What is asked for here is answered in 200."""

AT_ONCE = 20
"""Subscriptions that are asked for before the first one is answered: servers slow down whoever asks more."""

_HEX = re.compile(r"[0-9a-f]{64}")


def _server(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("is not the address of a server", "as in ssl://electrum.example:50002") from None
    if parts.scheme not in {"ssl", "tcp"} or not host or not port or parts.username or parts.query:
        raise InputError("must be ssl://, a host and a port", "as in ssl://electrum.example:50002")
    if parts.scheme == "tcp" and not is_loopback(host):
        raise InputError("must begin with ssl://", "tcp is for this machine only, anybody could change it")
    return url


def _one_chain(chains: tuple[str, ...]) -> tuple[str, ...]:
    if len(chains) != 1:
        raise InputError("must name one chain", "an Electrum server knows one; name a source for each")
    if canonical(chains[0]) not in SCRIPT_CHAINS:
        known = ", ".join(SCRIPT_CHAINS)
        raise InputError(f"'{chains[0][:60]}' is no chain with Electrum servers here", f"known: {known}")
    return chains


def _fingerprint(text: str) -> str:
    plain = text.replace(":", "").lower()
    if not _HEX.fullmatch(plain):
        raise InputError("is no SHA-256 of a certificate", "write its 64 hexadecimal digits")
    return plain


class ElectrumHints(HintKind):
    """Settings of an Electrum server whose word is listened to."""

    kind: Literal["electrum"]
    url: Annotated[str, AfterValidator(_server)]
    chains: Annotated[Words, AfterValidator(_one_chain)]
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = None
    """SHA-256 of the server's certificate, for the many that sign their own. With it nothing else of the
    certificate is looked at."""
    most: int = Field(default=10_000, ge=1, le=100_000)
    """Addresses that are subscribed to."""

    @property
    def named_chains(self) -> tuple[str, ...]:
        return self.chains

    def covers(self, account: Account) -> bool:
        chain = canonical(account.chain)
        here = chain in SWEEPS or _folded(chain) == _folded(canonical(self.chains[0]))
        return here and script_of(account.address, self.chains[0]) is not None

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:  # noqa: ARG002
        if (many := len(self._wheres(accounts))) > self.most:
            yield Advice(f"only {self.most} of {many} addresses are subscribed to", "raise most")

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.electrum_setup import setup_for

        chains = [each.chain for each in accounts if script_of(each.address, each.chain) is not None]
        return setup_for(list(dict.fromkeys(chains))) if chains else None

    def build(self, context: HintContext) -> ElectrumSource:
        watched = dict(islice(self._wheres(context.accounts).items(), self.most))
        return ElectrumSource(context.name, self.url, watched, context.clock, fingerprint=self.fingerprint)

    def _wheres(self, accounts: Sequence[Account]) -> dict[str, list[Where]]:
        """Script hash → the places that pay to it: a wallet may be written in two ways."""
        wheres: dict[str, list[Where]] = {}
        for account in accounts:
            if script := script_of(account.address, self.chains[0]):
                chain = self.chains[0] if account.chain in SWEEPS else account.chain
                where = Where(canonical(chain), address_key(account.address))
                held = wheres.setdefault(script_hash(script), [])
                held += [] if where in held else [where]
        return wheres


def _folded(chain: str) -> str:
    """Bitcoin Cash is written with a hyphen and without one."""
    return chain.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for an answer; and between two pings."""

    connect: float = 15.0
    answer: float = 30.0
    ping: float = 60.0


@dataclass(frozen=True, slots=True)
class ScriptStatus:
    """Status of a script as it was told last, cut to 32 digits, empty without any transaction; and how often
    it changed, so that one that comes back is another event."""

    changes: int
    text: str

    @classmethod
    def kept(cls, fact: str) -> ScriptStatus | None:
        """The status that a fact says; None if it says none."""
        number, _, text = fact.partition(" ")
        return cls(int(number), text) if number.isascii() and number.isdigit() and len(number) < 10 else None

    def fact(self) -> str:
        return f"{self.changes} {self.text}"


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
        patience: Patience = Patience(),
    ) -> None:
        parts = urlsplit(url)
        self._name, self._watched, self._clock, self._patience = name, watched, clock, patience
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls, self._fingerprint = parts.scheme == "ssl", fingerprint
        self._known: dict[str, ScriptStatus] = {}
        self._unkept: dict[str, str] = {}
        self._deaf: set[str] = set()

    @property
    def name(self) -> str:
        return self._name

    def remember(self, facts: Mapping[str, str]) -> None:
        for script in self._watched:
            if found := ScriptStatus.kept(facts.get(_key(script), "")):
                self._known[script] = found

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
        if self._unkept:
            yield self._bookmark()

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
                if self._unkept:
                    yield self._bookmark()
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
        before = self._known.get(script)
        if text is None or script not in self._watched or (before is not None and before.text == text):
            return []
        now = ScriptStatus(before.changes + 1 if before else 0, text)
        self._known[script] = now
        self._unkept[_key(script)] = now.fact()
        told = f"{_key(script)}:{now.changes}:{text}"
        return [Hint(where, told) for where in self._watched[script]] if before is not None else []

    def _bookmark(self) -> Bookmark:
        facts, self._unkept = self._unkept, {}
        return Bookmark(facts)


def _key(script: str) -> str:
    return script[:32]


def notified(method: str, params: Any) -> tuple[str, str | None] | None:
    """Script hash and status of a notification; None if it is of another kind, or out of shape."""
    if method != SUBSCRIBE or not isinstance(params, list) or len(params) != 2:
        return None
    script, status = params
    return (script, status_in(status)) if isinstance(script, str) else None


def status_in(value: Any) -> str | None:
    """A status, cut to 32 digits, empty if there is no transaction; None if it is out of shape."""
    if value is None:
        return ""
    return value[:32] if isinstance(value, str) and _HEX.fullmatch(value) else None


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
