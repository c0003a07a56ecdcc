"""One installation whose daemon is killed over and over, and then compared with what was true."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import sqlite3
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.faultpoints import AT_BIRTH, AT_THE_END, OF_HINTS, ONCE, STEPS
from tests.chaos.stand import Life, Stand, Zygote, stand
from tests.chaos.truth import Compared, Truth, compare, ledger
from tests.hints.webhooks import KEY

LONGEST_LIFE = 2.0
"""Seconds after which a life that did not reach its step is killed anyway, where a machine is not busy."""

MOMENTS = ("any moment", "an API has the request", "a channel has the message", "while starting")


@dataclass
class Report:
    """What one storm did."""

    seed: int
    tried: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    hinted: int = 0
    """Polls that hints caused."""
    compared: Compared = field(default_factory=Compared)


class Storm:
    """Kills by a seed: `steps` to strike, or None for all steps and all moments.

    `hinted`: moves are told of, and the steps of a hint's way are among them.
    """

    def __init__(
        self, there: Stand, seed: int, steps: tuple[str, ...] | None = None, *, hinted: bool = False
    ) -> None:
        self.there = there
        self.chance = random.Random(f"storm {seed}")
        self.truth = Truth(there, random.Random(f"truth {seed}"))
        self.report = Report(seed)
        self._steps = {**STEPS, **OF_HINTS} if hinted else STEPS
        self._faults = list(steps or ({*self._steps, *MOMENTS} - {AT_BIRTH}))
        self._faults.sort()
        self._turn: list[str] = []
        self._recorded: list[set[str]] = []
        self._idle = 0
        """Lives in a row in which an API was not asked: on a busy machine one needs longer to begin."""

    @property
    def _longest(self) -> float:
        return LONGEST_LIFE + self._idle / 4

    async def rage(self, kills: int) -> Report:
        """So many lives, each cut off; then one in peace, and the comparison."""
        mover = asyncio.create_task(self.truth.move())
        try:
            while self.report.kills < kills:
                await self.one_life()
                if mover.done():
                    mover.result()
            mover.cancel()
            with suppress(asyncio.CancelledError):
                await mover
            await self._in_peace()
        except (TimeoutError, ExceptionGroup, AssertionError) as error:
            self.report.compared.broken.append(f"stood still: {error!r}")
        finally:
            mover.cancel()
            await asyncio.gather(mover, return_exceptions=True)
        return self.report

    def _fault(self) -> str:
        """Each fault once, in a new order each time."""
        if not self._turn:
            self._turn = self.chance.sample(self._faults, len(self._faults))
        return self._turn.pop()

    async def one_life(self) -> None:
        fault = self._fault() if self.report.kills else AT_BIRTH
        self.report.tried[fault] += 1
        nth = 1 if fault in ONCE else self.chance.choice((1, 1, 1, 2))
        order = {"step": fault, "nth": nth} if fault in self._steps else {}
        logs = self.there.coinstats, self.there.teos
        taken = [each.taken for each in logs]
        life = await self.there.start("run", **order)
        if fault in self._steps:
            longer = 8.0 if fault in AT_THE_END else 5.0  # it ends as soon as the step is reached
            ended = await self._strike_by_itself(life, longer, gently=fault in AT_THE_END)
            self.report.struck[fault] += ended
        else:
            await self._moment(life, fault)
            self.report.struck[fault] += not life.ended.done()
        code = await self.there.zygote.kill(life)
        asked = all(each.taken > before for each, before in zip(logs, taken, strict=True))
        self._idle = 0 if asked else self._idle + 1
        # SIGTERM before there is anything to close is an end without these steps.
        fine = (-signal.SIGKILL, -signal.SIGTERM, 0) if fault in AT_THE_END else (-signal.SIGKILL,)
        if code not in fine:
            log = self.there.log()[-1000:]
            self.report.compared.broken.append(f"a life ended by itself with {code} ({fault}):\n{log}")
        self._after_kill()

    async def _strike_by_itself(self, life: Life, longer: float, *, gently: bool) -> bool:
        if gently:
            await asyncio.sleep(self.chance.random())
            self.there.zygote.tell(life, signal.SIGTERM)
        done, _ = await asyncio.wait([life.ended], timeout=self._longest + longer)
        return bool(done)

    async def _moment(self, life: Life, fault: str) -> None:
        waits: list[asyncio.Task[None]] = []
        if fault == "an API has the request":
            log = self.chance.choice((self.there.coinstats, self.there.teos))
            waits = [asyncio.create_task(log.until_taken(log.taken + self.chance.choice((1, 2, 3))))]
        elif fault == "a channel has the message":
            far = self.chance.choice(list(self.there.fars.values()))
            waits = [asyncio.create_task(far.until(far.arrived + 1))]
        longest = 0.15 if fault == "while starting" else self._longest
        waiting: set[asyncio.Future[Any]] = {life.ended, *waits}
        timeout = longest if waits else self.chance.random() * longest
        done, _ = await asyncio.wait(waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if done:
            await asyncio.sleep(self.chance.choice((0, 0, 0.002, 0.01)))

    def _after_kill(self) -> None:
        self.report.kills += 1
        recorded: set[str] = set()
        with suppress(sqlite3.OperationalError):  # killed before there was a store
            recorded = {row[0] for row in self.there.query("SELECT id FROM deliveries WHERE state = 'sent'")}
        self._recorded.append(recorded)
        for far in self.there.fars.values():
            far.kills += 1

    async def _in_peace(self) -> None:
        """A life without faults: it must take up everything that was left."""
        life = await self.there.start("run")
        await self.truth.settle()
        async with asyncio.timeout(60):
            while self.there.query("SELECT 1 FROM deliveries WHERE state = 'pending'"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # nothing in this process knows when another one has written
        code = await self.there.zygote.kill(life, signal.SIGTERM)
        broken = self.report.compared.broken
        self.report.hinted = self.there.query("SELECT count(*) FROM v_hinted")[0][0]
        self.report.compared = compare(self.there, self.truth, self._recorded)
        self.report.compared.broken += broken
        self.report.compared.expect(code == 0, f"it ended with {code} on SIGTERM")


async def thirst(folder: Path, zygote: Zygote, seed: int, kills: int, limit: int = 1500) -> Report:
    """Daemons and polls by hand cut off on a plan that pays for a dozen polls: the cap holds."""
    async with stand(folder, zygote, seed) as there:
        there.write(limit=limit)
        chance, report = random.Random(f"thirst {seed}"), Report(seed)
        rounds, spent = 0, int(limit * 0.7)
        while rounds < kills or (rounds < 4 * kills and _booked(there) <= spent):
            rounds += 1
            step = chance.choice(
                ("booking: committed, nothing sent", "request: answer read, nothing recorded")
            )
            orders = {"step": step, "nth": chance.choice((1, 2))} if chance.random() < 0.3 else {}
            lives = [await there.start(chance.choice(("run", "poll")), **orders), await there.start("poll")]
            more = there.coinstats.taken + chance.choice((1, 2))
            asked = asyncio.create_task(there.coinstats.until_taken(more))
            # Once the poll has ended all was read, or the plan is spent.
            ends: list[asyncio.Future[Any]] = [asked, lives[-1].ended]
            await asyncio.wait(ends, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            await asyncio.sleep(chance.choice((0, 0.005, 0.05)))
            for life in lives:
                report.kills += await zygote.kill(life) == -signal.SIGKILL
            used = there.sim.coinstats.credits_used
            report.compared.expect(used <= limit, f"{used} of {limit} credits were metered")
        report.tried["on a plan nearly spent, beside polls by hand"] = rounds
        report.struck["on a plan nearly spent, beside polls by hand"] = rounds
        there.sim.coinstats.credits_limit = limit
        ledger(report.compared, there)
        booked = _booked(there)
        report.compared.expect(booked > spent, f"only {booked} of {limit} credits were booked")
        return report


def _booked(there: Stand) -> int:
    with suppress(sqlite3.OperationalError):  # there is no store yet
        ((booked,),) = there.query("SELECT sum(credits) FROM spending WHERE source = 'coinstats'")
        return int(booked or 0)
    return 0


async def storm(
    folder: Path,
    zygote: Zygote,
    seed: int,
    kills: int,
    steps: tuple[str, ...] | None = None,
    *,
    hinted: bool = False,
) -> Report:
    """One storm in its own folder. `hinted`: each move is posted to the daemon, if it is there."""
    async with stand(folder, zygote, seed, refusing=0.02) as there:
        if hinted:
            listen_for_hints(there)
        return await Storm(there, seed, steps, hinted=hinted).rage(kills)


def listen_for_hints(there: Stand) -> None:
    """Every life listens at the same port, where the simulated chains post to."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = there.folder / "watcher.yaml"
    hints = f"hints: {{mine: {{kind: webhook, scheme: generic, signing_key: {KEY}}}}}\n"
    web = f"web: {{listen: '127.0.0.1:{port}'}}\n{hints}"
    path.write_text(path.read_text().replace("web: null\n", web))
    there.sim.post_hints(f"http://127.0.0.1:{port}/hints/mine", KEY)
