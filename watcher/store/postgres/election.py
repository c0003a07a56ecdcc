"""Election: the one connection by which a member leads. What it has locked is free once that ends.

Locks are the session's, so a pooler that gives each transaction another connection would break them. They
spare double work, no more: who may still write, the term of a lease says (`leases`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from math import ceil

from watcher.domain.records import Record
from watcher.ports.members import CLOCK_WRONG, PLAN, Identity, tell
from watcher.store.postgres.errors import StoreConflictError, translated
from watcher.store.postgres.leases import end_silent
from watcher.store.postgres.pool import Pool

IDLE = 10
"""Seconds after which the server ends the session of a member that says nothing, as one that stands still."""

_OURS = {"idle_session_timeout": f"{IDLE}s", "statement_timeout": "6s", "synchronous_commit": "off"}
"""That a member was seen may be lost with the server: then all are seen anew."""

_CALLED = "SELECT pg_try_advisory_lock(lock_class('name'), hashtext(%(name)s))"
_SOON = "SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', '1s', true)"
_TAKE = """\
WITH won AS MATERIALIZED (
    SELECT role FROM unnest(%(roles)s::text[]) role
    WHERE pg_try_advisory_lock(lock_class('role'), hashtext(role)) LIMIT %(most)s
)
INSERT INTO leases AS known (role, member, term, since) SELECT role, %(name)s, 1, now_ms() FROM won
ON CONFLICT (role) DO UPDATE SET member = excluded.member, term = known.term + 1, since = excluded.since
RETURNING role, term"""
_TELLING = """\
SELECT coalesce(bool_and(pg_try_advisory_lock(lock_class('role'), hashtext(role))), true)
FROM unnest(%(roles)s::text[]) role"""
_LEAVE = "SELECT pg_advisory_unlock(lock_class('role'), hashtext(role)) FROM unnest(%(roles)s::text[]) role"
_BEAT = """\
WITH me AS (
    INSERT INTO members AS known (name, since, seen, fingerprint, wanted, version, clock_offset)
    VALUES (%(name)s, now_ms(), now_ms(), %(fingerprint)s, %(wanted)s, %(version)s, %(offset)s)
    ON CONFLICT (name) DO UPDATE SET seen = excluded.seen, fingerprint = excluded.fingerprint,
        wanted = excluded.wanted, version = excluded.version, clock_offset = excluded.clock_offset,
        since = CASE WHEN %(joins)s THEN excluded.since ELSE known.since END
)
SELECT extract(epoch FROM clock_timestamp())::float8, (SELECT min_version FROM schema_version),
    (SELECT member FROM leases WHERE role = %(plan)s AND held('role', role)),
    (SELECT coalesce(json_agg(json_build_array(name, fingerprint, wanted, clock_offset)), '[]')
    FROM members WHERE name <> %(name)s AND held('name', name))"""


class OtherMember(Record, frozen=True):
    """Another member that is at work."""

    name: str
    fingerprint: str
    wanted: tuple[str, ...]
    clock_offset: float = 0.0


class Standing(Record, frozen=True):
    """What a member finds when it says that it is there."""

    epoch: float
    """The server's time of day, in seconds."""
    oldest: int
    """The oldest version of the schema's watchers that works with it."""
    planner: str
    """Who plans; empty if nobody does."""
    peers: tuple[OtherMember, ...]


class Aims(Record, frozen=True):
    """What a member would take up now, and what it would leave to others."""

    take: tuple[str, ...] = ()
    """All of these that are free."""
    share: tuple[str, ...] = ()
    room: int = 0
    """So many of what is shared out."""
    leave: tuple[str, ...] = ()
    differs_from: str = ""
    """Who plans by other rules or another watch list."""
    to_others: bool = False
    """Whether others, whose clocks are right, lead what they can."""


