"""`watcher demo --cluster`: two members over one PostgreSQL; one is killed in the middle of the story."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from watcher.cli._story import PLENTY, keys_of, say, tell_step, write_configuration
from watcher.cli._story_told import entries, unseen, untold, verdict
from watcher.cli._tables import screen
from watcher.domain.records import Record
from watcher.domain.values.errors import StoreError, WatcherError
from watcher.ports.members import PLAN
from watcher.sim import Simulation
from watcher.sim.inbox import Alert
from watcher.sim.postgresql import NotInstalledError, own_postgresql
from watcher.sim.scenario import Step, play, prepare, story

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend

NAMES = ("zrh-1", "zrh-2")
KILLED_AT, BACK_AT = 0.451, 0.66
"""Shares of the story: tokens arrive at 0.45, and nobody has read them; systemd would start it again."""
PATIENCE = 60.0
"""Seconds that members may take to begin, to take over, and to tell the last of it."""
GRACE = 10.0
"""Seconds that a member may take to end by itself."""
LOOK = 0.1
_DIED, _LIVES, _TITLE = "1;31", "1;32", "1"

HOUSE = """\
store: {{kind: postgresql, url: "${{DEMO_DATABASE_URL}}"}}
cluster: {{name: "${{DEMO_MEMBER}}"}}
channels:
  inbox: {{kind: webhook, url: "{url}/inbox"}}
