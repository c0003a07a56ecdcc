"""Text: the one cleaner of what anybody may have written, made fit for a terminal, a log, a page or a chat.

A token's name can hold terminal escapes, line breaks, marks that turn the reading direction, and what
nobody can see. None of it reaches an output; what markup does with the rest is each output's own.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_VALUE = 1000
"""Characters shown of one value."""

LONGEST_NAME = 64
"""Characters kept of a token's symbol."""

_ACTS = (
    *("=", "+", "-", "@"),
    "\N{FULLWIDTH EQUALS SIGN}",
    "\N{FULLWIDTH PLUS SIGN}",
    "\N{FULLWIDTH COMMERCIAL AT}",
)
"""How a text begins that a spreadsheet would take for a formula; some take full-width signs too."""

_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_SPACES = frozenset({"Zs", "Zl", "Zp"})
_KEPT_SPACES = frozenset({" ", "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"})

_JOINERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
_BESIDE = r"[^\x00-\x7f\s\u200c\u200d]"
_JOINED = re.compile(rf"(?<={_BESIDE})[\u200c\u200d](?={_BESIDE})")
_LONE = re.compile(rf"(?<!{_BESIDE})[\u200c\u200d]|[\u200c\u200d](?!{_BESIDE})")
"""Persian, Sinhala and others write with these, and pictures of people are made with them: between two signs
that are no ASCII. Anywhere else nobody can see them."""

_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/%?&=#+-]*)?")


def is_plain_url(text: str) -> bool:
    """Whether a text is nothing but a web address in which no markup and no trick can hide."""
    return _PLAIN_URL.fullmatch(text) is not None


def is_visible(text: str) -> bool:
    """Whether all of a text is seen, on one line; what joins signs of a script or of a picture is seen in
    them."""
    if text.isascii():
        return text.isprintable()
    return all(char.isprintable() or char in _KEPT_SPACES for char in _JOINED.sub("", text))


def visible(text: str) -> str:
    """The same text on one line, without control characters, terminal escapes, direction marks or other
    invisible ones."""
    if text.isascii() and text.isprintable():
        return text
    line = "".join(map(_visible, text))
    return line if _JOINERS.isdisjoint(line) else _LONE.sub("", line)


def clean(text: str) -> str:
    """The same, without spaces around it, and cut to a bearable length."""
    line = visible(text[: LONGEST_VALUE * 2]).strip(" ")
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1] + "…"


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: anybody can name a token `=cmd|…`."""
    line = clean(text)
    return f"'{line}" if line.startswith(_ACTS) else line


def named(text: str) -> str:
    """A symbol fit for one line of a message; anybody can name a token anything."""
    return " ".join(visible(text).split())[:LONGEST_NAME]


def _visible(char: str) -> str:
    if char in "\t\r\n":
        return " "
    if char in _JOINERS:
        return char
    category = unicodedata.category(char)
    if category in _INVISIBLE:
        return ""
    return " " if category in _SPACES and char not in _KEPT_SPACES else char
