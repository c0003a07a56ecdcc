"""The PostgreSQL of the tests is a real one, each test has a database to itself, and a fall loses nothing."""

from __future__ import annotations

import psycopg

from tests.postgresql import Cluster


def test_a_database_is_empty_and_no_other_tests(postgresql: Cluster, database: str) -> None:
    other = postgresql.create("other")
    try:
        with psycopg.connect(database) as connection:
            connection.execute("CREATE TABLE kept (amount numeric)")
        with psycopg.connect(other) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            assert tables.fetchall() == []
    finally:
        postgresql.drop("other")


def test_what_was_committed_outlives_the_fall_of_the_server(postgresql: Cluster, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    postgresql.kill()
    postgresql.start()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_connections_are_known_by_the_names_they_gave(postgresql: Cluster, database: str) -> None:
    with psycopg.connect(database, application_name="watcher/one") as connection:
        name = connection.info.dbname
        assert postgresql.backends(name) == {connection.info.backend_pid: "watcher/one"}
    assert postgresql.backends("no such database") == {}
