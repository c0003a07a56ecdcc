"""Somebody who is asked by the setup of a kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Answers:
    """Somebody who answers with what is offered, and with these words where nothing is."""

    def __init__(self, **words: str) -> None:
        self._words = words
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def list(self, words: Collection[str]) -> None:
        self.said.append(", ".join(words))

    def ask(self, question: str, default: str | None = None) -> str:
        return next((word for name, word in self._words.items() if name in question), default or "")

    def choose(self, question: str, options: Mapping[str, str], default: str) -> str:
        assert default in options
        return next((word for word in self._words.values() if word in options), default)

    def agree(self, question: str) -> bool:
        return True
