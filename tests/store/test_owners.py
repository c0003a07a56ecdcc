"""Whose the files are that we make, who may read them, and that no link leads us elsewhere."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.endtoend.bench import here
from tests.store.given import by_hand, opened
from watcher.domain.values.errors import StoreError
from watcher.store.sqlite.backup import backup
from watcher.store.sqlite.connection import VERSION, StoreLock
from watcher.store.sqlite.upgrade import _copy_aside
from watcher.system.files import make_folder, text_file

NOBODY = 65534
SERVICE = 65533

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@contextmanager
def being(user: int) -> Iterator[None]:
    """As if this process were run by another user."""
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def state() -> Iterator[Path]:
    """The folder of a service: reachable by all, and its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        path.parent.chmod(0o755)
        path.mkdir(mode=0o755)
        os.chown(path, SERVICE, SERVICE)
        yield path


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in folder.rglob("*")}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def modes(folder: Path) -> dict[str, int]:
    found = folder.rglob("*")
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


def give(folder: Path, user: int) -> None:
    for path in folder.iterdir():
        os.chown(path, user, user)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@as_root
async def test_what_root_makes_belongs_to_the_owner_of_the_folder(state: Path) -> None:
    store = state / "deep" / "watcher.db"
    async with opened(store, exclusive=True):
        assert names(store.parent) >= {"watcher.db", "watcher.db-wal", "watcher.db-shm", "watcher.db.lock"}
        backup(store, state / "copy.db")
        _copy_aside(store)
        assert owners(state) == {SERVICE}
    assert (state / "copy.db").is_file()
    assert store.with_name(f"watcher.db.before-{VERSION}.bak").is_file()
    with being(SERVICE):
        async with opened(store, exclusive=True):
            pass


@as_root
async def test_every_file_that_a_verb_writes_belongs_to_the_owner_of_the_folder(state: Path) -> None:
    trace = state.parent / "trace.csv"
    trace.write_text("wallet,unix_time\nw,1700000000\nw,1700009000\n")
    new = state / "new"
    assert await here("init", str(new), "--defaults") == 0
    polls = ("--trace", str(trace), "--every", "1h", "--polls-out", str(state / "polls.csv"))
    assert await here("simulate", *polls) == 0
    tests = Path(__file__).parents[2] / "rules" / "tests" / "gas.yaml"
    assert await here("test", str(tests), "--junit", str(state / "junit.xml")) == 0
    assert names(state) == {"new", "polls.csv", "junit.xml"}
    assert owners(state) == {SERVICE}


@as_root
async def test_a_file_that_is_not_ours_is_said_with_its_owner_and_the_command_that_mends_it(
    state: Path,
) -> None:
    store = state / "watcher.db"
    async with opened(store, exclusive=True):
        pass
    os.chown(store, 0, 0)
    for wrong in ("watcher.db", "watcher.db.lock"):
        give(state, SERVICE)
        os.chown(state / wrong, 0, 0)
        with being(SERVICE), pytest.raises(StoreError) as told:
            async with opened(store, exclusive=True):
                pass
        assert f"{state}/{wrong} belongs to root, and this is run by {SERVICE}" in str(told.value)
        assert f"`sudo chown {SERVICE}: {store}*`" in str(told.value)


@as_root
async def test_who_may_not_write_into_the_folder_hears_as_whom_to_run(state: Path) -> None:
    with being(NOBODY), pytest.raises(StoreError, match=f"state belongs to {SERVICE}.*run it as {SERVICE}"):
        async with opened(state / "watcher.db"):
            pass


@as_root
@pytest.mark.parametrize(("closed", "need"), [("watcher.db", "rw"), ("watcher.db.lock", "rw"), (".", "rwx")])
async def test_who_owns_what_its_mode_closes_hears_which_chmod_opens_it(
    state: Path, closed: str, need: str
) -> None:
    async with opened(state / "watcher.db", exclusive=True):
        pass
    (state / closed).chmod(0o500 if closed == "." else 0o400)
    with being(SERVICE), pytest.raises(StoreError) as told:
        async with opened(state / "watcher.db", exclusive=True):
            pass
    assert f"is closed to its owner {SERVICE}; `chmod u+{need} {state / closed}` opens it" in str(told.value)


