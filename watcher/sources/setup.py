"""Setup of an API: what `watcher init` asks of a newcomer, and what it writes of the answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from watcher.domain.credits.provider_count import Usage
from watcher.ports.dialogue import Dialogue
from watcher.sources.http import HttpFailure


@dataclass(frozen=True, slots=True)
class Probe:
    """Answer of the provider about a key. `refused`: it is wrong. Neither: nobody knows, `text` says why."""

    sound: bool
    refused: bool
    text: str
    usage: Usage | None = None


def failed(failure: HttpFailure) -> Probe:
    """Probe that had no answer."""
    return Probe(sound=False, refused=failure.status in {401, 403}, text=failure.text)


@dataclass(frozen=True, slots=True)
class WalletDraft:
    """Wallet as it was answered. `what`: the key that says what to watch, and its words."""

    source: str
    name: str
    address: str
    what: tuple[str, tuple[str, ...]]
    tag: str
    every: str = "auto   # credits decide; or 5m, or cron"


class SourceSetup(ABC):
    """Questions of one kind of source, its check of a key included."""

    title: ClassVar[str]
    """The API's name, as people know it."""
    offer: ClassVar[str]
    """The question whether it is wanted."""
    base_url: ClassVar[str]
    check_cost: ClassVar[str]
    """What `probe` costs, said before it is made."""

    @abstractmethod
    async def probe(self, base_url: str, key: str) -> Probe:
        """Whether the key works."""

    @abstractmethod
    def limits(self, dialogue: Dialogue, probe: Probe | None) -> str:
        """The line of the configuration that says what may be spent. `probe`: what is known of the key."""

    @abstractmethod
    def wallet(self, dialogue: Dialogue, base_url: str, key: str) -> WalletDraft:
        """The first wallet. `key` is empty if it is to be set later."""


def words_of(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)
