"""JSON repair of what is nearly JSON: for an answer that cannot be decoded as it is, and for no other.

Half an emoji (JavaScript cuts strings by UTF-16 units), bytes that are not UTF-8, a byte order mark and NaN
(Python writes it) stand in names and in fields that nobody asked for. They must not cost the amounts beside
them. What cannot be read becomes U+FFFD in a text, and null where a number should be.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

_Read = TypeVar("_Read")

_BOM = b"\xef\xbb\xbf"
_REPLACED = rb"\ufffd"
_SLICE = 64 * 1024
_MOST = 100_000
"""Odd places in one answer; where there are more, it is given up. They take 0.2 s, in a thread."""

_HIGH, _LOW = re.compile(rb"[dD][89abAB][0-9a-fA-F]{2}"), re.compile(rb"[dD][c-fC-F][0-9a-fA-F]{2}")
_BEFORE, _AFTER = b":,[ \t\r\n", b",]} \t\r\n"

Edit = tuple[int, int, bytes]


class UnusableAnswerError(ValueError):
    """The answer cannot be used; the text says why."""


class NotJsonError(UnusableAnswerError):
    """It cannot be decoded as it is; mended it may be."""


def read_mended(data: bytes, reading: Callable[[bytes], _Read]) -> _Read:
    """Result of `reading` an answer; if it is not JSON, of the same answer mended. Not for the event loop."""
    try:
        return reading(data)
    except NotJsonError:
        found = mended(data)
        if found is None:
            raise
    return reading(found)


def mended(data: bytes) -> bytes | None:
    """The same answer with what was odd replaced; None if there is nothing of the kind, or too much."""
    text = _utf8(data.removeprefix(_BOM))
    edits = sorted([*_halves(text), *_words(text)])
    if len(edits) > _MOST or len(text) > 2 * len(data):
        return None
    parts, end = [], 0
    for start, stop, instead in edits:
        parts += [text[end:start], instead]
        end = stop
    found = b"".join([*parts, text[end:]])
    return found if found != data else None


def _utf8(data: bytes) -> bytes:
    """In slices, so that other threads have their turn."""
    if data.isascii():
        return data
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    slices = (data[start : start + _SLICE] for start in range(0, len(data), _SLICE))
    return b"".join(
        [*(decoder.decode(each).encode() for each in slices), decoder.decode(b"", final=True).encode()]
    )


def _halves(data: bytes) -> Iterator[Edit]:
    """Escapes of one half of a surrogate pair without the other."""
    end = 0
    for at in sorted([*_places(data, b"\\ud"), *_places(data, b"\\uD")]):
        if at < end or not _escapes(data, at):
            continue
        end = at + 6
        if _HIGH.match(data, at + 2):
            if data[end : end + 2] == b"\\u" and _LOW.match(data, end + 2):
                end += 6
            else:
                yield at, end, _REPLACED
        elif _LOW.match(data, at + 2):
            yield at, end, _REPLACED


def _escapes(data: bytes, at: int) -> bool:
    """Whether the backslash there is not itself escaped."""
    first = at
    while first and data[first - 1] == 0x5C:
        first -= 1
    return (at - first) % 2 == 0


def _words(data: bytes) -> Iterator[Edit]:
    """Words that JSON does not have, where a value stands. Within a text it costs that text a word."""
    for word in (b"NaN", b"Infinity"):
        for at in _places(data, word):
            stop, start = at + len(word), at - (data[at - 1 : at] == b"-")
            if data[start - 1 : start] in _BEFORE and data[stop : stop + 1] in _AFTER and start > 0:
                yield start, stop, b"null"


def _places(data: bytes, word: bytes) -> Iterator[int]:
    at, found = data.find(word), 0
    while at >= 0 and found <= _MOST:
        yield at
        at, found = data.find(word, at + 1), found + 1
