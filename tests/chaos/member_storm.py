"""One installation of several members that are killed over and over, while server and network have bad days.

In the end it is compared with what was true, as one daemon and its file are.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.chaos.database import terminate
from tests.chaos.faultpoints import AT_BIRTH, AT_THE_END, OF_MEMBERS, ONCE, STEPS
from tests.chaos.members import MemberStand, members
from tests.chaos.stand import Life, Zygote
from tests.chaos.storm import MOMENTS, Report
from tests.chaos.truth import Truth, compare, ledger
from tests.postgresql import Cluster

FOUR = ("one", "two", "three", "four")
WEATHER = (
    *["a connection is ended by the server"] * 4,
    *["all connections are ended by the server"] * 2,
    "the server is killed and started again",
    *["a member is cut off from the server"] * 2,
    *["a member stands still"] * 2,
)
STATE = {
    "(SELECT * FROM deliveries WHERE state = 'pending') d": "*",
    "members": "name, seen",
    "leases": "*",
    "gate": "*",
    "(SELECT * FROM requests ORDER BY id DESC) r": "id, source, purpose, reserved_at, ended_at, failure",
    "accounts": "id, chain, last_reading, last_attempt",
    "procrastinate_jobs": "id, queue_name, status, worker_id, attempts, args",
    "procrastinate_workers": "*",
}
AT_WORK = "at work among the others"
LONGEST_WORK = 25.0
LONGEST_LIFE = 15.0
"""Seconds after which a life that did not reach its step is killed anyway."""
PEACE = 120.0


class MemberStorm:
    """Kills by a seed; `weather`: the server and the network have bad days too."""

    def __init__(self, there: MemberStand, seed: int, *, weather: bool = False) -> None:
        self.there = there
        self.chance = random.Random(f"storm {seed}")
        self.truth = Truth(there, random.Random(f"truth {seed}"))
        self.report = Report(seed)
        self._weather, self._over = weather, False
        self._turn: list[str] = []
        self._recorded: list[set[str]] = []

    async def rage(self, kills: int) -> Report:
        """So many lives, each cut off, of all members at once; then peace, and the comparison."""
        works = [self.truth.move(), self._killed(kills), *([self._days()] if self._weather else ())]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
            await self._end(tasks)
            await self._in_peace()
        except (TimeoutError, ExceptionGroup, AssertionError) as error:
            self.report.compared.broken.append(f"stood still: {error!r}\n{await self._state()}")
        finally:
            await self._end(tasks)
        return self.report

    async def _state(self) -> str:
        """What is owed, and what was under way, where nothing went on."""
        found = [f"at {time.time() * 1000:.0f}"]
        for table, what in STATE.items():
            with suppress(psycopg.Error):
                found += [table, *map(str, await self.there.asked(f"SELECT {what} FROM {table} LIMIT 9"))]  # noqa: S608
        return "\n".join([*found, self.there.log()[-4000:]])

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for name, member in self.there.members.items():
            member.database.mend()
            if member.alive:
                self.there.thaw(name)

    # ------------------------------------------------------------------ kills

    async def _killed(self, kills: int) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self.there.members:
                group.create_task(self._lives(name, kills))

    async def _lives(self, name: str, kills: int) -> None:
        """By turns a life that is at work until any moment, and one that ends where it is struck."""
        while self.report.kills < kills:
            for fault in (AT_WORK, self._fault()):
                await self._one_life(name, fault)

    async def _one_life(self, name: str, fault: str) -> None:
        self.report.tried[fault] += 1
        nth = 1 if fault in ONCE else self.chance.choice((1, 1, 1, 2))
        order = {"step": fault, "nth": nth} if fault not in (*MOMENTS, AT_WORK) else {}
        life = await self.there.begin(name, **order)
        self.report.struck[fault] += await self._until_struck(life, fault)
        code = await self.there.zygote.kill(life)
        # SIGTERM before there is anything to close is an end without these steps.
        fine = (-signal.SIGKILL, -signal.SIGTERM, 0) if fault in AT_THE_END else (-signal.SIGKILL,)
        if code not in fine:
            log = self.there.log_of(name).read_text()[-1500:]
            self.report.compared.broken.append(f"a life ended by itself with {code} ({fault}):\n{log}")
        self.report.kills += 1
        await self._note()

    def _fault(self) -> str:
        """Each fault once, in a new order each time."""
        if not self._turn:
            faults = sorted({*STEPS, *OF_MEMBERS, *MOMENTS} - {AT_BIRTH})
            self._turn = self.chance.sample(faults, len(faults))
        return self._turn.pop()

    async def _until_struck(self, life: Life, fault: str) -> bool:
        """Whether it was where it was to be struck."""
        if fault in (*MOMENTS, AT_WORK):
            longest = {"while starting": 0.5, AT_WORK: LONGEST_WORK}.get(fault, LONGEST_LIFE)
            done, _ = await asyncio.wait([life.ended], timeout=self.chance.random() * longest)
            return not done
        if fault in AT_THE_END:
            await asyncio.sleep(self.chance.random() * 3)
            self.there.zygote.tell(life, signal.SIGTERM)
        done, _ = await asyncio.wait([life.ended], timeout=LONGEST_LIFE + 7 * (fault in AT_THE_END))
        return bool(done)

    async def _note(self) -> None:
        """What was recorded as sent before this is not sent again after it."""
        recorded: set[str] = set()
        with suppress(psycopg.Error):  # the server has a bad day, or there is no store yet
            rows = await self.there.asked("SELECT id FROM deliveries WHERE state = 'sent'")
            recorded = {row[0] for row in rows}
        self._recorded.append(recorded)
        for far in self.there.fars.values():
            far.kills += 1

    # ------------------------------------------------------------------ bad days

    async def _days(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(1, 6))
            day = self.chance.choice(WEATHER)
            self.report.tried[day] += 1
            self.report.struck[day] += 1
            for far in self.there.fars.values():
                far.bad_day = True
            await self._day(day)
            await self._note()
            for far in self.there.fars.values():
                far.bad_day = False

    async def _day(self, day: str) -> None:
        server = self.there.server
        name = self.chance.choice(list(self.there.members))
        if day == "the server is killed and started again":
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(self.chance.uniform(0, 3))
            await asyncio.to_thread(server.start)
        elif "ended by the server" in day:
            one = f"watcher/{name}" if day.startswith("a connection") else ""
            await asyncio.to_thread(terminate, server, self.there.database, one)
        elif "cut off" in day:
            way = self.there.members[name].database
            way.cut_off()
            await asyncio.sleep(self.chance.uniform(2, 15))
            way.mend()
        elif (life := self.there.members[name].life) is not None:
            self.there.zygote.tell(life, signal.SIGSTOP)
            await asyncio.sleep(self.chance.uniform(2, 15))
            self.there.zygote.tell(life, signal.SIGCONT)

    # ------------------------------------------------------------------ the end

    async def _in_peace(self) -> None:
        """Lives without faults: they must take up everything that was left."""
        await self.there.begin_all()
        await self.truth.settle()
        await self.there.until("SELECT count(*) FROM deliveries WHERE state = 'pending'", 0, within=PEACE)
        codes = await asyncio.gather(*(self.there.kill(name, signal.SIGTERM) for name in self.there.members))
        broken = self.report.compared.broken
        self.report.compared = compare(self.there, self.truth, self._recorded)
        self.report.compared.broken += broken
        self.report.compared.expect(not any(codes), f"they ended with {codes} on SIGTERM")


async def member_storm(
    folder: Path, zygote: Zygote, cluster: Cluster, *, seed: int, kills: int, weather: bool = False
) -> Report:
    """One storm of four members, in its own folder and database."""
    async with members(folder, zygote, seed, cluster, FOUR, refusing=0.02) as there:
        return await MemberStorm(there, seed, weather=weather).rage(kills)


async def member_thirst(
    folder: Path, zygote: Zygote, cluster: Cluster, *, seed: int, kills: int, limit: int = 1500
) -> Report:
    """Members and polls by hand cut off on a plan that pays for a dozen polls: the cap holds."""
    chance, report = random.Random(f"thirst {seed}"), Report(seed)
    async with members(folder, zygote, seed, cluster, FOUR) as there:
        there.write(limit=limit)
        while report.kills < kills:
            step = chance.choice(
                ("booking: committed, nothing sent", "request: answer read, nothing recorded")
            )
            orders = {"step": step, "nth": chance.choice((1, 2))} if chance.random() < 0.3 else {}
            lives = [await there.begin(name, **orders) for name in FOUR]
            lives.append(await there.begin(chance.choice(FOUR), "poll"))
            with suppress(
                TimeoutError
            ):  # the plan is spent: from now on nothing is asked, or hardly anything
                async with asyncio.timeout(LONGEST_WORK if await _booked(there) < limit * 0.7 else 1.0):
                    await there.coinstats.until_taken(there.coinstats.taken + chance.choice((1, 2, 4)))
            await asyncio.sleep(chance.choice((0, 0.005, 0.05)))
            for life in lives:
                report.kills += await zygote.kill(life) == -signal.SIGKILL
            used = there.sim.coinstats.credits_used
            report.compared.expect(used <= limit, f"{used} of {limit} credits were metered")
        what = "members on a plan nearly spent, beside polls by hand"
        report.tried[what] = report.struck[what] = report.kills
        there.sim.coinstats.credits_limit = limit
        ledger(report.compared, there)
        booked = await _booked(there)
        report.compared.expect(booked > limit * 0.7, f"only {booked} of {limit} credits were booked")
        return report


async def _booked(there: MemberStand) -> int:
    with suppress(psycopg.Error):  # there is no store yet
        return int(
            (await there.asked("SELECT sum(credits) FROM spending WHERE source = 'coinstats'"))[0][0] or 0
        )
    return 0
