"""Errors: few, named.

An adapter turns a foreign error into one of these at its edge, once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class WatcherError(Exception):
    """Base of all errors that are ours."""


class InputError(ValueError):
    """Invalid input: what is wrong with what a person wrote, the remedy, and the part of it that is wrong.

    `place` leads to that part from whatever is checked: keys, and numbers in lists. Empty: it is the whole.
    """

    def __init__(self, what: str, remedy: str = "", place: tuple[str | int, ...] = ()) -> None:
        super().__init__(what)
        self.what, self.remedy, self.place = what, remedy, place

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}" if self.remedy else self.what


class Advice(NamedTuple):
    """Warning about something that is allowed and probably not meant, and the remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


class Place(NamedTuple):
    """Position in a file. Lines and columns count from 1; 0: it is not known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(each) for each in self if each)


@dataclass(frozen=True, slots=True)
class Problem:
    """Finding in a configuration, rule or data file: where it stands, what is wrong, and the remedy."""

    place: Place
    what: str
    remedy: str = ""
    cause: InputError | None = field(default=None, compare=False, repr=False)
    """The error that it was found as, for who tells one kind from another."""
    way: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The page of reference about such files, and the keys, names and kinds that lead to the place."""

    @property
    def where(self) -> str:
        """`file:line:column`, as far as it is known."""
        return str(self.place)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


MOST_SHOWN = 200
"""Mistakes that people are shown at once."""


class ConfigurationError(WatcherError):
    """The configuration or a rule file is wrong. Carries every mistake found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """The mistakes for people: of a long table whose column is wrong, not every row."""
        shown = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        more = len(self.problems) - len(shown)
        return [*shown, f"… and {more:,} more; `watcher check --json` has all"] if more else shown


class StoreError(WatcherError):
    """The store cannot do what was asked (corrupt, newer version, no permission)."""


class StoreBusyError(StoreError):
    """The store is locked, full or read-only for now: the same call may succeed later."""


class RoleLostError(StoreError):
    """Another member leads by now what this one wrote on behalf of."""


class StoreInUseError(StoreError):
    """Another daemon has this store open."""
