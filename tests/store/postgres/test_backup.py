"""`watcher backup` of a schema: PostgreSQL's own copy, whole, verified, and without a password in sight."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.contract.lives import Life, answers, live
from tests.postgresql import Cluster
from tests.store.given import opened as file
from tests.store.postgres.given import backend
from tests.store.test_copying import file as file_backend
from watcher.domain.values.errors import StoreError
from watcher.store.copying import copy_store
from watcher.store.postgres import backup as module
from watcher.store.postgres.backup import programs


@pytest.fixture
async def lived(tmp_path: Path, database: str) -> Life:
    """A database to which something has happened."""
    async with file(tmp_path / "watcher.db") as store:
        life = Life(store)
        async for _ in live([life], seed=3, steps=20):
            pass
    copy_store(file_backend(tmp_path / "watcher.db"), backend(database))
    return life


def test_what_is_restored_from_a_backup_gives_the_same_answers(
    lived: Life, postgresql: Cluster, database: str, tmp_path: Path
) -> None:
    target, heard = tmp_path / "store.dump", list[float]()

    backend(database).backup(target, heard.append)

    other = postgresql.create("restored")
    try:
        using = programs()
        assert using is not None
        subprocess.run([using.restore, "--exit-on-error", f"--dbname={other}", target], check=True)
        found = []
        for url in (database, other):
            with backend(url).queries() as queries:
                found.append(answers(queries, lived.last))
        assert found[0] == found[1]
    finally:
        postgresql.drop("restored")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert heard[-1] == 1
    assert heard == sorted(heard)


def test_a_backup_overwrites_nothing(lived: Life, database: str, tmp_path: Path) -> None:
    target = tmp_path / "store.dump"
    target.write_text("precious")
    with pytest.raises(StoreError, match="overwrites nothing"):
        backend(database).backup(target)
    assert target.read_text() == "precious"


def test_a_backup_that_fails_leaves_nothing(database: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store yet"):
        backend(database).backup(tmp_path / "store.dump")
    assert list(tmp_path.iterdir()) == []


def test_without_pg_dump_it_is_said_what_to_install(
    lived: Life, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "programs", lambda: programs(tmp_path))
    with pytest.raises(StoreError, match=r"pg_dump is not installed here.*postgresql-client"):
        backend(database).backup(tmp_path / "store.dump")


def test_the_newest_pg_dump_is_taken_wherever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, version in (("14/bin", 14), ("16/bin", 16), ("path", 15)):
        for name in ("pg_dump", "pg_restore"):
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            (tmp_path / place / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}.2'\n")
            (tmp_path / place / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    found = programs(tmp_path)
    assert found is not None
    assert (found.version, found.dump) == (16, tmp_path / "16/bin/pg_dump")


def test_a_pg_dump_older_than_the_server_is_refused_with_words(
    lived: Life, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    using = programs()
    assert using is not None
    monkeypatch.setattr(module, "programs", lambda: using._replace(version=9))
    with pytest.raises(StoreError, match=r"of version 9 and the server of \d+, which it cannot copy"):
        backend(database).backup(tmp_path / "store.dump")


SPY = """#!/bin/sh
echo "$0 $@" >>{seen}
printf %s "$PGPASSWORD" >>{seen}.word
exec {real} "$@"
"""


def test_the_password_stands_on_no_command_line(
    lived: Life, postgresql: Cluster, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password, seen = "p w'%d", tmp_path / "seen"
    with postgresql.connect() as conn:
        conn.execute(f"ALTER USER postgres PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
    using = programs()
    assert using is not None
    spies = []
    for name in ("dump", "restore"):
        spies.append(tmp_path / name)
        spies[-1].write_text(SPY.format(seen=seen, real=getattr(using, name)))
        spies[-1].chmod(0o755)
    monkeypatch.setattr(module, "programs", lambda: module.ClientPrograms(99, *spies))
    named = psycopg.conninfo.conninfo_to_dict(database)
    url = f"postgresql://postgres:{quote(password, safe='')}@/{named['dbname']}"
    url += f"?host={quote(str(named['host']), safe='')}&port={named['port']}"

    backend(url).backup(tmp_path / "store.dump")

    assert "--format=custom" in seen.read_text()
    assert (tmp_path / "seen.word").read_text() == password
    assert password not in seen.read_text()
    assert quote(password) not in seen.read_text()


def test_a_copy_that_is_cut_off_is_not_taken_for_sound(
    lived: Life, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    using = programs()
    assert using is not None
    short = tmp_path / "short"
    short.write_text(
        f'#!/bin/sh\n{using.dump} "$@" || exit 1\n'
        'for word; do case "$word" in --file=*) f="${word#--file=}";; esac; done\n'
        'truncate -s -100 "$f"\n'
    )
    short.chmod(0o755)
    monkeypatch.setattr(module, "programs", lambda: using._replace(dump=short))
    with pytest.raises(StoreError, match="the copy is not sound"):
        backend(database).backup(tmp_path / "store.dump")
    assert not list(tmp_path.glob("store.dump*"))


def test_what_pg_dump_says_is_passed_on_in_a_line(
    lived: Life, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    using = programs()
    assert using is not None
    failing = tmp_path / "failing"
    failing.write_text("#!/bin/sh\necho 'pg_dump: error: out of room' >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(module, "programs", lambda: using._replace(dump=failing))
    with pytest.raises(StoreError, match="pg_dump failed: out of room"):
        backend(database).backup(tmp_path / "store.dump")
