"""What machines get: the project's JSON (amounts and times as text, long lists in pieces), and gzip."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from aiohttp import web

from watcher.domain.values.formatting import iso

PIECE = 200
"""Rows encoded at once: encoding holds every other thread, so no piece may take long."""


def encoded(value: Any) -> bytes:
    """A document as bytes."""
    return b"".join(_pieces(value))


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, dict):
        yield b"{"
        for number, (key, part) in enumerate(value.items()):
            yield (", " if number else "").encode() + json.dumps(key).encode() + b": "
            yield from _pieces(part)
        yield b"}"
    elif isinstance(value, list) and len(value) > PIECE:
        yield b"["
        for start in range(0, len(value), PIECE):
            yield (",\n" if start else "").encode() + _text(value[start : start + PIECE])[1:-1]
        yield b"]"
    else:
        yield _text(value)


def _text(value: Sequence[Any] | Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    return iso(value) if isinstance(value, datetime) else str(value)


class Form(NamedTuple):
    """How a body goes over the wire."""

    name: str
    headers: Mapping[str, str]

    def of(self, body: bytes) -> bytes:
        return gzip.compress(body, 6, mtime=0) if self.name == "gzip" else body


_VARY = {"Vary": "Accept-Encoding"}
PLAIN, GZIP = Form("plain", _VARY), Form("gzip", {**_VARY, "Content-Encoding": "gzip"})


def form_for(request: web.Request) -> Form:
    """gzip if whoever asks takes it: of many balances that is a thirtieth of the bytes."""
    for each in ",".join(request.headers.getall("Accept-Encoding", [])).split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        if coding == "gzip":
            weights = [part.removeprefix("q=").strip() for part in parameters if part.startswith("q=")]
            return PLAIN if any(not each.strip("0.") for each in weights) else GZIP
    return PLAIN
