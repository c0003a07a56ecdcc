"""Another kind of store, as small as one can be: state in memory, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from watcher.domain.values.errors import StoreError
from watcher.ports.copying import StoreContents, StoreFilling
from watcher.store.kind import StoreKind
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore


class MemoryKind(StoreKind):
    """Settings of the store. `states` has one for each configuration."""

    kind: Literal["mem"]
    states: ClassVar[dict[Path, State]] = {}

    def backend(self, config: Path, member: str = "") -> MemoryBackend:
        return MemoryBackend(self.states.setdefault(config, State()))


@dataclass
class MemoryBackend(MemoryStore):
    state: State

    def __post_init__(self) -> None:
        super().__init__(self.state)

    def __str__(self) -> str:
        return "the store in memory"

    def exists(self) -> bool:
        return True

    async def open(self, *, exclusive: bool) -> MemoryStore:
        return self

    def only_deliverer(self, channels: Collection[str]) -> AbstractContextManager[bool]:
        return nullcontext(True)

    def backup(self, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
        raise StoreError(f"{self} cannot be copied; choose `kind: sqlite` for a store that can")

    def contents(self) -> AbstractContextManager[StoreContents]:
        raise StoreError(f"{self} cannot be copied")

    def filling(self) -> AbstractContextManager[StoreFilling]:
        raise StoreError(f"{self} cannot be filled")

    def clock(self) -> None:
        """The machine's."""

    def warning(self) -> str:
        return ""
