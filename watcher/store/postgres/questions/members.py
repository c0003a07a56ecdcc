"""Members as all see them: who is at work, and who leads what."""

from __future__ import annotations

from watcher.ports.members import MemberState, WorkState
from watcher.store.codec import from_ms
from watcher.store.postgres.pool import Connection

_ALL = """
    SELECT name, since, seen, held('name', name), fingerprint, version, clock_offset, ARRAY(
        SELECT role::text FROM leases WHERE member = name AND held('role', role) ORDER BY role
    ) FROM members ORDER BY name
"""
_JOBS = "SELECT status::text, count(*) FROM procrastinate_jobs GROUP BY status"
_SUM_LAG = "SELECT coalesce(now_ms() - min(at), 0) FROM sums"


def all_of(conn: Connection) -> list[MemberState]:
    """Those that are at work, and those that went without a word."""
    return [
        MemberState(name, from_ms(since), from_ms(seen), at_work, tuple(leads), mark, version, offset)
        for name, since, seen, at_work, mark, version, offset, leads in conn.execute(_ALL)
    ]


def work_of(conn: Connection) -> WorkState:
    """Jobs, and sums that wait to be judged."""
    jobs = {"todo": 0, "doing": 0, **dict(conn.execute(_JOBS).fetchall())}
    lag = next(iter(conn.execute(_SUM_LAG)))[0]
    return WorkState(jobs, max(lag, 0) / 1000)
