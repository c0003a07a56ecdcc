"""Copying of a whole store into another one: all of its tables, row by row, exactly as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol


class CopiedTable(NamedTuple):
    """Table as every store that can be copied has it. `amounts`: columns of exact decimals. `number`: the
    column whose next value the store gives out itself."""

    name: str
    columns: tuple[str, ...]
    amounts: frozenset[str] = frozenset()
    number: str = ""


Row = tuple[int | str | None, ...]
"""Times are milliseconds, amounts are decimals in their shortest form, flags are 1 and 0."""


class StoreContents(Protocol):
    """What is kept, as of one moment."""

    def count(self, table: CopiedTable) -> int:
        """How many rows there are, about."""
        ...

    def rows(self, table: CopiedTable) -> Iterator[Row]:
        """Every row, in no particular order."""
        ...

    def numbers(self) -> Mapping[str, int]:
        """By the names of tables the highest number that was ever given out, as far as the store knows."""
        ...


class StoreFilling(StoreContents, Protocol):
    """A store that was empty, in the one transaction that fills it."""

    def kept(self, text: str) -> str:
        """The text as this store can keep it."""
        ...

    def fill(self, table: CopiedTable, rows: Iterable[Row]) -> None: ...

    def go_on_from(self, numbers: Mapping[str, int]) -> None:
        """Give out higher numbers than these from now on."""
        ...


def _table(name: str, columns: str, *, amounts: str = "", number: str = "") -> CopiedTable:
    return CopiedTable(name, tuple(columns.split()), frozenset(amounts.split()), number)


TABLES = (
    _table(
        "accounts",
        "id source chain address last_reading last_attempt watched_since misses miss seen stale held"
        " unsettled omitted scales",
        number="id",
    ),
    _table(
        "assets",
        "id chain token symbol price price_at doubt same_as former named_at",
        amounts="price",
        number="id",
    ),
    _table("balances", "account asset amount since", amounts="amount"),
    _table(
        "changes",
        "id account asset before after before_at after_at price_before price_after drift",
        amounts="before after price_before price_after",
        number="id",
    ),
    _table("prices", "asset at price", amounts="price"),
    _table("quarantine", "account asset since reason baseline by newcomer"),
    _table("marks", "account asset rule fingerprint amount price at", amounts="amount price"),
    _table("spells", "account since until"),
    _table(
        "requests",
        "id source purpose accounts cost reserved_at ended_at charged readings misses failure outcomes",
        number="id",
    ),
    _table("spending", "source hour credits calls aside"),
    _table(
        "hinted", "id request source chain address by told_at hint at changed credits",
        number="id",
    ),
    _table("runs", "began seen"),
    _table(
        "alerts",
        "id rule fingerprint subject label wallet source chain address severity state since because reads"
        " fired_at told_at resolved_at closed told told_since repeats clear_since acknowledged_by"
        " acknowledged_at comment held owed escalated_at acknowledged_via",
    ),
    _table("flaps", "rule subject times since said last"),
    _table("silences", "id author comment created until rules wallets severities tags"),
    _table(
        "messages", "id alert kind severity rule subject wallet title facts at particulars", number="id"
    ),
    _table(
        "deliveries",
        "number id message channel state attempts last_error created due sent heard receipt",
        number="number",
    ),
    _table("event_acks", "event by at comment via"),
    _table(
        "happenings",
        "id at ended urgency rank state rule wallet acknowledged message words",
    ),
    _table("audit", "id at name via address action targets detail", number="id"),
    _table("facts", "source name value at"),
)  # fmt: skip
"""Each table after those that it names; `happenings` after those that it is made of."""
