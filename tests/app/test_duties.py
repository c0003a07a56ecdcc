"""What a member alone does is at work while it leads the role, and not a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeMembers
from watcher.app.application import App
from watcher.app.build import build
from watcher.app.duties import Duties, Duty
from watcher.app.jobs import Job
from watcher.config.configuration import configure
from watcher.domain.values.errors import StoreError
from watcher.ports.members import PLAN, Lease, SoleMember, tell
from watcher.store.memory.store import MemoryStore

CONFIG = """\
version: 1
sources: {coins: {kind: coinstats, api_key: key-one, credits: {limit: 1000}}}
wallets: [{name: w, source: coins, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}]
channels: {ops: {kind: console}, desk: {kind: console}}
web: null
"""


class Work:
    """A job that says when it begins and when it ends."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.breaks = asyncio.Event()

    async def begin(self, lease: Lease) -> Sequence[Job]:
        self.said.append(f"ready {lease.term}")
        return [("job", self.run)]

    async def run(self) -> None:
        self.said.append("at work")
        try:
            await self.breaks.wait()
        finally:
            self.said.append("stopped")

    async def end(self) -> None:
        self.said.append("closed")


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (a thread builds the sources)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def started(members: FakeMembers | SoleMember, *duties: Duty) -> AsyncIterator[Duties]:
    made = Duties(members, FakeClock(), duties)
    await made.start()
    await turns()
    try:
        yield made
    finally:
        await made.stop()


async def test_work_begins_when_its_role_is_gained_and_ends_when_it_is_lost() -> None:
    members, work = FakeMembers(), Work()
    async with started(members, Duty(PLAN, work.begin, work.end)):
        assert work.said == []
        members.give(PLAN)
        await turns()
        assert work.said == ["ready 1", "at work"]
        members.take(PLAN)
        await turns()
        assert work.said == ["ready 1", "at work", "stopped", "closed"]
        assert members.released == [Lease(PLAN, 1)]
        members.give(PLAN)
        await turns()
        assert work.said[4:] == ["ready 2", "at work"]
    assert work.said[6:] == ["stopped", "closed"]


async def test_who_is_alone_is_at_work_once_it_has_started() -> None:
    work = Work()
    made = Duties(SoleMember(), FakeClock(), [Duty(PLAN, work.begin, work.end)])
    await made.start()
    assert [task.get_name() for task in made.tasks] == ["job"]
    await made.stop()


async def test_a_job_that_ends_by_itself_is_known_by_its_name() -> None:
    work = Work()
    async with started(SoleMember(), Duty(PLAN, work.begin, work.end)) as made:
        work.breaks.set()
        (ended,), _ = await asyncio.wait(made.following)
        assert ended.get_name() == "job"
        assert isinstance(ended.exception(), RuntimeError)


async def test_what_cannot_be_taken_up_for_want_of_the_store_is_tried_again() -> None:
    members, work = FakeMembers(), Work()
    broken = [StoreError("away"), StoreError("away")]

    async def begin(lease: Lease) -> Sequence[Job]:
        if broken:
            raise broken.pop()
        return await work.begin(lease)

    clock = FakeClock()
    made = Duties(members, clock, [Duty(PLAN, begin, work.end)])
    await made.start()
    members.give(PLAN)
    await clock.advance(10)
    assert work.said == ["closed", "closed", "ready 1", "at work"]
    await made.stop()


@asynccontextmanager
async def application(folder: Path, members: FakeMembers) -> AsyncIterator[App]:
    (folder / "watcher.yaml").write_text(CONFIG)
    store = MemoryStore()
    store.members = members
    app = await build(configure(folder / "watcher.yaml", {}), store, clock=FakeClock())
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


def telling() -> set[str]:
    return {name for task in asyncio.all_tasks() if (name := task.get_name()).startswith("deliver ")}


async def test_who_leads_anew_begins_with_what_the_store_knows(tmp_path: Path) -> None:
    members = FakeMembers()
    async with application(tmp_path, members) as app:
        assert app.pollers == {}
        members.give(PLAN)
        await until(lambda: app.duties.tasks)
        first = app.pollers["coins"]
        members.take(PLAN)
        await until(lambda: not app.jobs and not app.pollers)
        assert app.pollers == {}
        members.give(PLAN)
        await until(lambda: app.duties.tasks)
        assert app.pollers["coins"] is not first


@pytest.mark.parametrize("channel", ["ops", "desk"])
async def test_only_who_leads_a_channel_tells_it(tmp_path: Path, channel: str) -> None:
    members = FakeMembers()
    async with application(tmp_path, members):
        members.give(tell(channel))
        await until(telling)
        assert telling() == {f"deliver {channel}"}
        members.take(tell(channel))
        await until(lambda: not telling())
