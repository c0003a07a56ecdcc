"""A server that would lose what is kept, or let two lead at once, is refused before anything is written."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from tests.chaos.database import pooler
from tests.postgresql import USER, Cluster, running_postgresql
from tests.store.postgres.given import pool, rows
from watcher.store.postgres.inspection import inspect
from watcher.store.postgres.migrate import migrate, migrations
from watcher.store.postgres.pool import Connection


def connect(url: str, **more: Any) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(url, autocommit=True, **more)


def found(url: str, **more: Any) -> list[str]:
    return [str(each) for each in inspect(lambda: pool(url).connect(**more), "watcher")]


@pytest.fixture
def role(postgresql: Cluster, database: str) -> Any:
    """Makes a role that may connect and nothing else; gone with what is its afterwards."""
    made = []

    def make(name: str) -> str:
        with connect(database) as owner:
            owner.execute(f"CREATE ROLE {name} LOGIN")
            made.append(name)
        return name

    yield make
    with connect(database) as owner:
        for name in made:
            owner.execute(f"DROP OWNED BY {name} CASCADE")
            owner.execute(f"DROP ROLE {name}")


def test_a_server_that_may_be_used_is_not_complained_of(database: str) -> None:
    assert found(database) == []
    with connect(database) as owner:
        owner.execute("CREATE SCHEMA watcher")
    assert found(database) == []
    migrate(pool(database))
    assert found(database) == []


def test_a_schema_of_a_newer_watcher_is_refused_once_it_lacks_what_this_one_needs(database: str) -> None:
    migrate(pool(database))
    known = len(migrations())
    rows(database, "UPDATE schema_version SET version = %s", known + 2)
    assert found(database) == []
    rows(database, "UPDATE schema_version SET min_version = %s", known + 1)
    (said,) = found(database)
    assert said == (
        f"schema watcher is of version {known + 2}, this watcher knows {known}; "
        "take the newer watcher, which wrote it, or another schema"
    )


def test_a_schema_of_another_program_is_refused(database: str) -> None:
    with connect(database) as owner:
        owner.execute("CREATE SCHEMA watcher; CREATE TABLE watcher.accounts (id bigint)")
    assert found(database) == ["schema watcher has tables of another program; name another one as the schema"]


def test_nothing_is_written_by_looking(database: str) -> None:
    found(database)
    with connect(database) as owner:
        assert owner.execute("SELECT to_regnamespace('watcher')").fetchone() == (None,)


@pytest.mark.needs("pgbouncer")
@pytest.mark.parametrize("in_turns", [False, True])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_gives_each_transaction_another_connection_is_refused(
    postgresql: Cluster, mode: str, in_turns: bool
) -> None:
    with pooler(postgresql, mode, in_turns=in_turns) as port, ExitStack() as others:
        url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        for _ in range(3):  # so that more than one connection is at rest
            others.enter_context(connect(url)).execute("SELECT 1")
        (said,) = found(url)
    assert said.startswith("a pooler stands before the server and gives each transaction another connection")
    assert "pool_mode = session" in said


@pytest.mark.needs("pgbouncer")
@pytest.mark.parametrize("in_turns", [False, True])
def test_a_pooler_that_keeps_a_connection_for_its_client_is_as_good_as_a_server(
    postgresql: Cluster, in_turns: bool
) -> None:
    with pooler(postgresql, "session", in_turns=in_turns) as port:
        url = f"postgresql://{USER}@127.0.0.1:{port}/postgres"
        for _ in range(3):
            connect(url).close()
        assert found(url) == []


def test_who_may_make_no_schema_is_told_what_the_owner_runs(database: str, role: Any) -> None:
    (said,) = found(database, user=role("novice"))
    assert said == (
        "there is no schema watcher, and user novice may not make one; "
        "an owner of the database runs: CREATE SCHEMA watcher AUTHORIZATION novice"
    )
    with connect(database) as owner:
        owner.execute("CREATE SCHEMA watcher AUTHORIZATION novice")
    assert found(database, user="novice") == []


def test_a_name_of_a_user_stands_in_the_remedy_as_it_must_be_written(database: str, role: Any) -> None:
    role('"the Watcher"')
    (said,) = found(database, user="the Watcher")
    assert said.endswith('CREATE SCHEMA watcher AUTHORIZATION "the Watcher"')


def test_who_may_make_no_tables_in_the_schema_is_told_the_right_that_is_missing(
    database: str, role: Any
) -> None:
    with connect(database) as owner:
        owner.execute("CREATE SCHEMA watcher")
    novice = role("novice")
    (said,) = found(database, user=novice)
    assert said == (
        "user novice may not make tables in schema watcher; "
        "its owner runs: GRANT USAGE, CREATE ON SCHEMA watcher TO novice"
    )
    with connect(database) as owner:
        owner.execute(said.partition("its owner runs: ")[2])
    assert found(database, user=novice) == []


def test_tables_of_somebody_else_are_a_reason_until_their_owner_lets_one_in(database: str, role: Any) -> None:
    migrate(pool(database))
    novice = role("novice")
    with connect(database) as owner:
        owner.execute("GRANT ALL ON SCHEMA watcher TO novice")
    (said,) = found(database, user=novice)
    assert said == (
        f"the tables in schema watcher belong to {USER}, and user novice may not change them; "
        f"connect as {USER}, or let it run: GRANT {USER} TO novice"
    )
    with connect(database) as owner:
        owner.execute(said.rpartition(": ")[2])
    assert found(database, user=novice) == []


def test_a_replica_is_refused() -> None:
    with running_postgresql(settings={"wal_level": "replica"}) as cluster:
        cluster.stop()
        (cluster.folder / "data" / "standby.signal").touch()
        cluster.start()
        (said,) = found(cluster.url())
    assert said.startswith("the server is a replica, which takes no writes; name the primary, or all servers")


def test_a_server_that_takes_no_writes_is_refused(database: str) -> None:
    (said,) = found(database, options="-c default_transaction_read_only=on")
    assert said == (
        "transactions on the server are read-only; "
        "see default_transaction_read_only of the server, the database and the user"
    )


def test_a_database_that_cannot_keep_every_name_is_refused(postgresql: Cluster) -> None:
    with connect(postgresql.url()) as owner:
        owner.execute(
            "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        )
    try:
        (said,) = found(postgresql.url("latin"))
    finally:
        postgresql.drop("latin")
    assert said.startswith("the database keeps text as LATIN1; make one with: CREATE DATABASE")


def test_an_old_server_is_asked_nothing_that_it_may_not_know(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Old:
        """A connection to a server of long ago, which answers no question."""

        info = SimpleNamespace(server_version=130_011)

        def __enter__(self) -> Old:
            return self

        def __exit__(self, *_: object) -> None: ...

    (said,) = inspect(lambda: cast(Connection, Old()), "watcher")
    assert str(said) == (
        "the server is PostgreSQL 13.11; "
        "version 14 or newer is needed: upgrade the server, or name another one"
    )
