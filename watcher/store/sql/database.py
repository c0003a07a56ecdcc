"""Database: a connection that is spoken to in the SQL that SQLite and PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

Row = tuple[Any, ...]


class Database(Protocol):
    """In a statement `:name` stands for a value."""

    NUMBER: ClassVar[str]
    """The column by which deliveries are numbered as they come."""
    LOCKED: ClassVar[str]
    """How a SELECT ends after which nobody else changes its rows."""
    FIND: ClassVar[str]
    """The function that says where in a text another one stands; 0: nowhere."""
    BY_HAND: ClassVar[str]
    """What else is set where a delivery is due anew, so that it is seen."""

    def rows(self, sql: str, /, **values: object) -> Iterator[Row]: ...

    def stream(self, sql: str, /, **values: object) -> Iterator[Row]:
        """The same where there may be very many, read as they are taken."""
        ...

    def among(self, column: str, name: str) -> str:
        """Whether a column is one of the texts of a list."""
        ...

    def begins(self, column: str, name: str) -> str:
        """Whether a column begins with a text; found by index."""
        ...

    def folded(self, column: str) -> str:
        """A column for LIKE, which then takes a to z of the pattern for A to Z too, and for nothing else."""
        ...


def number(database: Database, sql: str, /, **values: object) -> int:
    """The one number that is the answer."""
    found: int = next(database.rows(sql, **values))[0]
    return found
