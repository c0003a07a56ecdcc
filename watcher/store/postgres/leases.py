"""Leases: who writes on behalf of a role may, as long as nobody else has gained it."""

from __future__ import annotations

from watcher.domain.values.errors import StoreError
from watcher.ports.members import Lease
from watcher.store.postgres.pool import Connection

_CHECK = "SELECT FROM leases WHERE role = %s AND term = %s AND member = %s FOR SHARE"


def check_lease(conn: Connection, lease: Lease) -> None:
    """First in a transaction. Who gains the role waits for its end; StoreError for who comes after that."""
    if conn.execute(_CHECK, (lease.role, lease.term, lease.member)).fetchone() is None:
        raise StoreError(f"{lease.role} is led by another member by now; nothing was written")
