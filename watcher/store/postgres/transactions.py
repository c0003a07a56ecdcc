"""The store's work on PostgreSQL, done in its threads: every public method is one transaction."""

# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import NoReturn, Self

from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import Allowance, Booking, CreditRefusal, Grant
from watcher.domain.decision import Decision, Snapshot, SumKey
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account
from watcher.domain.values.errors import StoreError
from watcher.ports.members import Lease
from watcher.ports.store import Deciding, Settlement
from watcher.store.codec import to_ms
from watcher.store.postgres.pool import Pool

_UNREAD = "SELECT source, chain, address FROM accounts WHERE last_reading IS NULL OR last_reading < %s"


class PostgresTransactions:
    """What is done on the connections of one process. Belongs to no thread."""

    def __init__(self, pool: Pool, member: str, lease: Lease | None = None) -> None:
        """`lease`: on behalf of which it writes; once that is another's, it writes nothing."""
        self._pool, self._member, self._lease = pool, member, lease

    def led(self, lease: Lease) -> Self:
        other = copy(self)
        other._lease = lease  # noqa: SLF001
        return other

    def _not_yet(self) -> NoReturn:
        raise StoreError(f"{self._pool.place}: this store is not finished yet; use `kind: sqlite`")

    def load(self, accounts: Sequence[Account]) -> Snapshot:
        self._not_yet()

    def attempts(self, accounts: Sequence[Account]) -> dict[Account, datetime]:
        self._not_yet()

    def unread_since(self, at: datetime) -> list[Account]:
        with self._pool.connection() as conn:
            return [Account(*row) for row in conn.execute(_UNREAD, (to_ms(at),))]

    def live_alerts(self) -> list[Alert]:
        self._not_yet()

    def conclude(
        self, accounts: Sequence[Account], decide: Deciding, settlement: Settlement | None
    ) -> Decision:
        self._not_yet()

    def conclude_sums(
        self, read: Callable[[Mapping[SumKey, bool]], tuple[Sequence[Account], Deciding]], most: int
    ) -> Decision | None:
        self._not_yet()

    def reserve(self, booking: Booking, allowance: Allowance) -> Grant | CreditRefusal:
        self._not_yet()

    def fail(self, settlement: Settlement) -> None:
        self._not_yet()

    def spent(self, source: str, since: datetime) -> int:
        self._not_yet()

    def under_way(self, source: str, since: datetime) -> bool:
        self._not_yet()

    def running(self, since: datetime, now: datetime) -> None:
        self._not_yet()

    def facts(self, source: str) -> dict[str, str]:
        self._not_yet()

    def keep_facts(self, source: str, found: Mapping[str, str], now: datetime) -> None:
        self._not_yet()

    def change_fact(self, source: str, name: str, change: Callable[[str | None], str], now: datetime) -> str:
        self._not_yet()

    def due(self, channel: str, now: datetime, limit: int, *, critical: bool = False) -> list[Delivery]:
        self._not_yet()

    def next_due(self, channel: str) -> datetime | None:
        self._not_yet()

    def settle(self, deliveries: Sequence[Delivery], instead: Mapping[str, Delivery]) -> list[Delivery]:
        self._not_yet()

    def tidy(self, now: datetime) -> bool:
        self._not_yet()

    def others_wrote(self) -> bool:
        self._not_yet()
