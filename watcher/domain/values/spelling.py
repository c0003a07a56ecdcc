"""Spelling: the known word that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    folded = {each.lower(): each for each in known}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy for a word that nobody knows: the one that was probably meant, or all there are."""
    words = sorted(set(known))
    close = closest(word, words)
    if close:
        return f"did you mean '{close}'?"
    if not words:
        return "there is none"
    shown = ", ".join(words[:15]) + (", …" if len(words) > 15 else "")
    return f"known here: {shown}"
