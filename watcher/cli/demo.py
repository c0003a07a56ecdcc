"""`watcher demo`: the whole product in a minute, on simulated APIs over real HTTP."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import set_up_logging
from watcher.cli._story import HINTS_KEY, PLENTY, keys_of, say, tell_step, write_configuration
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.formatting import counted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from watcher.config.settings import Settings
    from watcher.domain.messages.delivery import Delivery
    from watcher.ports.queries import Queries

HOUSE = """\
store: {kind: sqlite, path: watcher.db}
channels:
  terminal: {kind: console, cards: first}
hints:
  chains: {kind: webhook, scheme: generic, signing_key: "${DEMO_HINTS_KEY}"}
web: {listen: "127.0.0.1:0"}
"""


def demo(
    duration: Annotated[
        str, typer.Option("--duration", metavar="D", help="How long the story takes, as in 30s or 2m.")
    ] = "60s",
    keep: Annotated[bool, typer.Option("--keep", help="Stay up after the story, until Ctrl-C.")] = False,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Two daemons over one PostgreSQL; one is killed midway.")
    ] = False,
) -> int:
    """Watch a story of transfers on simulated APIs: no key and no network are needed.

    Alerts are printed as they happen, the first one with all its particulars; a summary follows.
    Ctrl-C ends it at any moment. With --cluster the exit code is 1 if anything was lost or overspent.
    """
    import asyncio
    import tempfile

    try:
        seconds = parse_duration(duration).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not 10 <= seconds <= 3600:
        raise typer.BadParameter("--duration must be between 10s and 1h")
    set_up_logging("error", "console")
    from watcher.daemon.loop import DaemonLoop

    with tempfile.TemporaryDirectory(prefix="watcher-demo-") as folder:
        if cluster:
            from watcher.cli._demo_cluster import demo_cluster

            return demo_cluster(Path(folder), seconds, keep=keep)
        with asyncio.Runner(loop_factory=DaemonLoop) as runner:
            return runner.run(_demo(Path(folder), seconds, keep=keep))


async def _demo(folder: Path, seconds: float, *, keep: bool) -> int:
    import asyncio

    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)

    from watcher.app.build import build
    from watcher.config.configuration import configure
    from watcher.daemon.run import at_work
    from watcher.sim import Simulation
    from watcher.sim.scenario import play, prepare, story

    async with Simulation() as sim:
        prepare(sim)
        sim.coinstats.credits_limit = PLENTY
        write_configuration(folder, sim, HOUSE, hinted=True)
        configuration = configure(folder / "watcher.yaml", {**os.environ, **keys_of(sim)})
        store = await configuration.settings.backend.open(exclusive=True)
        try:
            app = await build(configuration, store)

            page = ""

            def on_page(url: str) -> None:
                nonlocal page
                page = url
                say(f"The status page is at {url}")
                sim.post_hints(f"{url}/hints/chains", HINTS_KEY)

            async with at_work(app, on_page=on_page):
                watched = counted(len(app.rules.wallets), "account")
                say(f"Watching {watched} on two simulated APIs at {sim.url}.")
                steps = story(duration_seconds=seconds, hinted=True)
                playing = asyncio.create_task(play(sim, steps, tell_step))
                await _until(stopping, playing, None if keep else seconds, (page, folder))
                whole = playing.done()
                playing.cancel()
                await app.deliverer.drain(within=3.0)
        finally:
            await store.close()
        with configuration.settings.backend.queries() as reader:
            for line in _summary(configuration.settings, reader, sim.coinstats.credits_used, whole=whole):
                typer.echo(line)
    for line in _next(page, keep=keep):
        typer.echo(line)
    return 0


async def _until(
    stopping: asyncio.Event, playing: asyncio.Task[None], seconds: float | None, stays: tuple[str, Path]
) -> None:
    """Wait for Ctrl-C, or for the story and the time that its last alerts need.

    `stays`: the page and the folder of what stays up, where no seconds are given.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() and playing.exception() is not None:
            await playing
        if seconds is None and not stopping.is_set():
            page, folder = stays
            say(f"The story is over; the demo stays up until Ctrl-C. The page is at {page}")
            told = f"watcher -c {folder / 'watcher.yaml'} explain gas-low hot-wallet"
            say(f"How a rule sees a wallet, from another terminal: {told}")
        left = None if seconds is None else max(0.0, began + seconds - loop.time())
        await asyncio.wait({waiting}, timeout=left)
    finally:
        waiting.cancel()


def _summary(settings: Settings, reader: Queries, metered: int, *, whole: bool) -> list[str]:
    """What the demo moved, told and cost; `whole`: the story came to its end."""
    changes = reader.history(1000)
    told = reader.deliveries("sent", 1000)
    asked = reader.requests(100_000)
    booked = sum(each.cost if each.charged is None else each.charged for each in asked)
    kinds = ", ".join(
        f"{sum(each.message.kind == kind for each in told)} {kind}"
        for kind in sorted({str(each.message.kind) for each in told})
    )
    return [
        "",
        (
            f"{counted(len(changes), 'change')} seen, "
            f"{counted(len(told), 'message')} delivered ({kinds or 'none'})."
        ),
        (
            f"{counted(len(asked), 'request')} for "
            f"{counted(sum(len(wallet.accounts) for wallet in settings.wallets), 'account')}; "
            f"{booked:,} credits booked, {metered:,} metered by the simulated API."
        ),
        *_hinted(reader, told, whole=whole),
    ]


def _next(page: str, *, keep: bool) -> list[str]:
    """What to do now."""
    looks = [] if keep else [f"  watcher demo --keep   the page, which was at {page}, stays up"]
    return ["", "Next:", *looks, "  watcher init          a configuration for your own wallets"]


def _hinted(reader: Queries, told: Sequence[Delivery], *, whole: bool) -> list[str]:
    """What hints did; nothing, if the story did not come to its end."""
    from watcher.sim.sample import COLD
    from watcher.sim.scenario import FALSE_HINTS

    polls = reader.hinted_polls(datetime.min.replace(tzinfo=UTC), 1000)
    heard = min((poll.word.at for poll in polls if poll.changed), default=None)
    sent = min((each.sent for each in told if each.sent and each.message.wallet == COLD.name), default=None)
    if not whole or heard is None or sent is None:
        return []
    after, barren = (sent - heard).total_seconds(), sum(not poll.changed for poll in polls)
    told_of = f"What a hint told of was an alert {after:.2f} s later, hours before the next poll by schedule"
    return [f"{told_of}; {FALSE_HINTS:,} false hints cost {counted(barren, 'poll')}."]
