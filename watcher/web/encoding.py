"""The project's JSON: amounts and times as text, long lists in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from watcher.domain.display import iso

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