def aims(identity: Identity, led: Collection[str], found: Standing, offset: float = 0.0) -> Aims:
    """What to lead, of what is wanted. Whoever plans says by which rules and watch list; of the channels that
    several would tell, each leaves to the others what is more than its share. Whose machine's clock is wrong
    (`offset`: this one's) leaves all to those whose clocks are right, if there are any: where none is, the
    server's may be."""
    if any(each.name == found.planner and each.fingerprint != identity.fingerprint for each in found.peers):
        return Aims(leave=tuple(led), differs_from=found.planner)
    peers = [each for each in found.peers if each.fingerprint == identity.fingerprint]
    right = [each for each in peers if abs(each.clock_offset) <= CLOCK_WRONG]
    alike = [set(each.wanted) for each in (right if abs(offset) <= CLOCK_WRONG else right or peers)]
    others = set().union(*alike)
    if right and abs(offset) > CLOCK_WRONG:
        mine = set(identity.wanted) - others
        return Aims(
            take=tuple(role for role in identity.wanted if role in mine and role not in led),
            leave=tuple(role for role in led if role not in mine),
            to_others=True,
        )
    others.discard(PLAN)
    shared = [role for role in identity.wanted if role in others]
    tellers = 1 + sum(bool(each.intersection(shared)) for each in alike)
    most = ceil(len(shared) / tellers)
    share = [role for role in shared if role in led]
    unwanted = [role for role in led if role not in identity.wanted]
    return Aims(
        take=tuple(role for role in identity.wanted if role not in others and role not in led),
        share=tuple(role for role in shared if role not in led),
        room=max(most - len(share), 0),
        leave=(*unwanted, *share[most:]),
    )


class Ballot:
    """One connection, for as long as it lasts. StoreError once it is lost."""

    def __init__(self, pool: Pool) -> None:
        self._place = pool.place
        self._conn = pool.connect()
        try:
            with translated(self._place):
                for name, value in _OURS.items():
                    self._conn.execute("SELECT set_config(%s, %s, false)", (name, value))
        except BaseException:
            self._conn.close()
            raise

    def fileno(self) -> int:
        """What becomes readable when the server ends the connection, or has news."""
        with translated(self._place):
            return self._conn.pgconn.socket

    def called(self, name: str) -> bool:
        """Whether nobody else at work has this name; it is taken."""
        with translated(self._place):
            row = self._conn.execute(_CALLED, {"name": name}).fetchone()
        return row == (True,)

    def beat(self, identity: Identity, offset: float, *, joins: bool) -> Standing:
        """Say that one is there, and see how things are. `offset`: of the machine's clock."""
        values = {
            "name": identity.name, "fingerprint": identity.fingerprint, "version": identity.version,
            "wanted": "\n".join(identity.wanted), "offset": offset, "joins": joins, "plan": PLAN,
        }  # fmt: skip
        with translated(self._place):  # one statement: in the middle of several no session is idle
            row = self._conn.execute(_BEAT, values).fetchone() or (0.0, 0, None, [])
        peers = tuple(
            OtherMember(name, mark, _roles(wanted), offset) for name, mark, wanted, offset in row[3]
        )
        return Standing(row[0], row[1], row[2] or "", peers)

    def take(self, name: str, roles: Sequence[str], most: int) -> Mapping[str, int]:
        """The terms of those roles that were free, so many at most."""
        if not roles or not most:
            return {}
        values = {"name": name, "roles": list(roles), "most": most}
        try:
            with translated(self._place), self._conn.transaction():
                self._conn.execute(_SOON)
                return dict(self._conn.execute(_TAKE, values).fetchall())
        except StoreConflictError:  # whoever led it writes still, or stands still in the middle of it
            self.leave(roles)
            with translated(self._place):
                end_silent(self._conn)
            return {}

    def leave(self, roles: Sequence[str]) -> None:
        """Let others lead them."""
        with translated(self._place):
            self._conn.execute(_LEAVE, {"roles": list(roles)})

    def close(self, name: str = "") -> None:
        """End the session. `name`: of a member that is not to be waited for."""
        with suppress(Exception):
            if name:
                self._conn.execute("DELETE FROM members WHERE name = %s", (name,))
        self._conn.close()

    def abandon(self) -> None:
        """End what the server does not answer, from another thread: who waits for it waits no longer."""
        self._conn.cut()


@contextmanager
def telling(pool: Pool, channels: Collection[str]) -> Iterator[bool]:
    """Whether no member tells one of these channels; none begins to before the end of the block."""
    with closing(pool.connect()) as conn, translated(pool.place):
        row = conn.execute(_TELLING, {"roles": sorted(map(tell, channels))}).fetchone()
        yield row == (True,)


def _roles(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()
