"""PostgreSQL's errors to ours, once. Its words about connections are not passed on: they tell secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from watcher.domain.values.errors import StoreBusyError, StoreError

_FULL = "the disk of the server is full; make room there"
_READ_ONLY = (
    "the server is a replica or takes no writes; name the primary, as with target_session_attrs=read-write"
)
_ENDS = "the server ends connections; it stops, or starts anew"
_STARTS = "the server starts, and takes no connections yet"
_MANY = "the server has no connection left; raise its max_connections, or lower `pool`"
_SLOW = "the server took too long; look at its load and at what holds locks (pg_stat_activity)"
_TLS = "there is no safe connection to the server (TLS); see `sslmode` in the URL"
_LOST = "the connection was lost in the middle of it"

_PASSING = {
    "53100": _FULL,
    "53200": "the server is out of memory",
    "53300": _MANY,
    "25006": _READ_ONLY,
    "57P01": _ENDS,
    "57P02": _ENDS,
    "57P03": _STARTS,
    "57P05": _LOST,
    "25P03": _LOST,
    "57014": _SLOW,
    "40003": _LOST,
}
_KEEPS_NOTHING = ("53100", "25006")
_QUICKER = "others keep writing the same; it was tried again and again"
_AGAIN = {"40001": _QUICKER, "40P01": _QUICKER, "23505": _QUICKER, "55P03": _SLOW}
_BROKEN = {
    "42501": "the user lacks a right there; it must own the schema",
    "3F000": "there is no such schema; `watcher store migrate` makes it",
    "42P01": "a table is missing; `watcher store migrate` makes what is missing",
    "42703": "a column is missing; another watcher has another schema",
    "3D000": "there is no such database; have it made, with its user as the owner",
    "28P01": "the server refuses the user or the password",
    "28000": "the server refuses the user, or how it connects (pg_hba.conf)",
    "XX001": "a table of the server is damaged",
    "XX002": "an index of the server is damaged",
}
_REFUSALS = (
    (("system is starting up", "in recovery mode", "not yet accepting connections"), _STARTS, True),
    (("system is shutting down", "terminating connection"), _ENDS, True),
    (("read-only", "not accepting"), _READ_ONLY, True),
    (("password authentication", "no password supplied", "SASL", "fe_sendauth"), _BROKEN["28P01"], False),
    (("pg_hba.conf", "peer authentication", "role"), _BROKEN["28000"], False),
    (("database",), _BROKEN["3D000"], False),
    (("certificate", "SSL", "TLS"), _TLS, False),
    (("too many clients", "too many connections", "remaining connection slots"), _MANY, True),
    (("translate host name", "resolve"), "the name of the host is not known", True),
)  # fmt: skip
"""What the server or the library says where it lets nobody in, our words, and whether it may pass."""
_AT_THE_DOOR = ("FATAL", "certificate", "SSL", "host name", "fe_sendauth")
"""One of these is said by whom nobody gets past."""


class StoreRefusedError(StoreError):
    """The server lets nobody in, or lacks what is kept there: a mistake at the start, an outage later."""


class StoreReadOnlyError(StoreBusyError):
    """The server answers, and keeps nothing."""


class StoreConflictError(StoreBusyError):
    """Another transaction was quicker: this one was undone, and can be done anew. `code`: the server's."""

    code = ""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Raise StoreBusyError for what may pass, StoreError for what will not."""
    try:
        yield
    except psycopg.Error as error:
        raise of(place, error) from None  # a cause would be shown with the words of the library


def of(place: str, error: psycopg.Error) -> StoreError:
    """What is said of an error of the library."""
    code = error.sqlstate
    if code is None:
        return _about_connection(place, error)
    if code in _AGAIN:
        conflict = StoreConflictError(f"{place}: {_AGAIN[code]}")
        conflict.code = code
        return conflict
    if code in _PASSING or code.startswith("08"):
        kind = StoreReadOnlyError if code in _KEEPS_NOTHING else StoreBusyError
        return kind(f"{place}: {_PASSING.get(code, _LOST)}")
    if code in _BROKEN:
        return StoreRefusedError(f"{place}: {_BROKEN[code]}")
    return StoreError(f"{place}: {error.diag.message_primary} ({code})")


def _about_connection(place: str, error: psycopg.Error) -> StoreError:
    """The library has no code for who was not let in, and for a server that went away."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreError(f"{place}: {type(error).__name__}")
    said = str(error)
    if any(mark in said for mark in _AT_THE_DOOR):
        for marks, words, passing in _REFUSALS:
            if any(mark in said for mark in marks):
                return (StoreBusyError if passing else StoreRefusedError)(f"{place}: {words}")
    out_of_reach = any(mark in said for mark in ("connection failed", "connection to server", "timeout"))
    if out_of_reach or isinstance(error, psycopg.errors.ConnectionTimeout):
        return StoreBusyError(f"{place}: the server cannot be reached")
    return StoreBusyError(f"{place}: {_LOST}")
