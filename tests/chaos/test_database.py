"""The tools that hurt a PostgreSQL do what they say: otherwise the tests that use them would hold nothing."""

from __future__ import annotations

import select
from collections.abc import Iterator

import psycopg
import pytest

from tests.chaos.database import copied, fill, frozen, pooler, read_only, small_room, terminate
from tests.chaos.members import server
from tests.disk import can_mount
from tests.postgresql import MISSING, Cluster, programs


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if programs() is None:
        pytest.skip(MISSING)
    with server() as running:
        yield running


def at(port: int, database: str = "postgres") -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{database}"


def test_connections_of_one_name_are_ended_and_no_others(cluster: Cluster) -> None:
    with (
        psycopg.connect(at(cluster.port), application_name="watcher/one") as one,
        psycopg.connect(at(cluster.port), application_name="watcher/two") as two,
    ):
        assert terminate(cluster, "postgres", "watcher/one") == 1
        with pytest.raises(psycopg.OperationalError):
            one.execute("SELECT 1")
        assert two.execute("SELECT 1").fetchone() == (1,)


def test_a_frozen_backend_answers_once_it_is_thawed(cluster: Cluster) -> None:
    with psycopg.connect(at(cluster.port)) as one:
        with frozen(one.info.backend_pid):
            one.pgconn.send_query(b"SELECT 1")
            assert not select.select([one.pgconn.socket], [], [], 0.2)[0]
        assert select.select([one.pgconn.socket], [], [], 30)[0]
        while one.pgconn.get_result():
            pass


def test_a_read_only_server_refuses_what_writes_also_on_connections_that_were_open(cluster: Cluster) -> None:
    with psycopg.connect(at(cluster.port), autocommit=True) as one:
        one.execute("CREATE TABLE written (a int)")
        with read_only(cluster), psycopg.connect(at(cluster.port)) as later:
            assert refused(later)
            # A backend reads its settings between statements, once it was told to.
            assert any(refused(one) for _ in range(1000))
        with psycopg.connect(at(cluster.port)) as later:
            assert not refused(later)


def refused(connection: psycopg.Connection) -> bool:
    try:
        connection.execute("INSERT INTO written VALUES (1)")
    except psycopg.errors.ReadOnlySqlTransaction:
        return True
    return False


@pytest.mark.skipif(not can_mount(), reason="no small file system can be made here")
def test_a_database_without_room_says_so_and_goes_on_once_there_is_some(
    cluster: Cluster,
) -> None:
    with (
        small_room(cluster, "small") as filler,
        psycopg.connect(at(cluster.port, "small"), autocommit=True) as one,
    ):
        one.execute("CREATE TABLE written (a text)")
        fill(filler)
        with pytest.raises(psycopg.errors.DiskFull):
            one.execute("INSERT INTO written SELECT repeat('a', 1000) FROM generate_series(1, 10000)")
        filler.unlink()
        one.execute("INSERT INTO written SELECT repeat('a', 1000) FROM generate_series(1, 100)")


def test_a_copy_that_fell_behind_lacks_the_last_moment_when_it_is_made_the_first(cluster: Cluster) -> None:
    with psycopg.connect(at(cluster.port), autocommit=True) as one, copied(cluster) as copy:
        one.execute("CREATE TABLE moments (at int)")
        one.execute("INSERT INTO moments VALUES (1)")
        copy.follow()
        copy.fall_behind()
        one.execute("INSERT INTO moments VALUES (2)")

        copy.promote()

        with psycopg.connect(at(copy.cluster.port), autocommit=True) as other:
            assert other.execute("SELECT at FROM moments").fetchall() == [(1,)]
            other.execute("INSERT INTO moments VALUES (3)")


@pytest.mark.needs("pgbouncer")
def test_behind_a_transaction_pooler_two_transactions_may_have_two_backends(cluster: Cluster) -> None:
    with (
        pooler(cluster) as port,
        psycopg.connect(at(port)) as one,
        psycopg.connect(at(port)) as two,
    ):
        first = one.execute("SELECT pg_backend_pid()").fetchone()
        one.commit()
        assert two.execute("SELECT pg_backend_pid()").fetchone() == first
        assert one.execute("SELECT pg_backend_pid()").fetchone() != first