web: {{listen: "127.0.0.1:${{DEMO_PORT}}"}}
"""


def demo_cluster(folder: Path, seconds: float, *, keep: bool) -> int:
    """The story over a server and two members, all gone afterwards. Exit code 1 if a promise was broken."""
    from watcher.daemon.loop import DaemonLoop

    try:
        with own_postgresql() as url, asyncio.Runner(loop_factory=DaemonLoop) as runner:
            return runner.run(_demo(folder, url, seconds, keep=keep))
    except NotInstalledError:
        what = "this demo starts a PostgreSQL of its own, and there is none on this machine"
        raise WatcherError(f"{what}; on Debian: sudo apt install postgresql") from None


async def _demo(folder: Path, url: str, seconds: float, *, keep: bool) -> int:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Simulation() as sim:
        prepare(sim)
        sim.coinstats.credits_limit = PLENTY
        sim.inbox.on_message = lambda alerts: _heard(alerts, sim.inbox.deliveries)
        write_configuration(folder, sim, HOUSE.format(url=sim.url), hinted=False)
        env = {**os.environ, **keys_of(sim), "DEMO_DATABASE_URL": url}
        store = _backend(folder, env)
        async with _at_work(folder, env) as members:
            watching = asyncio.create_task(_story(sim, members, store, seconds))
            waiting = asyncio.create_task(stopping.wait())
            await asyncio.wait({watching, waiting}, return_when=asyncio.FIRST_COMPLETED)
            whole = watching.done()
            if whole:
                watching.result()
                if keep:
                    pages = " and ".join(each.page for each in members.alive)
                    say(f"The story is over; this stays up until Ctrl-C. The pages are at {pages}")
                    await waiting
            watching.cancel()
            waiting.cancel()
        with store.queries() as reader:
            lines, sound = verdict(reader, sim, PLENTY, whole=whole)
    for line in lines if sound else [*lines, "", *members.logged()]:
        typer.echo(line)
    for line in () if keep else _next():
        typer.echo(line)
    return 0 if sound else 1


def _next() -> list[str]:
    looks = "  watcher demo --cluster --keep   the pages of both stay up"
    return ["", "Next:", looks, "  docs/howto/two-machines.md      the same with two machines of yours"]


async def _story(sim: Simulation, members: MemberProcesses, store: StoreBackend, seconds: float) -> None:
    """Play it, kill who plans in the middle of it, and wait until all of it is told."""
    say("A PostgreSQL of its own is up; two daemons that share it are starting ...")
    await _until(lambda: len(_names(store)) == len(NAMES) and not _unread(store, sim), members)
    for each in members.alive:
        say(f"{each.name} is at work; its page is at {each.page}")
    say("Both have the same files. They share one PostgreSQL, and one allowance of credits.")
    loop = asyncio.get_running_loop()
    begun = loop.time()

    async def at(share: float) -> None:
        await asyncio.sleep(max(0.0, begun + share * seconds - loop.time()))

    playing = asyncio.create_task(play(sim, story(duration_seconds=seconds), _caption))
    try:
        await at(KILLED_AT)
        killed = await _kill(members, store)
        await at(BACK_AT)
        await members.begin(killed)
        await _until(lambda: killed in _names(store), members)
        _loudly(f"{killed} is started again, as systemd would, and takes its share", _LIVES)
        await playing
        await at(1)
        with suppress(TimeoutError):  # what is missing then is told as broken
            await _until(lambda: _over(store, sim), members)
    finally:
        playing.cancel()


async def _kill(members: MemberProcesses, store: StoreBackend) -> str:
    """End the member that plans, without a chance to say so, and say who goes on, and how soon; its name."""
    first = _leader(store)
    victim = next(each for each in members.alive if each.name == first)
    loop = asyncio.get_running_loop()
    victim.process.kill()
    at = loop.time()
    members.alive.remove(victim)
    _loudly(f"kill -9 {first}: it planned what is asked, and tokens have come that nobody has read", _DIED)
    await victim.process.wait()
    await _until(lambda: _leader(store) not in ("", first), members)
    _loudly(f"{_leader(store)} plans and tells, {loop.time() - at:.1f} s later", _LIVES)
    return first


class MemberProcess(Record):
    """A process of `watcher run`."""

    name: str
    process: asyncio.subprocess.Process
    page: str


class MemberProcesses:
    """The processes, each of which writes a log. `alive`: those that nobody killed."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._folder, self._env = folder, env
        self.alive: list[MemberProcess] = []

    async def begin(self, name: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with self._log(name).open("ab") as file:
            # A session of its own: Ctrl-C at the terminal is for the demo, which ends the members in order.
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "watcher", "run", "-c", str(self._folder / "watcher.yaml"),
                env={**self._env, "DEMO_MEMBER": name, "DEMO_PORT": str(port)},
                stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self.alive.append(MemberProcess(name, process, f"http://127.0.0.1:{port}"))

    async def end(self) -> None:
        for each in self.alive:
            with suppress(ProcessLookupError):
                each.process.terminate()
        for each in self.alive:
            try:
                await asyncio.wait_for(each.process.wait(), GRACE)
            except TimeoutError:
                each.process.kill()
                await each.process.wait()

    def logged(self) -> list[str]:
        """The last that each of them wrote."""
        return [f"{name}: {line}" for name in NAMES for line in self._lines(name)[-20:]]

    def check(self) -> None:
        """WatcherError if one has ended by itself."""
        for each in self.alive:
            if each.process.returncode is not None:
                said = " ".join(self._lines(each.name)[-5:])
                raise WatcherError(f"{each.name} ended by itself: {said}")

    def _lines(self, name: str) -> list[str]:
        return self._log(name).read_text(errors="replace").strip().splitlines()

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"


@asynccontextmanager
async def _at_work(folder: Path, env: dict[str, str]) -> AsyncIterator[MemberProcesses]:
    """The members, in the order in which they began; ended whatever happens."""
    members = MemberProcesses(folder, env)
    try:
        for name in NAMES:
            await members.begin(name)
        yield members
    finally:
        await members.end()


def _backend(folder: Path, env: dict[str, str]) -> StoreBackend:
    """The store, for who looks on."""
    from watcher.config.configuration import configure

    env = {**env, "DEMO_MEMBER": "demo", "DEMO_PORT": "0"}
    return configure(folder / "watcher.yaml", env, channels=False).settings.backend


async def _until(holds: Callable[[], bool], members: MemberProcesses) -> None:
    """Look again and again, since the members are other processes. WatcherError if one ends by itself."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(StoreError):  # there is none yet
                if await asyncio.to_thread(holds):
                    return
            members.check()
            await asyncio.sleep(LOOK)


def _names(store: StoreBackend) -> list[str]:
    with store.queries() as reader:
        return [each.name for each in reader.members() if each.at_work]


def _leader(store: StoreBackend) -> str:
    """The member that plans; empty: none at this moment."""
    with store.queries() as reader:
        return next((each.name for each in reader.members() if PLAN in each.leads), "")


def _unread(store: StoreBackend, sim: Simulation) -> list[str]:
    """What is not known as the simulated APIs show it."""
    with store.queries() as reader:
        return unseen(reader, sim)


def _over(store: StoreBackend, sim: Simulation) -> bool:
    """Whether all that happened was seen and told."""
    with store.queries() as reader:
        return not (unseen(reader, sim) or untold(sim) or reader.deliveries("pending", 1))


def _caption(step: Step) -> None:
    tell_step(Step(step.at_seconds, step.caption, step.apply))


def _heard(alerts: list[Alert], before: list[str]) -> None:
    """Print what the inbox gets as the console would."""
    on, clock = screen(), f"{datetime.now(UTC):%H:%M:%S} "
    again = " · again, under the same id" if alerts[0]["delivery_id"] in before else ""
    for mark, title, rules in entries(alerts):
        colour = _LIVES if mark == "resolved" else mark
        end = on.paint(f" · rule {rules}{again}", "2")
        typer.echo(f"{on.paint(clock, '2')}{on.paint(mark, colour)}: {on.paint(title, _TITLE)}{end}")


def _loudly(text: str, style: str) -> None:
    on = screen()
    typer.echo(f"{on.paint(f'{datetime.now(UTC):%H:%M:%S}', '2')} {on.paint(text, style)}")
