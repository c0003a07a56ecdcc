"""A real PostgreSQL for tests: a cluster of one's own in a temporary folder, reached by a unix socket.

Its server has odd habits on purpose: a time zone of its own and the order of words that people have, as
servers elsewhere do. It runs as another user where the tests run as root, which PostgreSQL refuses.
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from watcher.domain.model import EMPTY

MISSING = "install Debian's postgresql package to run these"
USER = "postgres"
"""Who owns a cluster: in it, and of the system where the tests run as root."""
_LONGEST_START = 60.0
_LONGEST_FOLDER = 80
"""A socket's path holds 107 bytes, of which `/.s.PGSQL.65535` is part."""
_NUMBERS = itertools.count(1)
_AS_SAID = (
    "CREATE OR REPLACE FUNCTION watcher.booked_at(said bigint) RETURNS bigint LANGUAGE sql AS 'SELECT said'"
)
"""What is booked has the time that a test says, not the server's."""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, of its newest version; None where it is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((each.parent for each in debian), key=_version, default=None)


class Cluster:
    """A server and its folder. `stop`, `kill` and `start` keep what is in it.

    `durable`: it waits for the disk, which only a fall of the whole machine would show. `settings`: more of
    postgresql.conf, such as `listen_addresses` (`port` is the port of TCP too).
    """

    def __init__(
        self, folder: Path, *, durable: bool = False, port: int = 5432, settings: Mapping[str, str] = EMPTY
    ) -> None:
        found = programs()
        assert found, MISSING
        self.programs, self.folder, self.port = found, folder, port
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.version = _version(found)
        self._initialise()
        conf = {**_QUICK, **({} if durable else _NOT_DURABLE), **settings, "port": str(port)}
        conf["unix_socket_directories"] = str(folder)
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in conf.items())

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self.folder), safe='')}&port={self.port}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the owner, each statement a transaction."""
        return psycopg.connect(self.url(database), autocommit=True)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self._data], stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True, **other_user(),
            )  # fmt: skip
        until = time.monotonic() + _LONGEST_START
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"no PostgreSQL: {self.log()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Shut down in order: connections are ended, and nothing is left to recover."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Fall at once, as by `pg_ctl stop -m immediate`: the next start recovers."""
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def backends(self, database: str | None = None) -> dict[int, str]:
        """Process of each connection, of one database or all but this one's → the name it gave itself."""
        with self.connect() as connection:
            rows = connection.execute(
                """SELECT pid, application_name FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
                AND (%(name)s::text IS NULL OR datname = %(name)s) ORDER BY pid""",
                {"name": database},
            )
            return dict(rows.fetchall())

    def create(self, name: str, template: str = "template0") -> str:
        """The URL of a new database."""
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Take a database out, and end who is still connected to it."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _initialise(self) -> None:
        command = [str(self.programs / "initdb"), "-D", str(self._data), f"--username={USER}", "--auth=trust"]
        command += ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        if self.version >= 15:
            command += ["--locale-provider=icu", "--icu-locale=en"]
        made = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.folder, **other_user()
        )
        if made.returncode:
            raise RuntimeError(f"no cluster: {made.stdout}{made.stderr}")

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(_LONGEST_START)
            self._process = None

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_postgresql(
    *, durable: bool = False, port: int = 5432, settings: Mapping[str, str] = EMPTY
) -> Iterator[Cluster]:
    """A cluster of one's own, which is gone afterwards."""
    folder = _folder()
    cluster = None
    try:
        cluster = Cluster(folder, durable=durable, port=port, settings=settings)
        cluster.start()
        yield cluster
    finally:
        if cluster is not None:
            cluster.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The cluster of this process's tests. Who stops it starts it again."""
    if programs() is None:
        if os.environ.get("WATCHER_NEED_POSTGRESQL") == "1":
            pytest.fail(f"nothing is left out here: {MISSING}")
        pytest.skip(MISSING)
    with running_postgresql() as cluster:
        yield cluster


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[str]:
    """The URL of a database of this test's own, with nothing in it."""
    name = f"test_{next(_NUMBERS)}"
    yield postgresql.create(name)
    postgresql.drop(name)


@pytest.fixture(scope="session")
def made_once(postgresql: Cluster) -> str:
    """A database with the tables of a store, from which each test's own is copied."""
    return with_a_store(postgresql)


def with_a_store(postgresql: Cluster) -> str:
    """The name of a new database with the tables of a store, in which bookings have the time that is said."""
    from watcher.store.postgres.backend import PostgresSettings
    from watcher.store.postgres.store import prepare

    pool = PostgresSettings.model_validate({"url": postgresql.create("made_once")}).connections()
    prepare(pool)
    pool.close()
    with postgresql.connect("made_once") as conn:
        conn.execute(_AS_SAID)
    return "made_once"


@pytest.fixture
def store_database(postgresql: Cluster, made_once: str) -> Iterator[str]:
    """The URL of a database with an empty store."""
    name = f"store_{next(_NUMBERS)}"
    yield postgresql.create(name, made_once)
    postgresql.drop(name)


def _version(found: Path) -> int:
    said = subprocess.run([found / "initdb", "--version"], check=True, capture_output=True, text=True).stdout
    return int(re.findall(r"[0-9]+", said)[0])


def _folder() -> Path:
    """A new folder that the owner of the cluster reaches and whose path is short enough for a socket."""
    short = len(os.fsencode(tempfile.gettempdir())) < _LONGEST_FOLDER - 20
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=None if short else "/tmp"))  # noqa: S108
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    return folder


def other_user() -> dict[str, Any]:
    """How a process is begun that must not be root's."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam(USER)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "umask": 0o077}


_QUICK = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "America/St_Johns",
    "log_line_prefix": "%m %p %a ",
}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
