"""Few, named; each says whether trying again can help.

An adapter turns a foreign error into one of these at its edge, once.
"""

from __future__ import annotations

from dataclasses import dataclass


class WatcherError(Exception):
    """Base of all errors that are ours. `retryable`: the same call may succeed later."""

    retryable = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration or rule file: where, what, and the remedy."""

    where: str
    """`file:line:column`, or the file alone."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.remedy}" if self.remedy else "")


class PartError(ValueError):
    """What is wrong with one part of something written. `place` leads to it: keys, and numbers in lists."""

    def __init__(self, words: str, *place: str | int) -> None:
        super().__init__(words)
        self.place = place


class ConfigurationError(WatcherError):
    """The configuration or a rule file is wrong. Carries every mistake found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class StoreError(WatcherError):
    """The store cannot do what was asked (corrupt, newer version, no permission)."""


class StoreBusyError(StoreError):
    """The store is locked, full or read-only for now."""

    retryable = True


class StoreInUseError(StoreError):
    """Another daemon has this store open."""
