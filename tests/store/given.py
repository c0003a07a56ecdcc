"""A store in a folder, and other processes that use it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from watcher.store.sqlite.store import SqliteStore

ROOT = Path(__file__).parent.parent.parent


@asynccontextmanager
async def opened(path: Path, *, exclusive: bool = False) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, exclusive=exclusive)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else, in autocommit."""
    conn = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        yield conn
    finally:
        conn.close()


def rows(path: Path, sql: str, *values: object) -> list[Any]:
    with by_hand(path) as conn:
        return conn.execute(sql, values).fetchall()


def process(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs `script`; its standard input and output are pipes."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env, cwd=ROOT)


def first_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, what: bytes) -> None:
    path.write_bytes(what)
