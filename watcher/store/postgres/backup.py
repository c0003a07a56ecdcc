"""A consistent copy of the schema, made by PostgreSQL's own pg_dump while daemons write to it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess  # nosec B404
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from watcher.domain.values.errors import StoreError
from watcher.store.backup import growing
from watcher.store.postgres.migrate import check_version, version_of
from watcher.store.postgres.pool import Connection, Pool

DEBIAN = Path("/usr/lib/postgresql")
_INSTALL = (
    "install the client of PostgreSQL (Debian package: postgresql-client) of the server's version or newer"
)
_TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""


class ClientPrograms(NamedTuple):
    """Programs of one version of PostgreSQL's client."""

    version: int
    dump: Path
    restore: Path


def programs(debian: Path = DEBIAN) -> ClientPrograms | None:
    """The newest that are installed; None if none are. A newer one copies older servers too."""
    places = [each.parent for each in debian.glob("*/bin/pg_dump")]
    if found := shutil.which("pg_dump"):
        places.append(Path(found).parent)
    known = [ClientPrograms(_version(each), each / "pg_dump", each / "pg_restore") for each in places]
    return max((each for each in known if each.restore.exists()), default=None)


def backup(pool: Pool, url: str, target: Path, progress: Callable[[float], None] = lambda _: None) -> None:
    """Copy the schema to `target`, which must not exist, in the format of `pg_restore`, and read the copy to
    its end. StoreError if it fails."""
    with growing(target, "backup") as partial:
        with pool.connection() as conn:
            check_version(pool.place, version_of(conn))
            before = _tables(conn)
            server = conn.info.server_version // 10_000
        using = programs()
        if using is None:
            raise StoreError(
                f"{pool.place}: pg_dump is not installed here, and it makes the copy; {_INSTALL}"
            )
        if using.version < server:
            raise StoreError(
                f"{pool.place}: pg_dump is of version {using.version} and the server of {server}, which it "
                f"cannot copy; {_INSTALL}"
            )
        _dump(pool, using.dump, url, partial, lambda done: progress(done / max(len(before), 1)))
        with pool.connection() as conn:
            tables = before & _tables(conn)  # meanwhile some may have been dropped, whose time was over
        _verify(pool, using.restore, partial, tables)


def _tables(conn: Connection) -> set[str]:
    return {name for (name,) in conn.execute(_TABLES)}


def _dump(pool: Pool, program: Path, url: str, partial: Path, tell: Callable[[int], None]) -> None:
    said = conninfo_to_dict(url)
    password = said.pop("password", None)
    if "sslpassword" in said:
        raise StoreError(
            f"{pool.place}: a key with a password of its own (sslpassword) cannot be handed to pg_dump in "
            "secret; name a key without one in sslkey"
        )
    said["application_name"] = "watcher/backup"
    command: list[str | Path] = [
        program, "--format=custom", f"--schema={pool.schema}", "--strict-names", "--no-password", "--verbose",
        "--lock-wait-timeout=60s", f"--file={partial}", f"--dbname={make_conninfo('', **said)}",
    ]  # fmt: skip
    secret = {} if password is None else {"PGPASSWORD": str(password)}
    last, done = "", 0
    with _running(command, secret) as process:
        for line in process.stderr or ():
            if "dumping contents of table" in line:
                done += 1
                tell(done)
            elif "error:" in line:
                last = last or line.partition("error:")[2].strip()
    if process.returncode:
        # What it says of a connection holds who asks for it.
        why = "it cannot connect to the server" if "connection to server" in last else last
        raise StoreError(f"{pool.place}: pg_dump failed: {why or f'exit code {process.returncode}'}")


def _verify(pool: Pool, program: Path, partial: Path, tables: set[str]) -> None:
    """StoreError unless each table is listed in the copy, and all of it can be read."""
    with _running([program, "--list", partial]) as process:
        listed = process.stdout.read() if process.stdout else ""
    found = set(re.findall(rf"TABLE DATA {re.escape(pool.schema)} (\S+) ", listed))
    if process.returncode == 0 and tables <= found:
        with _running([program, f"--file={os.devnull}", partial]) as process:
            pass
    if process.returncode or not tables <= found:
        missing = ", ".join(sorted(tables - found))
        raise StoreError(f"{pool.place}: the copy is not sound{f' (without {missing})' if missing else ''}")


@contextmanager
def _running(
    command: list[str | Path], secret: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program that has ended when the block has, and is ended if the block fails."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", **(secret or {})}
    with subprocess.Popen(  # noqa: S603 (a program of PostgreSQL, and no shell)  # nosec B603
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace",
    ) as process:  # fmt: skip
        try:
            yield process
            process.communicate()
        except BaseException:
            process.kill()
            raise


def _version(folder: Path) -> int:
    said = subprocess.run(  # noqa: S603 (as above)  # nosec B603
        [folder / "pg_dump", "--version"], check=False, capture_output=True, text=True
    ).stdout
    found = re.search(r"[0-9]+", said)
    return int(found[0]) if found else 0
