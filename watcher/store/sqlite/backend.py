"""The store on SQLite as the configuration names it: its file, whether or not it is there yet."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.store.kind import StoreKind
from watcher.store.sqlite.location import named, other_store

if TYPE_CHECKING:
    from watcher.domain.audit import Actor
    from watcher.ports.commands import Commands
    from watcher.ports.queries import Queries
    from watcher.store.sqlite.contents import SqliteContents, SqliteFilling
    from watcher.store.sqlite.store import SqliteStore


class SqliteSettings(StoreKind):
    """Where the store is; a relative path starts at the configuration file's folder."""

    kind: Literal["sqlite"] = "sqlite"
    path: Path = Path("watcher.db")
    """The file; a relative path starts at the folder of the configuration."""

    def backend(self, config: Path, member: str = "") -> SqliteBackend:  # noqa: ARG002
        return SqliteBackend(config.parent / self.path, config)


class SqliteBackend:
    """One file, and the configuration that it belongs to."""

    def __init__(self, path: Path, config: Path) -> None:
        self._named, self._config = path, config
        self._path = named(path)

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return self._file().exists()

    def queries(self) -> Queries:
        from watcher.store.sqlite.queries import SqliteQueries

        return SqliteQueries(self._file())

    def commands(self, actor: Actor) -> Commands:
        from watcher.store.sqlite.commands import SqliteCommands

        return SqliteCommands(self._file(), actor)

    async def open(self, *, exclusive: bool) -> SqliteStore:
        from watcher.store.sqlite.store import SqliteStore

        return await SqliteStore.open(self._file(), exclusive=exclusive)

    @contextmanager
    def only_deliverer(self, channels: Collection[str]) -> Iterator[bool]:  # noqa: ARG002
        from watcher.store.sqlite.connection import StoreLock

        try:
            lock = StoreLock(self._file())
        except StoreInUseError:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def backup(self, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
        from watcher.store.sqlite.backup import backup

        backup(self._file(), target, progress)

    def contents(self) -> AbstractContextManager[SqliteContents]:
        from watcher.store.sqlite.contents import leaving

        return leaving(self._file())

    def filling(self) -> AbstractContextManager[SqliteFilling]:
        from watcher.store.sqlite.contents import filling

        return filling(self._path)

    def clock(self) -> None:
        """The machine's."""

    def warning(self) -> str:
        other = other_store(self._named, self._config)
        if other is None or not self._path.exists():
            return ""
        return (
            f"{self._path} is the store in use; {other} is another one of this configuration, made when it "
            "was named in other words. What that one holds (credits spent, alerts, silences) counts for "
            "nothing here, and its credits are spent all the same; stop what runs on it, then move it out of "
            "that folder"
        )

    def _file(self) -> Path:
        """The file. StoreError if there is none yet, and one that was lost sight of elsewhere."""
        if not self._path.exists() and (other := other_store(self._named, self._config)) is not None:
            moving = f"mv {shlex.quote(str(other))}* {shlex.quote(str(self._path.parent))}/"
            raise StoreError(
                f"{self._path}: there is no store here; an earlier watcher, or one that was told of "
                f"{self._config} in other words, kept one at {other}. Its credits are spent and its alerts "
                f"are told. Stop what runs on it, then: {moving} (or, if it is not wanted, move it out of "
                "that folder)"
            )
        return self._path
