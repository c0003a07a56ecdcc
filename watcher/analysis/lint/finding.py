"""What a lint says."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.domain.records import Record

SHOWN = 3


class Finding(Record, frozen=True):
    """Something about a rule (or, with an empty `rule`, about wallets) that somebody should look at.

    `lint` is its short name, for scripts. `subjects` are what it is about: labels of holdings, names of
    accounts or wallets.
    """

    lint: str
    rule: str
    what: str
    remedy: str
    subjects: tuple[str, ...] = ()

    def __str__(self) -> str:
        about = f"rule {self.rule}: " if self.rule else ""
        return f"{about}{self.what}; {self.remedy}"


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN:,} more"
