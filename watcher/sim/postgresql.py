"""A PostgreSQL of one's own: a server in a folder, reached by a socket in it, and gone afterwards."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess  # nosec B404
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER = "postgres"
"""Who owns the server: in it, and of the system for root, whom PostgreSQL refuses to run as."""
DEBIAN = Path("/usr/lib/postgresql")
_LONGEST = 60.0
"""Seconds that it may take to start or to stop."""
_CONF = """
listen_addresses = ''
unix_socket_directories = '{folder}'
fsync = off
max_connections = 60
shared_buffers = '32MB'
"""


class NotInstalledError(Exception):
    """There is no PostgreSQL on this machine."""


def programs() -> Path:
    """The folder with the programs of the newest PostgreSQL that is installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = sorted(DEBIAN.glob("*/bin/initdb"), key=_version)
    if not debian:
        raise NotInstalledError
    return debian[-1].parent


@contextmanager
def own_postgresql() -> Iterator[str]:
    """The URL of a server that runs in a temporary folder while the block does."""
    found = programs()
    # Below /tmp itself: the path of a socket holds some hundred signs, and the server's user must get there.
    folder = Path(tempfile.mkdtemp(prefix="watcher-postgresql-", dir="/tmp"))  # nosec B108
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        _initialise(found, folder)
        with _running(found, folder):
            yield f"postgresql://{USER}@/postgres?host={quote(str(folder), safe='')}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(found: Path, folder: Path) -> None:
    command = [str(found / "initdb"), "-D", str(folder / "data"), f"--username={USER}", "--auth=trust"]
    command += ["--no-sync", "--encoding=UTF8", "--no-locale"]
    made = subprocess.run(  # noqa: S603  # nosec B603
        command, check=False, capture_output=True, text=True, cwd=folder, start_new_session=True, **_user()
    )
    if made.returncode:
        raise OSError(f"PostgreSQL makes no database: {made.stderr.strip()}")
    with (folder / "data" / "postgresql.conf").open("a") as file:
        file.write(_CONF.format(folder=folder))


@contextmanager
def _running(found: Path, folder: Path) -> Iterator[None]:
    with (folder / "log").open("ab") as log:
        # A session of its own: Ctrl-C at the terminal is for who started it, who ends it last.
        server = subprocess.Popen(  # noqa: S603  # nosec B603
            [found / "postgres", "-D", folder / "data"],
            stdout=log, stderr=log, cwd=folder, start_new_session=True, **_user(),
        )  # fmt: skip
    try:
        until = time.monotonic() + _LONGEST
        ready = [str(found / "pg_isready"), "-q", "-h", str(folder)]
        while subprocess.run(ready, check=False).returncode:  # noqa: S603  # nosec B603
            if server.poll() is not None or time.monotonic() > until:
                raise OSError(f"PostgreSQL does not start: {(folder / 'log').read_text()[-1000:].strip()}")
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"[0-9]+", str(path)))


def _user() -> dict[str, Any]:
    """How to begin a process that must not be root's."""
    if os.geteuid() != 0:
        return {}
    owner = pwd.getpwnam(USER)
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
