"""The store on PostgreSQL as the configuration names it, whether or not it is there yet."""

# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from watcher.domain.values.errors import InputError, StoreError
from watcher.store.kind import StoreKind
from watcher.store.postgres.location import EXTRA, STAND_IN, DatabaseUrl, SchemaName, is_unknown, place_of

if TYPE_CHECKING:
    from watcher.domain.audit import Actor
    from watcher.domain.values.errors import Advice
    from watcher.ports.commands import Commands
    from watcher.ports.queries import Queries
    from watcher.store.postgres.clock import DatabaseClock
    from watcher.store.postgres.contents import PostgresContents, PostgresFilling
    from watcher.store.postgres.pool import Pool
    from watcher.store.postgres.store import PostgresStore

_UNKNOWN = (
    "the URL of the store is not known to this user: its variable is not set, and its file may not be read; "
    "run this as root (sudo watcher …), or as the user whose it is"
)
ENGINE = "procrastinate"
"""Hands out what members do."""
BESIDE = 4
"""Connections of a process for who looks at pages and gives commands, beside those that work."""
HANDING = 3
"""Connections of a process for what members hand each other: no sign of life waits for a decision."""


class PostgresSettings(StoreKind):
    """Which database, and which of its schemas: many machines may work on one."""

    shared: ClassVar[bool] = True
    stand_in: ClassVar[str] = STAND_IN

    kind: Literal["postgresql"] = "postgresql"
    url: DatabaseUrl
    """URL as libpq reads it: `postgresql://watcher@db.example.org/watcher?sslmode=verify-full`. A secret."""
    schema_name: Annotated[SchemaName, Field(alias="schema")] = "watcher"
    """The schema in which everything is kept; it is made if it is missing."""
    pool: Annotated[int, Field(ge=1, le=32)] = 4
    """Connections of this process that work at the same time."""

    @model_validator(mode="after")
    def _installed(self) -> PostgresSettings:
        if find_spec(ENGINE) is None:
            raise InputError(f"needs {ENGINE}, which is not installed", EXTRA)
        return self

    def refusals(self) -> Sequence[Advice]:
        from watcher.store.postgres.errors import translated
        from watcher.store.postgres.inspection import inspect

        pool = self.connections()
        with translated(pool.place):
            return inspect(pool.connect, self.schema_name)

    def backend(self, config: Path, member: str = "") -> PostgresBackend:
        return PostgresBackend(self, member)

    def connections(self, size: int = 1, name: str = "") -> Pool:
        """So many connections for a purpose of its own. `name`: of the member, for the server's lists."""
        if is_unknown(self.url):
            raise StoreError(_UNKNOWN)
        from watcher.store.postgres.pool import Pool

        return Pool(self.url, self.schema_name, size, name)


class PostgresBackend:
    """One schema of one database."""

    def __init__(self, settings: PostgresSettings, member: str = "") -> None:
        self.settings, self.member = settings, member

    def __str__(self) -> str:
        return place_of(self.settings.url)

    @cached_property
    def pool(self) -> Pool:
        """Connections of who looks and commands."""
        return self.settings.connections(BESIDE, self.member)

    def exists(self) -> bool:
        from watcher.store.postgres.migrate import version_of

        with self.pool.connection() as conn:
            return version_of(conn).number > 0

    def clock(self) -> DatabaseClock:
        from watcher.store.postgres.clock import DatabaseClock, ask_time

        clock = DatabaseClock()
        with self.pool.connection() as conn:
            ask_time(conn, clock)
        return clock

    def queries(self) -> Queries:
        from watcher.store.postgres.queries import PostgresQueries

        return PostgresQueries(self.pool)

    def commands(self, actor: Actor) -> Commands:
        from watcher.store.postgres.commands import PostgresCommands

        return PostgresCommands(self.pool, actor)

    async def open(self, *, exclusive: bool) -> PostgresStore:
        from watcher.store.postgres.store import PostgresStore

        pool = self.settings.connections(self.settings.pool, self.member)
        store = await PostgresStore.open(pool, self, self.member, exclusive=exclusive)
        store.share(self.settings.connections(HANDING, self.member))
        return store

    @contextmanager
    def only_deliverer(self, channels: Collection[str]) -> Iterator[bool]:
        from watcher.store.postgres.election import telling

        with telling(self.pool, channels) as alone:
            yield alone

    def backup(self, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
        from watcher.store.postgres.backup import backup

        backup(self.pool, self.settings.url.get_secret_value(), target, progress)

    def contents(self) -> AbstractContextManager[PostgresContents]:
        from watcher.store.postgres.contents import leaving

        return leaving(self.pool)

    def filling(self) -> AbstractContextManager[PostgresFilling]:
        from watcher.store.postgres.contents import filling

        return filling(self.pool)

    def warning(self) -> str:
        return ""
