"""Output on a terminal that does not know all characters: stand-ins in place of a traceback."""

from __future__ import annotations

import codecs
import io
import json
import sys
from typing import Any, TextIO

PLAIN = "plain-ascii"
"""ASCII by another name: typer takes a stream that calls itself ASCII for UTF-8."""

_STAND_INS = {
    "−": "-", "–": "-", "—": "-", "─": "-", "┤": "|", "└": "+", "░": ".", "…": "...", "→": "->", "×": "x",
    "÷": "/", "·": "-", "•": "*", "Δ": "change of ", "≈": "~", "≤": "<=", "≥": ">=", "€": "EUR ",
    "\u00a0": " ", "\u202f": " ", "‘": "'", "’": "'", "“": '"', "”": '"',
}  # fmt: skip
"""A minus sign must not become a question mark."""


def settle_streams() -> None:
    """From here on nothing that is printed, logged or typed fails for the sake of a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=PLAIN if ascii_only else None, errors=PLAIN)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")


def json_text(value: Any, stream: TextIO, **options: Any) -> str:
    """JSON as it stands if the stream takes it, or else with `\\u` escapes: it stays what was meant."""
    text = json.dumps(value, ensure_ascii=False, **options)
    encoding = stream.encoding or "ascii"
    try:
        if codecs.lookup(encoding).name.startswith("utf"):
            text.encode(encoding)
        else:
            text.encode("ascii")
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, **options)
    return text


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_one, error.object[error.start : error.end])), error.end


def _one(char: str) -> str:
    if "\u2800" <= char <= "\u28ff":  # Braille, of which charts are made
        return "*"
    return _STAND_INS.get(char, "?")


def _codec(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != PLAIN:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        found.encode,
        found.decode,
        found.streamreader,
        found.streamwriter,
        found.incrementalencoder,
        found.incrementaldecoder,
        name=PLAIN,
    )


codecs.register_error(PLAIN, _stand_in)
codecs.register(_codec)