async def test_whatever_the_umask_nobody_else_may_write_what_we_make(
    tmp_path: Path, open_umask: None
) -> None:
    store = tmp_path / "state" / "watcher.db"
    assert await here("init", str(tmp_path / "new"), "--defaults") == 0
    async with opened(store, exclusive=True):
        backup(store, tmp_path / "copy.db")
        assert not [path for path, mode in modes(tmp_path).items() if mode & 0o022]
        private = {*modes(store.parent).items(), ("copy.db", modes(tmp_path)["copy.db"])}
        assert {mode for _, mode in private} == {0o600}


LINKED = ("watcher.db.lock", "watcher.db-wal", "watcher.db-shm")


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("there", [True, False])
async def test_no_file_beside_the_store_is_written_through_a_link(
    tmp_path: Path, name: str, *, there: bool
) -> None:
    store, victim = tmp_path / "watcher.db", tmp_path / "victim"
    async with opened(store):
        pass
    if there:
        victim.write_text("precious")
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).symlink_to(victim)
    with pytest.raises(StoreError):
        async with opened(store, exclusive=True):
            pass
    assert (victim.read_text() if victim.exists() else None) == ("precious" if there else None)


def test_a_lock_that_is_a_link_is_said_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "watcher.db.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="is a symbolic link, and is not followed; remove it"):
        StoreLock(tmp_path / "watcher.db")


async def test_a_copy_is_written_through_no_link(tmp_path: Path) -> None:
    store, victim = tmp_path / "watcher.db", tmp_path / "victim"
    async with opened(store):
        pass
    for name in ("copy.db", "copy.db.partial"):
        link = tmp_path / name
        link.symlink_to(victim)
        with pytest.raises(StoreError, match="is there already"):
            backup(store, tmp_path / "copy.db")
        assert not victim.exists()
        assert link.is_symlink()
        link.unlink()
    for name in (f"watcher.db.before-{VERSION}.bak", f"watcher.db.before-{VERSION}.bak.new"):
        (tmp_path / name).symlink_to(victim)
    _copy_aside(store)  # the links give way
    assert not victim.exists()
    assert not (tmp_path / f"watcher.db.before-{VERSION}.bak").is_symlink()


@as_root
async def test_a_store_is_followed_through_links_of_root_and_ones_own_only(state: Path) -> None:
    real, link = state.parent / "real.db", state / "watcher.db"
    async with opened(real):
        pass
    link.symlink_to(real)
    os.lchown(link, SERVICE, SERVICE)
    settings = state.parent / "watcher.yaml"
    settings.write_text(CONFIG.format(store=link))
    assert await here("poll", "-c", str(settings)) == 1
    assert await here("balances", "-c", str(settings)) == 1
    with pytest.raises(StoreError, match="symbolic link of somebody else's"):
        async with opened(link):
            pass
    os.lchown(link, 0, 0)
    assert await here("balances", "-c", str(settings)) == 0


CONFIG = """\
version: 1
store: {{kind: sqlite, path: {store}}}
sources: {{teos: {{kind: teos, api_key: x, base_url: "http://127.0.0.1:1"}}}}
wallets:
  - {{name: w, source: teos, address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907", assets: ["0xfc6e61001"]}}
web: null
"""


@as_root
def test_an_output_is_written_through_links_of_root_and_ones_own_only(state: Path) -> None:
    out, victim = state / "polls.csv", state.parent / "victim"
    victim.write_text("precious")
    out.symlink_to(victim)
    os.lchown(out, SERVICE, SERVICE)
    with pytest.raises(OSError, match="symbolic link"):
        text_file(out)
    assert victim.read_text() == "precious"
    os.lchown(out, 0, 0)
    with text_file(out) as file:
        file.write("x")
    assert victim.read_text() == "x"
    with pytest.raises(FileExistsError):
        text_file(out, new=True)


def test_a_folder_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "deep")


def test_sqlite_itself_follows_no_link_to_a_journal(tmp_path: Path) -> None:
    """What the store relies on: it makes `-wal` and `-shm` itself."""
    path, victim = tmp_path / "a.db", tmp_path / "victim"
    with by_hand(path) as conn:
        conn.execute("CREATE TABLE t (x)")
    path.with_name("a.db-journal").symlink_to(victim)
    with by_hand(path) as conn, pytest.raises(sqlite3.Error):
        conn.execute("INSERT INTO t VALUES (1)")
    assert not victim.exists()
