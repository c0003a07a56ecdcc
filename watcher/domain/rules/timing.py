"""Timing: how a rule's alerts are told over time, repeats that may grow rarer, and escalation."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Words

MINUTE = timedelta(minutes=1)


class Growing(BaseModel):
    """Repeats whose interval grows by a factor each time, up to a limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Duration
    """Time before the first repeat."""
    grow: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = 1.0
    """Factor by which each wait is longer than the one before."""
    up_to: Duration | None = None
    """Longest wait; left out: a year."""

    @model_validator(mode="after")
    def _limit_is_possible(self) -> Growing:
        if self.up_to is not None and self.up_to < self.every:
            raise InputError(
                f"up_to ({format_duration(self.up_to)}) is shorter than every "
                f"({format_duration(self.every)})",
                "raise it, or leave it out",
                ("up_to",),
            )
        return self

    def after(self, repeats: int) -> timedelta:
        """The wait before the next repeat, after so many."""
        limit = self.up_to or timedelta(days=365)
        wait = self.every
        for _ in range(repeats):
            if wait >= limit or self.grow == 1:
                break
            wait *= self.grow
        return min(wait, limit) if self.grow > 1 else self.every


class Escalate(BaseModel):
    """Whom else to tell if nobody has acknowledged the alert so long after people were first told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Duration
    """Time from the first message on; a minute at least."""
    notify: Annotated[Words, Field(min_length=1)]
    """Names of the channels that are told then."""

    @model_validator(mode="after")
    def _people_have_time(self) -> Escalate:
        if self.after < MINUTE:
            raise InputError(f"{format_duration(self.after)} is shorter than a minute", place=("after",))
        return self


def _kind(value: Any) -> str:
    # The tags are no keys, so that the way to a mistake is found in the file.
    return "<growing>" if isinstance(value, dict | Growing) else "<duration>"


Repeat = Annotated[
    Annotated[Duration, Tag("<duration>")] | Annotated[Growing, Tag("<growing>")], Discriminator(_kind)
]


def first_interval(repeat: timedelta | Growing) -> timedelta:
    return repeat.every if isinstance(repeat, Growing) else repeat
