"""Documents: what is large is encoded and compressed once for all who ask, and not sent to whoever has it.

Only the compressed form is kept, a thirtieth of the other; who takes no gzip is sent it unpacked, in pieces.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple, Protocol, TypeVar

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

from watcher.domain.values.formatting import iso

T = TypeVar("T")

PIECE = 200
"""Rows encoded at once: encoding holds every other thread, so no piece may take long."""
SENT = 64 * 1024
"""Bytes that are unpacked and sent at once."""
KEPT, LARGEST = 32, 16 * 1024 * 1024
"""Documents that are kept, and bytes of all of them."""
LEVEL = 5
_GZIP = zlib.MAX_WBITS | 16


class Content(NamedTuple):
    """What a document is made of. `total`: rows of the list that it is a page of, if that is known."""

    pieces: Iterable[bytes]
    total: int | None = None
    more: bool = False
    """Whether there is a page after it."""


class Packed(NamedTuple):
    """A body as it is kept. `tag`: equal where what it says is equal."""

    packed: bytes
    size: int
    """Bytes of the plain form."""
    tag: str
    total: int | None = None
    more: bool = False


class Work(Protocol):
    """Runs beside the loop."""

    def __call__(self, job: Callable[[], T]) -> Awaitable[T]: ...


class Documents:
    """The newest document of each name."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._kept: dict[Hashable, tuple[object, Packed]] = {}
        self._making: dict[Hashable, asyncio.Future[Packed]] = {}

    async def of(self, name: Hashable, source: object, make: Callable[[], Content]) -> Packed:
        """What `make` makes, unless it is kept already.

        `source`: equal to an earlier one where the document is the same. Who comes while one of this name is
        being made waits for that and takes it.
        """
        making = self._making.get(name)
        if making is None:
            making = asyncio.ensure_future(self._make(name, source, make))
            self._making[name] = making
            making.add_done_callback(lambda done: self._made(name, done))
        return await asyncio.shield(making)  # who leaves takes it from nobody else

    async def _make(self, name: Hashable, source: object, make: Callable[[], Content]) -> Packed:
        kept = self._kept.get(name)
        if kept is not None and kept[0] is source:
            document = kept[1]
        else:
            document = await self._work(
                lambda: kept[1] if kept is not None and kept[0] == source else pack(make())
            )
        self._keep(name, source, document)
        return document

    def _keep(self, name: Hashable, source: object, document: Packed) -> None:
        self._kept.pop(name, None)
        self._kept[name] = (source, document)
        while len(self._kept) > KEPT or sum(len(each.packed) for _, each in self._kept.values()) > LARGEST:
            del self._kept[next(iter(self._kept))]  # that which nobody has asked for for longest

    def _made(self, name: Hashable, done: asyncio.Future[Packed]) -> None:
        del self._making[name]
        if not done.cancelled():
            done.exception()  # whoever waited is told; if nobody does any more, it is nobody's


def pack(content: Content) -> Packed:
    """A document, compressed as it is made: the plain form is never there as a whole."""
    packer, digest, size, parts = zlib.compressobj(LEVEL, wbits=_GZIP), blake2b(digest_size=12), 0, []
    for piece in content.pieces:
        digest.update(piece)
        size += len(piece)
        parts.append(packer.compress(piece))
    parts.append(packer.flush())
    digest.update(f"{content.total} {content.more}".encode())
    return Packed(b"".join(parts), size, digest.hexdigest(), content.total, content.more)


def answer(
    request: web.Request, document: Packed, kind: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A document as whoever asks takes it, or 304 if they have it."""
    # A page may be kept by whoever asked for it, and by nobody on the way.
    told = {
        "ETag": f'W/"{document.tag}"', "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding",
        **(headers or {}),
    }  # fmt: skip
    if any(each.value in (document.tag, "*") for each in request.if_none_match or ()):
        return web.Response(status=304, headers=told)
    told["Content-Type"] = f"{kind}; charset=utf-8"
    if takes_gzip(request):
        return web.Response(body=document.packed, headers={**told, "Content-Encoding": "gzip"})
    return web.Response(body=_Unpacked(document), headers=told)


class _Unpacked(Payload):
    """The plain form of a document, sent in pieces, once the handler has given its place back."""

    def __init__(self, document: Packed) -> None:
        super().__init__(document)
        self._size, self._packed = document.size, document.packed

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return zlib.decompress(self._packed, _GZIP).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        unpacker, waiting = zlib.decompressobj(_GZIP), self._packed
        while not unpacker.eof:
            piece = unpacker.decompress(waiting, SENT)
            waiting = unpacker.unconsumed_tail
            await writer.write(piece)
            await asyncio.sleep(0)  # one who reads quickly does not hold the loop


def takes_gzip(request: web.Request) -> bool:
    """Whether who asks says so: of many balances that is a thirtieth of the bytes."""
    for each in ",".join(request.headers.getall("Accept-Encoding", [])).split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        if coding == "gzip":
            weights = [part.removeprefix("q=").strip() for part in parameters if part.startswith("q=")]
            return all(each.strip("0.") for each in weights)
    return False


def encoded(value: object) -> Iterator[bytes]:
    """A value as JSON, its long lists in pieces."""
    if isinstance(value, dict):
        yield b"{"
        for number, (key, part) in enumerate(value.items()):
            yield (", " if number else "").encode() + json.dumps(key).encode() + b": "
            yield from encoded(part)
        yield b"}"
    elif isinstance(value, list) and len(value) > PIECE:
        yield from listed(value)
    else:
        yield _text(value)


def listed(rows: Iterable[object]) -> Iterator[bytes]:
    """A list as JSON; its rows are made as they are needed."""
    yield b"["
    some: list[object] = []
    began = False
    for row in rows:
        some.append(row)
        if len(some) == PIECE:
            yield (b",\n" if began else b"") + _text(some)[1:-1]
            some, began = [], True
    yield (b",\n" if began and some else b"") + _text(some)[1:-1] + b"]"


def _text(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)
