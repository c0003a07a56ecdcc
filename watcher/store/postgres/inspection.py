"""What keeps a server from being used as it is, found out by asking it: nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from watcher.domain.values.errors import Advice
from watcher.store.postgres.migrate import migrations, version_of
from watcher.store.postgres.pool import Connection

OLDEST = 14
"""Version of PostgreSQL."""
_UPGRADE = f"version {OLDEST} or newer is needed: upgrade the server, or name another one"
_LOOKS = 8
"""A pooler gives one of the connections that it has at rest: nearly always it is found at once."""


def inspect(connect: Callable[[], Connection], schema: str) -> list[Advice]:
    """Each reason not to use the server, with its remedy. `connect`: a new connection that works in the
    schema, each statement a transaction."""
    with connect() as one:
        found = one.info.server_version
        if found < OLDEST * 10_000:
            # What else is asked of it, it may not know.
            version = f"{found // 10_000}.{found % 10_000}"
            return [Advice(f"the server is PostgreSQL {version}", _UPGRADE)]
        said = [*_role(one), *_encoding(one), *_rights(one, schema)]
        if _beside_a_pooler(one):
            with connect() as other:
                said += _pooling(one, other)
        return said or list(_schema(one, schema))


def _role(conn: Connection) -> Iterator[Advice]:
    if _asked(conn, "SELECT pg_is_in_recovery()"):
        yield Advice(
            "the server is a replica, which takes no writes",
            "name the primary, or all servers and target_session_attrs=read-write after the '?'",
        )
    elif _asked(conn, "SELECT current_setting('transaction_read_only')") == "on":
        remedy = "see default_transaction_read_only of the server, the database and the user"
        yield Advice("transactions on the server are read-only", remedy)


def _encoding(conn: Connection) -> Iterator[Advice]:
    encoding = _asked(conn, "SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        remedy = "make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        yield Advice(f"the database keeps text as {encoding}", remedy)


def _rights(conn: Connection, schema: str) -> Iterator[Advice]:
    user = _asked(conn, "SELECT quote_ident(current_user)")
    there = _asked(conn, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", schema)
    if not there:
        if not _asked(conn, "SELECT has_database_privilege(current_database(), 'CREATE')"):
            what = f"there is no schema {schema}, and user {user} may not make one"
            yield Advice(what, f"an owner of the database runs: CREATE SCHEMA {schema} AUTHORIZATION {user}")
        return
    if not _asked(conn, "SELECT has_schema_privilege(%s, 'USAGE') AND has_schema_privilege(%s, 'CREATE')",
                  schema, schema):  # fmt: skip
        what = f"user {user} may not make tables in schema {schema}"
        yield Advice(what, f"its owner runs: GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}")
    stranger = _asked(conn, _NOT_OURS, schema)
    if stranger is not None:
        what = f"the tables in schema {schema} belong to {stranger}, and user {user} may not change them"
        yield Advice(what, f"connect as {stranger}, or let it run: GRANT {stranger} TO {user}")


_NOT_OURS = """\
SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class
WHERE relnamespace = quote_ident(%s)::regnamespace AND relkind IN ('r', 'p')
AND NOT pg_has_role(relowner, 'USAGE') LIMIT 1"""


def _schema(conn: Connection, schema: str) -> Iterator[Advice]:
    known, found = len(migrations()), version_of(conn)
    if found.oldest > known:
        what = f"schema {schema} is of version {found.number}, this watcher knows {known}"
        yield Advice(what, "take the newer watcher, which wrote it, or another schema")
    elif not found.number and _asked(conn, _TABLES, schema):
        yield Advice(f"schema {schema} has tables of another program", "name another one as the schema")


_TABLES = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(%s)))"


def _beside_a_pooler(conn: Connection) -> bool:
    """Whether the process that answers is another one than was told when the connection was made."""
    return conn.info.backend_pid != _process(conn)


def _pooling(one: Connection, other: Connection) -> Iterator[Advice]:
    """Whether a connection is another one's between two statements. One that is kept for as long as its
    client is there (PgBouncer calls it session pooling) is as good as a server."""
    mine = _process(one)
    for _ in range(_LOOKS):
        if _process(one) != mine or _process(other) == mine:
            yield Advice(
                "a pooler stands before the server and gives each transaction another connection",
                "name the server itself, or a pool that keeps one for the session (pool_mode = session): "
                "what a member leads is a lock of its connection",
            )
            return


def _process(conn: Connection) -> int:
    """The process of the server that answers."""
    found: int = _asked(conn, "SELECT pg_backend_pid()")
    return found


def _asked(conn: Connection, question: str, *values: object) -> Any:
    row = conn.execute(question, values or None).fetchone()
    return row[0] if row else None
