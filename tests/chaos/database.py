"""What can happen to a PostgreSQL: frozen backends, no writes, no room, a copy that lags, a pooler."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.disk import disk
from tests.postgresql import USER, Cluster, other_user, running_postgresql

LONGEST = 30.0


def terminate(cluster: Cluster, database: str, name: str = "") -> int:
    """End each connection to a database whose name begins so; how many there were."""
    pids = [pid for pid, given in cluster.backends(database).items() if given.startswith(name)]
    with cluster.connect() as connection:
        for pid in pids:
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
    return len(pids)


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Backends that do nothing for a while, as on a disk that hangs; what they have locked stays locked."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def read_only(cluster: Cluster) -> Iterator[None]:
    """No transaction that begins now may write, as on a copy that nobody made the first."""
    _set(cluster, "default_transaction_read_only", "on")
    try:
        yield
    finally:
        _set(cluster, "default_transaction_read_only", "off")


def _set(cluster: Cluster, name: str, value: str) -> None:
    with cluster.connect() as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def small_room(cluster: Cluster, database: str, size: str = "32m") -> Iterator[Path]:
    """A database that lies on a small file system; what is written to the path takes its room."""
    folder = cluster.folder / "small"
    folder.mkdir()
    with disk(folder, size):
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        with cluster.connect() as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0 TABLESPACE small')
        filler = folder / "filler"
        try:
            yield filler
        finally:
            filler.unlink(missing_ok=True)
            cluster.drop(database)
            with cluster.connect() as connection:
                connection.execute("DROP TABLESPACE small")


def fill(filler: Path, leave: int = 0) -> None:
    """Take all the room, but for so many bytes."""
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(8192)):
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))


class Copy:
    """A standby that follows a server, some time behind it if it is told to, until it is made the first."""

    def __init__(self, first: Cluster, cluster: Cluster) -> None:
        self._first, self.cluster = first, cluster

    def follow(self) -> None:
        """Until it has all that was written by now."""
        _until(self._has_all, "the standby follows nothing")

    def _has_all(self) -> bool:
        with self._first.connect() as connection:
            there = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        with self.cluster.connect() as connection:
            sql = "SELECT coalesce(pg_last_wal_replay_lsn() >= %s::pg_lsn, false)"
            return bool((connection.execute(sql, there).fetchone() or (False,))[0])

    def fall_behind(self) -> None:
        """From now on it hears nothing of what is written."""
        with self.cluster.connect() as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
        with self._first.connect() as connection:
            _until(
                lambda: connection.execute("SELECT count(*) FROM pg_stat_replication").fetchone() == (0,),
                "the standby still follows",
            )

    def promote(self) -> None:
        with self.cluster.connect() as connection:
            connection.execute("SELECT pg_promote(wait => true)")


@contextmanager
def copied(first: Cluster) -> Iterator[Copy]:
    """A copy of a server that follows it asynchronously."""
    port = free_port()
    with running_postgresql(durable=True, port=port, settings={"listen_addresses": "127.0.0.1"}) as cluster:
        cluster.stop()
        data = cluster.folder / "data"
        shutil.rmtree(data)
        subprocess.run(
            [first.programs / "pg_basebackup", "-h", first.folder, "-p", str(first.port), "-U", USER,
             "-D", data, "--checkpoint=fast", "-R", "-X", "stream"],
            check=True, cwd=cluster.folder, capture_output=True, **other_user(),
        )  # fmt: skip
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"port = '{port}'\nunix_socket_directories = '{cluster.folder}'\nhot_standby = on\n")
        cluster.start()
        copy = Copy(first, cluster)
        copy.follow()
        yield copy


@contextmanager
def pooler(cluster: Cluster, mode: str = "transaction", *, in_turns: bool = False) -> Iterator[int]:
    """A real pgbouncer before the server; the port where it listens. `in_turns`: who asks gets the connection
    that rested longest, in place of the last one."""
    port, folder = free_port(), cluster.folder / "pooler"
    folder.mkdir()
    settings, users = folder / "pgbouncer.ini", folder / "users"
    users.write_text(f'"{USER}" ""\n')
    settings.write_text(
        f"[databases]\n* = host={cluster.folder} port={cluster.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = {users}\npool_mode = {mode}\n"
        f"logfile = {folder}/log\npidfile = {folder}/pid\n"
        f"admin_users = {USER}\ndefault_pool_size = 4\nserver_round_robin = {int(in_turns)}\n"
        "max_client_conn = 100\n"
        "ignore_startup_parameters = extra_float_digits,options,application_name\n"
    )
    if os.geteuid() == 0:
        shutil.chown(folder, USER)
    running = subprocess.Popen(["pgbouncer", settings], cwd=folder, stderr=subprocess.DEVNULL, **other_user())
    try:
        _until(lambda: _listens(port), "no pgbouncer")
        yield port
    finally:
        running.terminate()
        running.wait(LONGEST)
        shutil.rmtree(folder)


_PORTS = itertools.count(20_000 + os.getpid() % 1000 * 10)


def free_port() -> int:
    """Below those that the system gives out by itself: what is stopped for a while finds its port again."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    """Another process is waited for; nothing here knows when it is so far."""
    end = time.monotonic() + LONGEST
    while True:
        try:
            if holds():
                return
        except psycopg.OperationalError:
            pass
        if time.monotonic() > end:
            raise AssertionError(otherwise)
        time.sleep(0.05)
