"""Leases: who writes on behalf of a role may, as long as nobody else has gained it."""

from __future__ import annotations

from watcher.domain.values.errors import RoleLostError
from watcher.ports.members import Lease
from watcher.store.postgres.pool import Connection

_CHECK = "SELECT FROM leases WHERE role = %s AND term = %s AND member = %s FOR SHARE"

SILENT = 8.0
"""Seconds for which the server may wait for the next word of who has written something."""
_END_SILENT = """\
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = current_user AND datname = current_database() AND application_name LIKE 'watcher%%'
    AND backend_xid IS NOT NULL AND wait_event = 'ClientRead'
    AND state_change < clock_timestamp() - make_interval(secs => %s)"""


def check_lease(conn: Connection, lease: Lease) -> None:
    """First in a transaction. Who gains the role waits for its end; RoleLostError for who comes later."""
    if conn.execute(_CHECK, (lease.role, lease.term, lease.member)).fetchone() is None:
        raise RoleLostError(f"{lease.role} is led by another member by now; nothing was written")


def end_silent(conn: Connection, silent: float = SILENT) -> int:
    """End whoever stands still in the middle of writing, and holds up who waits for what it has locked; how
    many that were. The server has no limit for who has sent several statements at once."""
    return len(conn.execute(_END_SILENT, (silent,)).fetchall())
