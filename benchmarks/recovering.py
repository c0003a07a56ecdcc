"""How soon members go on: after a kill -9, for a machine that is cut off, after a restart of the database.

Two members poll simulated APIs each second. Times are by the clock, from the blow to what the store shows.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.chaos.given import at_work, leader_of, other_than
from tests.chaos.members import MemberStand, members
from tests.chaos.stand import Zygote
from tests.postgresql import Cluster

ROUNDS = 3
PATIENCE = 60.0


async def until(there: MemberStand, sql: str, wanted: int = 0) -> None:
    """Until it is more than that."""
    async with asyncio.timeout(PATIENCE):
        while int(there.query(sql)[0][0] or 0) <= wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def _term(there: MemberStand, role: str) -> int:
    ((term,),) = there.query(f"SELECT term FROM leases WHERE role = '{role}'")  # noqa: S608
    return int(term)


async def role(there: MemberStand) -> float:
    """From kill -9 of the member that plans until another one does."""
    name = leader_of(there, "plan")
    term = _term(there, "plan")
    began = time.monotonic()
    await there.kill(name)
    await until(there, "SELECT term FROM leases WHERE role = 'plan'", term)
    took = time.monotonic() - began
    await there.begin(name)
    return took


async def job(there: MemberStand) -> float:
    """From kill -9 of a member in the middle of a request until all accounts are read again."""
    planner = leader_of(there, "plan")
    name = other_than(there, planner)
    member = there.members[name]
    member.apis.cut_off()
    await asyncio.sleep(2)  # it asks, and hears nothing
    began = time.monotonic()
    ((now,),) = there.query("SELECT now_ms()")
    await there.kill(name)
    oldest = f"SELECT count(*) FROM accounts HAVING min(last_reading) > {now}"  # noqa: S608
    async with asyncio.timeout(PATIENCE):
        while not there.query(oldest):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    took = time.monotonic() - began
    member.apis.mend()
    await there.begin(name)
    return took


async def machine(there: MemberStand) -> float:
    """From when packets of the member that plans are dropped until another one plans."""
    name = leader_of(there, "plan")
    term = _term(there, "plan")
    way = there.members[name].database
    began = time.monotonic()
    way.cut_off()
    await until(there, "SELECT term FROM leases WHERE role = 'plan'", term)
    took = time.monotonic() - began
    await asyncio.sleep(5)
    way.mend()
    return took


async def database(there: MemberStand) -> float:
    """From when the server answers again until a request is booked."""
    await asyncio.to_thread(there.server.kill)
    await asyncio.sleep(3)
    await asyncio.to_thread(there.server.start)
    began = time.monotonic()
    ((now,),) = there.query("SELECT now_ms()")
    await until(there, f"SELECT count(*) FROM requests WHERE reserved_at > {now}")  # noqa: S608
    return time.monotonic() - began


CASES: dict[str, tuple[Callable[[MemberStand], Awaitable[float]], str]] = {
    "a role, after kill -9": (role, "<= 3"),
    "a request that was under way, after kill -9": (job, "<= 12"),
    "a role, of a machine that is cut off": (machine, "<= 20"),
    "the first request after a restart of the database": (database, "<= 10"),
}


async def _measure(cluster: Cluster) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory(prefix="watcher-recovering-") as folder:
        async with (
            Zygote("--members") as zygote,
            members(Path(folder) / "stand", zygote, 1, cluster) as there,
        ):
            await at_work(there)
            found: dict[str, list[float]] = {name: [] for name in CASES}
            for _ in range(ROUNDS):
                for name, (measured, _) in CASES.items():
                    found[name].append(await measured(there))
                    await asyncio.sleep(4)
            for name in there.members:
                await there.kill(name, signal.SIGTERM)
            return found


def measure(cluster: Cluster) -> dict[str, float]:
    """The median of some rounds, in seconds."""
    return {name: statistics.median(each) for name, each in asyncio.run(_measure(cluster)).items()}
