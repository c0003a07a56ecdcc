"""Members of an installation, as rows: who is at work, who leads what, and what is odd about one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from typing_extensions import TypedDict

from watcher.domain.values.durations import span
from watcher.ports.members import CLOCK_OFF, PLAN, MemberState


class MemberRow(TypedDict):
    """One of the members that share the store."""

    member: str
    at_work: bool
    since: datetime
    seen: datetime
    leads: list[str]
    version: str
    fingerprint: str
    clock_offset_seconds: float
    trouble: str


def member_rows(members: Sequence[MemberState], now: datetime) -> list[MemberRow]:
    """A row for each, by name."""
    planner = next((each for each in members if PLAN in each.leads), None)
    return [_row(each, planner, now) for each in members]


def _row(member: MemberState, planner: MemberState | None, now: datetime) -> MemberRow:
    return {
        "member": member.name,
        "at_work": member.at_work,
        "since": member.since,
        "seen": member.seen,
        "leads": list(member.leads),
        "version": member.version,
        "fingerprint": member.fingerprint,
        "clock_offset_seconds": member.clock_offset,
        "trouble": "; ".join(_troubles(member, planner, now)),
    }


def _troubles(member: MemberState, planner: MemberState | None, now: datetime) -> list[str]:
    if not member.at_work:
        return [f"away for {span(max(round((now - member.seen).total_seconds()), 0))}"]
    found = []
    if planner is not None and planner.fingerprint != member.fingerprint:
        found.append(f"has other rules or another watch list than {planner.name}, and does nothing")
    if planner is not None and planner.version != member.version:
        found.append(f"has version {member.version}, {planner.name} has {planner.version}")
    if abs(member.clock_offset) > CLOCK_OFF:
        way = "ahead" if member.clock_offset > 0 else "behind"
        found.append(f"the clock of its machine is {span(round(abs(member.clock_offset), 1))} {way}")
    return found


def leads_words(row: MemberRow) -> str:
    """What a member leads, for people; empty if nothing."""
    channels = [role.removeprefix("tell ") for role in row["leads"] if role != PLAN]
    parts = ["plans"] if PLAN in row["leads"] else []
    return "; ".join([*parts, f"tells {', '.join(channels)}"] if channels else parts)


def member_words(row: MemberRow) -> str:
    """One member in a line, for people."""
    return "; ".join(part for part in (leads_words(row), row["trouble"]) if part) or "leads nothing"


def member_troubles(rows: Sequence[MemberRow]) -> list[str]:
    """What is odd about some of them, for people."""
    return [f"member {row['member']}: {row['trouble']}" for row in rows if row["trouble"]]
