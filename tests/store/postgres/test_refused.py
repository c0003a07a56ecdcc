"""A server that lets nobody in says why in our words, and no word of a secret."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg import OperationalError

from tests.certificates import Authority
from tests.chaos.database import free_port
from tests.postgresql import USER, Cluster, running_postgresql
from tests.store.postgres.given import settings
from watcher.domain.values.errors import StoreBusyError, StoreError
from watcher.store.postgres.errors import of

HBA = """\
local all all trust
hostnossl tls all 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Authority]]:
    """A server with passwords, and with TLS by an authority of its own."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    port = free_port()
    with running_postgresql(port=port, settings={"listen_addresses": "127.0.0.1"}) as cluster:
        data = cluster.folder / "data"
        both = Path(authority.signs("localhost"))
        for name in ("server.crt", "server.key"):
            shutil.copy(both, data / name)
            (data / name).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(data / name, USER)
        (data / "pg_hba.conf").write_text(HBA)
        with (data / "postgresql.conf").open("a") as file:
            file.write("ssl = on\n")
        cluster.restart()
        with cluster.connect() as owner:
            owner.execute("CREATE ROLE novice LOGIN PASSWORD 'right'")
        yield cluster, authority


def refusal(cluster: Cluster, user: str = "novice:right", rest: str = "postgres") -> str:
    with pytest.raises(StoreError) as caught:
        settings(f"postgresql://{user}@127.0.0.1:{cluster.port}/{rest}").refusals()
    assert not isinstance(caught.value, StoreBusyError), "trying again would not help"
    assert caught.value.__cause__ is None, "the words of the library would be shown with ours"
    assert "novice" not in str(caught.value)
    return str(caught.value)


def test_a_wrong_password_is_told_as_one_and_not_shown(guarded: tuple[Cluster, Authority]) -> None:
    said = refusal(guarded[0], "novice:hunter2")
    assert said.endswith("the server refuses the user or the password")
    assert "hunter2" not in said
    assert "the server refuses the user or the password" in refusal(guarded[0], "novice")
    assert "the server refuses the user or the password" in refusal(guarded[0], "nobody:right")


def test_a_database_that_is_not_there_is_told_as_such(guarded: tuple[Cluster, Authority]) -> None:
    assert "there is no such database; have it made" in refusal(guarded[0], rest="nowhere")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_whose_certificate_nobody_vouches_for_is_not_talked_to(
    guarded: tuple[Cluster, Authority], host: str, tmp_path: Path
) -> None:
    cluster, authority = guarded
    other = Authority(tmp_path, "another one")
    trusted = {"127.0.0.1": authority, "localhost": other}[host]  # the name is wrong, or who signed it
    url = f"postgresql://novice:right@{host}:{cluster.port}/postgres"
    with pytest.raises(StoreError, match=r"no safe connection to the server \(TLS\); see `sslmode`"):
        settings(f"{url}?sslmode=verify-full&sslrootcert={quote(str(trusted.file))}").refusals()


def test_a_server_that_can_be_trusted_is_asked(guarded: tuple[Cluster, Authority]) -> None:
    cluster, authority = guarded
    url = f"postgresql://novice:right@localhost:{cluster.port}/postgres"
    (said,) = settings(f"{url}?sslmode=verify-full&sslrootcert={quote(str(authority.file))}").refusals()
    assert said.what == "there is no schema watcher, and user novice may not make one"


def test_a_server_that_wants_tls_and_is_asked_without_says_so(guarded: tuple[Cluster, Authority]) -> None:
    with guarded[0].connect() as owner:
        owner.execute("CREATE DATABASE tls")
    said = refusal(guarded[0], rest="tls?sslmode=disable")
    assert "the server refuses the user, or how it connects (pg_hba.conf)" in said


def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with pytest.raises(StoreBusyError, match="the server cannot be reached"):
        settings(f"postgresql://novice:hunter2@127.0.0.1:{free_port()}/postgres").refusals()
    with pytest.raises(StoreBusyError, match="the server cannot be reached"):
        settings("postgresql://novice@/postgres?host=/nowhere/to/be/found").refusals()


def test_a_url_that_this_user_may_not_read_is_told_before_anybody_connects() -> None:
    from watcher.store.postgres.location import STAND_IN

    with pytest.raises(StoreError, match="the URL of the store is not known to this user"):
        settings(f"{STAND_IN}${{WATCHER_DATABASE_URL}}").refusals()


@pytest.mark.parametrize(
    "said",
    [
        "the database system is starting up",
        "the database system is in recovery mode",
        "the database system is not yet accepting connections",
        "the database system is shutting down",
        "sorry, too many clients already",
    ],
)
def test_a_server_that_starts_ends_or_is_full_is_there_later(said: str) -> None:
    error = of("PostgreSQL", OperationalError(f"connection to server failed: FATAL:  {said}"))
    assert isinstance(error, StoreBusyError)


@pytest.mark.parametrize("said", ['database "recovery" does not exist', 'role "novice" does not exist'])
def test_what_is_missing_on_the_server_is_not_waited_for(said: str) -> None:
    error = of("PostgreSQL", OperationalError(f"connection to server failed: FATAL:  {said}"))
    assert not isinstance(error, StoreBusyError)
