"""Commands on PostgreSQL: each a transaction beside the members at work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from watcher.domain.audit import Actor
from watcher.domain.model import Account, Asset, Quarantined
from watcher.store.codec import to_ms
from watcher.store.postgres import sums
from watcher.store.postgres.look import columns, lock
from watcher.store.postgres.migrate import check_version, version_of
from watcher.store.postgres.pool import Connection, Pool
from watcher.store.postgres.transactions import repeated
from watcher.store.sql.commands import SqlCommands

T = TypeVar("T")

_ASSETS = (
    "SELECT id, chain, token FROM assets JOIN unnest(%s::words[], %s::words[]) AS w (chain, token)"
    " USING (chain, token)"
)
_HIDE = (
    "INSERT INTO quarantine (account, asset, since, reason, baseline, by, newcomer)"
    " VALUES (%s, %s, %s, %s, false, %s, false) ON CONFLICT (account, asset) DO UPDATE SET"
    " since = excluded.since, reason = excluded.reason, baseline = false, by = excluded.by, newcomer = false"
)
_RELEASE = "DELETE FROM quarantine WHERE account = %s AND asset = %s"
_TOUCH = "UPDATE accounts SET misses = misses WHERE id = ANY(%s::bigint[])"
"""Whoever remembers them reads them anew."""


class PostgresCommands(SqlCommands[Connection]):
    """To one schema."""

    def __init__(self, pool: Pool, actor: Actor) -> None:
        super().__init__(actor)
        self._pool = pool

    def _do(self, work: Callable[[Connection], T]) -> T:
        def checked(conn: Connection) -> T:
            check_version(self._pool.place, version_of(conn))
            return work(conn)

        return repeated(self._pool, checked)

    def _hide(
        self, database: Connection, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined
    ) -> None:
        for where in self._found(database, holdings):
            database.execute(_HIDE, (*where, to_ms(hidden.since), hidden.reason, hidden.by))

    def _release(self, database: Connection, holdings: Sequence[tuple[Account, Asset]]) -> None:
        for where in self._found(database, holdings):
            database.execute(_RELEASE, where)

    def _found(self, conn: Connection, holdings: Sequence[tuple[Account, Asset]]) -> list[tuple[int, int]]:
        """Numbers of account and asset of each, of accounts that nobody else changes meanwhile; what is said
        of them is left to be judged in sums."""
        accounts = {
            account: found[0] for account, found in lock(conn, [each for each, _ in holdings]).items()
        }
        rows = conn.execute(_ASSETS, columns({asset for _, asset in holdings}, 2))
        assets = {Asset(*row[1:]): row[0] for row in rows}
        conn.execute(_TOUCH, (list(accounts.values()),))
        sums.owe_all_of(conn, sorted(accounts))
        return [(accounts[account], assets[asset]) for account, asset in holdings]
