"""A whole store into another one, compared afterwards: all of it, or nothing is kept of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import counted
from watcher.ports.copying import TABLES, CopiedTable, Row, StoreContents, StoreFilling
from watcher.ports.store import StoreBackend

OFTEN = 1000
"""Rows after which it is told how far it is."""


class Copied(NamedTuple):
    """One table that is in both stores alike. `digest`: of all its rows, whatever their order."""

    table: str
    rows: int
    digest: str


class RowSum:
    """Number of the rows that pass, and a digest of them: rows that come in another order have the same."""

    def __init__(self) -> None:
        self.rows = self._sum = 0

    @property
    def digest(self) -> str:
        return f"{self._sum % 2**256:064x}"

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows += 1
            self._sum += int.from_bytes(sha256(json.dumps(row).encode()).digest())
            yield row


def copy(
    source: StoreContents, target: StoreFilling, progress: Callable[[float], None] = lambda _: None
) -> list[Copied]:
    """Every table, into a store that is empty. StoreError if they differ afterwards; the target's transaction
    is the caller's."""
    told = _Progress(2 * sum(source.count(table) for table in TABLES), progress)
    wanted = []
    for table in TABLES:
        given = RowSum()
        target.fill(table, told.over(given.over(_kept(source.rows(table), target))))
        wanted.append(given)
    target.go_on_from(source.numbers())
    return [
        _same(table, given, told.over(target.rows(table)))
        for table, given in zip(TABLES, wanted, strict=True)
    ]


def copy_store(
    source: StoreBackend, target: StoreBackend, progress: Callable[[float], None] = lambda _: None
) -> list[Copied]:
    """All of a store, on which no daemon works, into an empty one; nothing of it if anything differs."""
    with source.contents() as contents, target.filling() as filling:
        return copy(contents, filling, progress)


def _kept(rows: Iterable[Row], target: StoreFilling) -> Iterator[Row]:
    for row in rows:
        yield tuple(target.kept(value) if isinstance(value, str) else value for value in row)


def _same(table: CopiedTable, given: RowSum, rows: Iterable[Row]) -> Copied:
    found = RowSum()
    for _ in found.over(rows):
        pass
    if (found.rows, found.digest) != (given.rows, given.digest):
        differs = f"{counted(given.rows, 'row')} went, {found.rows} came"
        if found.rows == given.rows:
            differs = "a row came otherwise than it went"
        raise StoreError(f"table {table.name}: {differs}; nothing is kept of the copy")
    return Copied(table.name, found.rows, found.digest)


class _Progress:
    def __init__(self, rows: int, progress: Callable[[float], None]) -> None:
        self._rows, self._done, self._progress = max(rows, 1), 0, progress

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self._done += 1
            if self._done % OFTEN == 0:
                self._progress(self._done / self._rows)
            yield row
