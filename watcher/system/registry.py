"""Registry of kinds: what a configuration may name, each loaded when it is named."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

K = TypeVar("K")


class Registry(UserDict[str, type[K]], Generic[K]):
    """The word after `kind:` → the kind. `places`: where each stands in
    a room, as in `console:ConsoleSettings`. Who names one loads nothing of the others.
    """

    data: dict[str, Any]

    def __init__(self, room: str, places: Mapping[str, str]) -> None:
        super().__init__()
        self.data = dict(places)
        self._room = room

    def __getitem__(self, word: str) -> type[K]:
        found = self.data[word]
        if isinstance(found, str):
            module, _, name = found.partition(":")
            found = self.data[word] = getattr(import_module(f"{self._room}.{module}"), name)
        kind: type[K] = found
        return kind
