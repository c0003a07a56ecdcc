"""Dialogue: what kinds of source and of hints ask of whoever sets one up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class Dialogue(Protocol):
    """Dialogue with whoever is asked. Questions come without the blank behind them."""

    def say(self, text: str) -> None:
        """One line."""
        ...

    def list(self, words: Collection[str]) -> None:
        """Many words, in order, folded to the width of the screen."""
        ...

    def ask(self, question: str, default: str | None = None) -> str:
        """The answer without blanks around it. Without a default it is asked for until there is one."""
        ...

    def choose(self, question: str, options: Mapping[str, str], default: str) -> str:
        """One of the options (word → its meaning), asked for until it is one."""
        ...

    def agree(self, question: str) -> bool:
        """Yes or no; nothing said is a yes."""
        ...
