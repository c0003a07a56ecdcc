"""Where a life of the daemon can be cut off: each named step of the way of an observation.

The product knows nothing of this. It is put around the wired classes in the daemon's own process,
by the launcher that the harness starts, and kills that process with SIGKILL at the n-th time that
the step is reached.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_doing = threading.local()
"""Which transaction the store thread is in."""

BEFORE, COMMIT, AFTER = "before", "commit", "after"
OF_A_POLL = "commit of a poll"

STEPS = {
    "booking: not begun": ("store", "reserve", BEFORE),
    "booking: written, not committed": ("store", "reserve", COMMIT),
    "booking: committed, nothing sent": ("store", "reserve", AFTER),
    "request: about to go out": ("source", "send", BEFORE),
    "request: answer read, nothing recorded": ("source", "send", AFTER),
    "facts: written, not committed": ("store", "keep_facts", COMMIT),
    "facts: committed": ("store", "keep_facts", AFTER),
    "recording: not begun": ("store", "conclude", BEFORE),
    "recording: written, not committed": ("store", "conclude", COMMIT),
    "recording: committed, nobody woken": ("store", "conclude", AFTER),
    "delivery: about to go out": ("channel", "send", BEFORE),
    "delivery: taken by the channel, not recorded": ("channel", "send", AFTER),
    "settling: written, not committed": ("store", "settle", COMMIT),
    "settling: committed": ("store", "settle", AFTER),
    "start: schema written, not committed": ("opening", "", COMMIT),
    "start: store open, nothing at work": ("app", "start", BEFORE),
    "start: alerts taken up, nothing at work": ("engine", "take_effect", AFTER),
    "end: polling over, sends cut off": ("app", "close", BEFORE),
    "end: store about to close": ("store", "close", BEFORE),
}
"""Name → what is wrapped, which method of it, and when in it."""

OF_HINTS = {
    "hint: heard, handed to nobody": ("inbox", "hinted", BEFORE),
    "hint: handed over, no poll begun": ("inbox", "hinted", AFTER),
    "hint: poll written, not committed": ("store", "conclude", OF_A_POLL),
}
"""The same of the way of a hint, from its source to the record of the poll that it causes."""

OF_MEMBERS = {
    "role: had, nothing at work": ("duty", "take_up", BEFORE),
    "role: its work begun": ("duty", "take_up", AFTER),
    "jobs: about to be handed out": ("work", "hand", BEFORE),
    "jobs: handed out, and not known to be": ("work", "hand", AFTER),
    "job: taken, nothing asked": ("jobs", "do", BEFORE),
    "job: done, and not known to be": ("jobs", "do", AFTER),
}
"""The same of what only members do."""

AT_THE_END = frozenset(name for name in STEPS if name.startswith("end:"))
"""Reached only after SIGTERM."""

ONCE = frozenset(name for name in STEPS if name.startswith(("start:", "end:")))
"""Reached once in a life at most."""

AT_BIRTH = "start: schema written, not committed"
"""Reached only where there is no store yet."""


def arm(step: str, nth: int, by: int = signal.SIGKILL) -> None:
    """From now on this process kills itself, or stands still, when it reaches `step` for the `nth` time."""
    what, method, when = {**STEPS, **OF_HINTS, **OF_MEMBERS}[step]
    fuse = _Fuse(nth, by)
    if when in (COMMIT, OF_A_POLL):
        _at_commit(method, fuse, polls=when == OF_A_POLL)
        if "watcher.store.postgres.store" in sys.modules:
            _at_commit_of_members(method, fuse)
        return
    if what == "inbox":
        _around_hint(method, when, fuse)
        return
    for owner in _owners(what):
        _around(owner, method, when, fuse)


class _Fuse:
    def __init__(self, nth: int, by: int) -> None:
        self._left, self._by = nth, by
        self._lock = threading.Lock()

    def burn(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._by)


def _owners(what: str) -> list[type[Any]]:
    from watcher.app.application import App
    from watcher.app.duties import Duty
    from watcher.notify.apprise.channel import AppriseChannel
    from watcher.service.engine import RuleEngine
    from watcher.sources.coinstats.source import CoinStatsSource
    from watcher.sources.teos.source import TeosSource
    from watcher.store.sqlite.store import SqliteStore

    owners: dict[str, list[type[Any]]] = {
        "store": [SqliteStore],
        "source": [CoinStatsSource, TeosSource],
        "channel": [AppriseChannel],
        "app": [App],
        "duty": [Duty],
        "engine": [RuleEngine],
    }
    if (
        "watcher.store.postgres.store" in sys.modules
    ):  # loaded by who starts lives, where members are among them
        from watcher.queues.jobs import JobQueue
        from watcher.store.postgres.jobs import PostgresSharedWork
        from watcher.store.postgres.store import PostgresStore

        owners["store"].append(PostgresStore)
        owners |= {"work": [PostgresSharedWork], "jobs": [JobQueue]}
    return owners[what]


def _around(owner: type[Any], method: str, when: str, fuse: _Fuse) -> None:
    original: Callable[..., Any] = getattr(owner, method)

    @functools.wraps(original)
    async def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        if when == BEFORE:
            fuse.burn()
        result = await original(self, *args, **options)
        if when == AFTER:
            fuse.burn()
        return result

    setattr(owner, method, wrapped)


def _around_hint(method: str, when: str, fuse: _Fuse) -> None:
    """What plans polls is told of a hint, and returns at once."""
    from watcher.app.schedules import SourceSchedule

    original: Callable[..., Any] = getattr(SourceSchedule, method)

    @functools.wraps(original)
    def wrapped(*args: Any) -> Any:
        if when == BEFORE:
            fuse.burn()
        result = original(*args)
        fuse.burn()
        return result

    setattr(SourceSchedule, method, wrapped)


def _at_commit(method: str, fuse: _Fuse, *, polls: bool = False) -> None:
    """Burn when SQLite is about to execute COMMIT: all is written, nothing of it is durable. `polls`: only
    where a request is settled with it."""
    import watcher.store.sqlite.transactions

    module: Any = watcher.store.sqlite.transactions
    if method:
        original: Callable[..., Any] = getattr(module.Transactions, method)

        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **options: Any) -> Any:
            _doing.method = None if polls and args[-1] is None else method
            try:
                return original(self, *args, **options)
            finally:
                _doing.method = None

        setattr(module.Transactions, method, wrapped)
    upgrade = module.upgrade

    def opening(path: Any, conn: Any) -> None:
        """What every store does first with its connection."""

        def on_statement(text: str) -> None:
            if text.strip().upper() == "COMMIT" and getattr(_doing, "method", None) == (method or "opening"):
                fuse.burn()

        conn.set_trace_callback(on_statement)
        _doing.method = "opening"
        try:
            upgrade(path, conn)
        finally:
            _doing.method = None

    module.upgrade = opening


def _at_commit_of_members(method: str, fuse: _Fuse) -> None:
    """Burn when a transaction on PostgreSQL is about to be committed."""
    import psycopg

    import watcher.store.postgres.store
    import watcher.store.postgres.transactions

    module: Any = watcher.store.postgres.store
    owner: Any = watcher.store.postgres.transactions.PostgresTransactions
    if method:
        setattr(owner, method, _named(getattr(owner, method), method))
    module.migrate = _named(module.migrate, "opening")
    begin = psycopg.Connection.transaction

    @contextmanager
    def transaction(self: Any, *args: Any, **options: Any) -> Iterator[Any]:
        outermost = self.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        with begin(self, *args, **options) as one:
            yield one
            if outermost and getattr(_doing, "method", None) == (method or "opening"):
                fuse.burn()

    psycopg.Connection.transaction = transaction  # type: ignore[method-assign]
    execute: Any = psycopg.Connection.execute

    def executed(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        if query == "COMMIT" and method and getattr(_doing, "method", None) == method:
            execute(self, "SELECT 1").fetchone()  # what was sent at once is written by then
            fuse.burn()
        return execute(self, query, *args, **options)

    psycopg.Connection.execute = executed  # type: ignore[method-assign]


def _named(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A function while which its thread is known to do so."""

    @functools.wraps(original)
    def wrapped(*args: Any, **options: Any) -> Any:
        _doing.method = name
        try:
            return original(*args, **options)
        finally:
            _doing.method = None

    return wrapped
