"""Trace: times at which wallets changed, from a file or from anywhere else."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from watcher.domain.records import Record
from watcher.domain.values.errors import WatcherError

LONGEST = 36500 * 86400.0
MOST_BYTES = 128 << 20
"""Of a trace, once it is unpacked."""


class TraceError(WatcherError):
    """The trace cannot be read, or says nothing."""


class Trace(Record, frozen=True):
    """When each wallet changed (unix seconds, in order); one that never moves has no times."""

    changes: Mapping[str, Sequence[float]]

    @property
    def count(self) -> int:
        return sum(map(len, self.changes.values()))

    @property
    def start(self) -> float:
        return min(times[0] for times in self.changes.values() if times)

    @property
    def end(self) -> float:
        return max(times[-1] for times in self.changes.values() if times)


def read_trace(path: Path) -> Trace:
    """Read `[set,]wallet,unix_time`, gzipped or not. TraceError names the line that is wrong."""
    try:
        with path.open("rb") as file:
            zipped = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.GzipFile(fileobj=file) if zipped else file as plain:
                data = plain.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(f"{path} cannot be read: {error}") from None
    if len(data) > MOST_BYTES:
        raise TraceError(f"{path} holds more than {MOST_BYTES >> 20} MiB; cut it")
    rows = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline=""))
    try:
        return _trace(path, rows)
    except (csv.Error, UnicodeDecodeError) as error:
        raise TraceError(f"{path}:{rows.line_num + 1}: {error}") from None


def _trace(path: Path, rows: Any) -> Trace:
    header = [cell.strip() for cell in next(rows, [])]
    if header not in (["wallet", "unix_time"], ["set", "wallet", "unix_time"]):
        raise TraceError(
            f"{path}:1: expected the columns wallet,unix_time (a column set may precede), "
            f"found {','.join(header)[:80] or 'nothing'}"
        )
    changes: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            raise TraceError(f"{path}:{rows.line_num}: expected {len(header)} columns, found {len(row)}")
        times = changes.setdefault(tuple(row[:-1]), [])
        if row[-1].strip():
            times.append(_time(row[-1], f"{path}:{rows.line_num}"))
    several = len({key[0] for key in changes}) > 1 if len(header) == 3 else False
    return as_trace({(":".join(key) if several else key[-1]): times for key, times in changes.items()})


def as_trace(changes: Mapping[str, Iterable[float]]) -> Trace:
    """A trace of these times. TraceError if nothing ever changes."""
    trace = Trace({wallet: sorted(times) for wallet, times in changes.items()})
    if not trace.count:
        raise TraceError("the trace has no changes: there is nothing to measure")
    if trace.end - trace.start > LONGEST:
        raise TraceError("the trace is longer than 100 years: a time in it is wrong")
    return trace


def _time(text: str, where: str) -> float:
    try:
        value = float(text) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not -1e11 < value < 1e11:
        raise TraceError(f"{where}: {text[:40]!r} is not a time in unix seconds")
    return value
