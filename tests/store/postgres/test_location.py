"""The URL of a database: what it leads to is judged before anybody connects, and nothing of it is shown."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.config.given import ENV, SOUND, line_of, write
from tests.configured import load_settings
from watcher.domain.values.errors import ConfigurationError, InputError
from watcher.store.postgres.location import STAND_IN, check_schema, check_url


def refused(url: str) -> InputError:
    with pytest.raises(InputError) as caught:
        check_url(SecretStr(url))
    return caught.value


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///watcher",
        "postgresql://watcher@localhost/watcher",
        "postgres://watcher:secret@127.0.0.2:5433/watcher",
        "postgresql://watcher@[::1]/watcher",
        "postgresql://watcher@/watcher?host=/run/postgresql",
        "postgresql://watcher@%2Frun%2Fpostgresql/watcher",
        "postgresql://watcher@db.example.org/watcher?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://watcher@db-1.example,db-2.example:5433/w?target_session_attrs=read-write&sslmode=require",
        "postgresql://watcher@10.0.0.7/watcher?sslmode=disable",
        f"{STAND_IN}${{WATCHER_DATABASE_URL}}",
    ],
)
def test_a_way_that_is_safe_or_said_to_be_is_taken(url: str) -> None:
    assert check_url(SecretStr(url)).get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://watcher@db.example.org/watcher",
        "postgresql://watcher@10.0.0.7/watcher?sslmode=prefer",
        "postgresql://watcher@localhost,db.example.org/watcher",
        "postgresql://watcher@localhost/watcher?hostaddr=10.0.0.7",
        "postgresql:///watcher?service=main",
    ],
)
def test_another_machine_is_reached_by_tls_or_the_configuration_says_why_not(url: str) -> None:
    error = refused(url)
    assert error.what == "must ask for TLS, since it leads to another machine"
    assert "sslmode=verify-full" in error.remedy


def test_what_libpq_takes_from_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    assert "another machine" in refused("postgresql:///watcher").what
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert check_url(SecretStr("postgresql:///watcher"))


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("mysql://watcher:hunter2@db/watcher", "is no URL of a PostgreSQL database", "as in postgresql://"),
        ("host=db password=hunter2", "is no URL of a PostgreSQL database", "as in postgresql://"),
        ("postgresql://watcher:hunter2%zz@db/w", "is no URL of a PostgreSQL database", "%40 for @"),
        ("postgresql://watcher@[::1/hunter2", "is no URL of a PostgreSQL database", ""),
        ("postgresql://w:hunter2@db/w?sslmod=require", "has a word after the '?'", ""),
        ("postgresql://w:hunter2@db/w?sslmode=verify_full", "has an unknown sslmode", "'verify-full'"),
    ],
)
def test_a_url_that_is_none_is_told_without_what_stands_in_it(url: str, what: str, remedy: str) -> None:
    error = refused(url)
    assert what in error.what
    assert remedy in error.remedy
    assert "hunter2" not in str(error)


def test_without_psycopg_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert str(refused("postgresql:///watcher")) == (
        "needs psycopg, which is not installed; pip install 'balance-watcher[cluster]'"
    )


@pytest.mark.parametrize("name", ["watcher", "public", "_w2", "x" * 63])
def test_a_schema_may_have_a_name_that_needs_no_quotes(name: str) -> None:
    assert check_schema(name) == name


@pytest.mark.parametrize("name", ["", "Watcher", "2w", "a b", 'a"; DROP', "x" * 64, "wächter", "a-b"])
def test_a_schema_with_another_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a schema here"):
        check_schema(name)


@pytest.mark.parametrize("name", ["pg_catalog", "pg_temp_1", "information_schema"])
def test_a_schema_of_postgresql_itself_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is PostgreSQL's own"):
        check_schema(name)


def test_without_the_engine_of_members_the_command_that_installs_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    text = SOUND.replace(
        "{kind: sqlite, path: data/watcher.db}", "{kind: postgresql, url: 'postgresql:///w'}"
    )
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, text), ENV)
    (problem,) = caught.value.problems
    assert problem.place.line == line_of(text, "postgresql:///w")
    assert str(problem).endswith(
        "store needs procrastinate, which is not installed; pip install 'balance-watcher[cluster]'"
    )
