"""Verdict: the answer of a rule, MET, NOT_MET or UNKNOWN, always with a because."""

from __future__ import annotations

import enum

from watcher.domain.records import Record


class Answer(enum.StrEnum):
    MET = "met"
    NOT_MET = "not met"
    UNKNOWN = "unknown"


class Verdict(Record, frozen=True):
    """One rule's answer about one subject, and why, in words for a person."""

    answer: Answer
    because: str


def met(because: str) -> Verdict:
    return Verdict(Answer.MET, because)


def not_met(because: str) -> Verdict:
    return Verdict(Answer.NOT_MET, because)


def unknown(because: str) -> Verdict:
    """An answer that moves no state."""
    return Verdict(Answer.UNKNOWN, because)
