"""Setup of an API: what `watcher init` asks of a newcomer, and what it writes of the answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from watcher.domain.credits.provider_count import Usage
from watcher.domain.records import Record
from watcher.ports.dialogue import Dialogue
from watcher.sources.http import HttpFailure

AS_CREDITS_DECIDE = "auto   # credits decide; or 5m, or cron"


class Probe(Record, frozen=True):
    """Answer of the provider about a key. `refused`: it is wrong. Neither: nobody knows, `text` says why."""

    sound: bool
    refused: bool
    text: str
    usage: Usage | None = None


def failed(failure: HttpFailure) -> Probe:
    """Probe that had no answer."""
    return Probe(sound=False, refused=failure.status in {401, 403}, text=failure.text)


class WalletDraft(Record, frozen=True):
    """Wallet as it was answered. `what`: the key that says what to watch, and its words."""

    source: str
    name: str
    address: str
    what: tuple[str, tuple[str, ...]]
    tag: str
    every: str = AS_CREDITS_DECIDE


class SourceSetup(ABC):
    """Questions of one kind of source, its check of a key included."""

    source: ClassVar[str]
    key: ClassVar[str]
    """The key of a wallet that says what to watch at its address."""
    every: ClassVar[str] = AS_CREDITS_DECIDE
    title: ClassVar[str]
    """The API's name, as people know it."""
    offer: ClassVar[str]
    """The question whether it is wanted."""
    base_url: ClassVar[str]
    check_cost: ClassVar[str]
    """What `probe` costs, said before it is made."""
    purposes: ClassVar[Mapping[str, str]]
    """What a wallet there may be for, which is its tag → its meaning; the usual one first."""

    @abstractmethod
    async def probe(self, base_url: str, key: str) -> Probe:
        """Whether the key works."""

    @abstractmethod
    def limits(self, dialogue: Dialogue, probe: Probe | None) -> str:
        """The line of the configuration that says what may be spent. `probe`: what is known of the key."""

    @abstractmethod
    def limit(self, count: int | None) -> str:
        """The same of somebody who is not asked; None: what is usual."""

    @abstractmethod
    def what(self, dialogue: Dialogue, base_url: str, key: str, usual: Sequence[str]) -> tuple[str, ...]:
        """What to watch at an address. `key` is empty if it is to be set later; `usual`: the last answer."""

    def draft(self, name: str, address: str, what: tuple[str, ...], purpose: str) -> WalletDraft:
        """A wallet as it was answered."""
        return WalletDraft(self.source, name, address, (self.key, what), purpose, self.every)


def words_of(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)
