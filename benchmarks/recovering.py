"""How soon members go on: after a kill -9, for a machine that stands still or is cut off, after a restart of
the database; beside what the server itself takes for as much.

Two members poll simulated APIs each second. Times are by the clock, from the blow to what the store shows.
The floor is one lock, or one row, that a bare process holds, and another one that waits for it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.processes import process
from tests.chaos.given import at_work, leader_of, other_than
from tests.chaos.members import MemberStand, members
from tests.chaos.stand import Zygote
from tests.postgresql import Cluster
from watcher.store.postgres.election import IDLE
from watcher.store.postgres.members import EVERY

ROUNDS = 3
PATIENCE = 60.0
LOCK = "pg_advisory_lock(1)"
ROW = "* FROM floor FOR UPDATE"
AT_REST = 4.0
"""Seconds between two measurements, in which all members are at work again."""


class Recovery(NamedTuple):
    """Seconds, of the members and of the bare server."""

    watcher: float
    floor: float


# ---------------------------------------------------------------------- the members


async def until(there: MemberStand, sql: str, wanted: int = 0) -> None:
    """Until it is more than that."""
    async with asyncio.timeout(PATIENCE):
        while int((await there.asked(sql))[0][0] or 0) <= wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _number(there: MemberStand, sql: str) -> int:
    ((found,),) = await there.asked(sql)
    return int(found)


TERM = "SELECT term FROM leases WHERE role = 'plan'"


async def role(there: MemberStand) -> float:
    """From kill -9 of the member that plans until another one does."""
    name, term = leader_of(there, "plan"), await _number(there, TERM)
    began = time.monotonic()
    await there.kill(name)
    await until(there, TERM, term)
    took = time.monotonic() - began
    await there.begin(name)
    return took


async def job(there: MemberStand) -> float:
    """From kill -9 of a member in the middle of a request until all accounts are read again."""
    name = other_than(there, leader_of(there, "plan"))
    member = there.members[name]
    asked = len(there.asked_by(name))
    member.apis.cut_off()
    await asyncio.sleep(2)  # it asks, and hears nothing
    assert asked, "it asked for nothing"
    began, now = time.monotonic(), await _number(there, "SELECT now_ms()")
    await there.kill(name)
    await until(there, f"SELECT (min(last_reading) > {now})::integer FROM accounts")  # noqa: S608
    took = time.monotonic() - began
    member.apis.mend()
    await there.begin(name)
    return took


async def frozen(there: MemberStand) -> float:
    """From when the member that plans stands still, with all that it holds, until another one plans."""
    name, term = leader_of(there, "plan"), await _number(there, TERM)
    began = time.monotonic()
    there.freeze(name)
    await until(there, TERM, term)
    took = time.monotonic() - began
    there.thaw(name)
    return took


async def cut_off(there: MemberStand) -> float:
    """From when packets of the member that plans are dropped until another one plans."""
    name, term = leader_of(there, "plan"), await _number(there, TERM)
    way = there.members[name].database
    began = time.monotonic()
    way.cut_off()
    await until(there, TERM, term)
    took = time.monotonic() - began
    await asyncio.sleep(5)
    way.mend()
    return took


# ---------------------------------------------------------------------- the bare server


HOLDER = """
import sys, time, psycopg
url, lock, idle = sys.argv[1:]
conn = psycopg.connect(url, autocommit=lock.startswith("pg_"))
if lock.startswith("pg_"): conn.execute(f"SET idle_session_timeout = '{idle}s'")
conn.execute("SELECT " + lock)
print("held", flush=True)
while True:
    time.sleep(%g)
    conn.execute("SELECT 1")
"""


@contextmanager
def _held(url: str, lock: str) -> Iterator[int]:
    """A process that has it, with a sign of life as often as a member gives one; its number."""
    with process("-c", HOLDER % EVERY, url, lock, str(IDLE), listen=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder.pid


def _free_after(url: str, lock: str, number: int) -> float:
    """From a signal to who holds it until somebody who waits has it."""
    with _held(url, lock) as pid, psycopg.connect(url) as waiting:
        time.sleep(EVERY * 1.5)
        began = time.monotonic()
        os.kill(pid, number)
        waiting.execute(b"SELECT " + lock.encode())
        took = time.monotonic() - began
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # who stands still hears nothing else
    return took


def _bare(cluster: Cluster) -> Callable[[str, int], float]:
    """What is held is of a database of its own."""
    url = cluster.create("bare")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE floor AS SELECT 1 AS held")
    return lambda lock, number: _free_after(url, lock, number)


def _reconnected(cluster: Cluster) -> float:
    """When a client that tries without pause has committed something."""
    while True:
        with suppress(psycopg.OperationalError), psycopg.connect(cluster.url("bare")) as connection:
            connection.execute("UPDATE floor SET held = held + 1")
            connection.commit()
            return time.monotonic()
        time.sleep(0.02)


# ---------------------------------------------------------------------- side by side


async def database(there: MemberStand) -> Recovery:
    """From when the server takes connections again until a request is booked, beside a bare client."""
    await asyncio.to_thread(there.server.kill)
    await asyncio.sleep(3)
    bare = asyncio.create_task(asyncio.to_thread(_reconnected, there.server))
    await asyncio.to_thread(there.server.start)
    began, now = time.monotonic(), await _number(there, "SELECT now_ms()")
    await until(there, f"SELECT count(*) FROM requests WHERE reserved_at > {now}")  # noqa: S608
    took = time.monotonic() - began
    return Recovery(took, max(await bare - began, 0.0))


class Case(NamedTuple):
    """`lock` and `number`: what the floor holds, and the signal to who does."""

    what: str
    measured: Callable[[MemberStand], Awaitable[float]]
    lock: str
    number: signal.Signals
    bar: str


CASES = (
    Case("a role, after kill -9", role, LOCK, signal.SIGKILL, "<= 3"),
    Case("a request that was under way, after kill -9", job, ROW, signal.SIGKILL, "<= 12"),
    Case("a role, of a machine that stands still", frozen, LOCK, signal.SIGSTOP, "<= 20"),
    Case("a role, of a machine that is cut off", cut_off, LOCK, signal.SIGSTOP, "<= 20"),
)
RESTART = "the first request after a restart of the database"
RESTART_BAR = "<= 10"


async def _measure(cluster: Cluster) -> dict[tuple[str, str], list[Recovery]]:
    free_after = _bare(cluster)
    with tempfile.TemporaryDirectory(prefix="watcher-recovering-") as folder:
        async with (
            Zygote("--members") as zygote,
            members(Path(folder) / "stand", zygote, 1, cluster) as there,
        ):
            await at_work(there)
            found: dict[tuple[str, str], list[Recovery]] = {}
            for _ in range(ROUNDS):
                for case in CASES:
                    bare = await asyncio.to_thread(free_after, case.lock, case.number)
                    took = Recovery(await case.measured(there), bare)
                    found.setdefault((case.what, case.bar), []).append(took)
                    await asyncio.sleep(AT_REST)
                found.setdefault((RESTART, RESTART_BAR), []).append(await database(there))
                await asyncio.sleep(AT_REST)
            for name in there.members:
                await there.kill(name, signal.SIGTERM)
            return found


def measure(cluster: Cluster) -> Iterator[tuple[str, str, Recovery, float]]:
    """What, its bar, the medians of some rounds, and the longest of the members'."""
    for (what, bar), rounds in asyncio.run(_measure(cluster)).items():
        ours, floor = zip(*rounds, strict=True)
        yield what, bar, Recovery(statistics.median(ours), statistics.median(floor)), max(ours)
