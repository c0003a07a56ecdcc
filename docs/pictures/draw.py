"""Draw the pictures of README and docs from the demo: `make pictures`. Needs Chromium; takes a minute.

The story of the demo is played on the simulated APIs, watched by the daemon. Then the page is
photographed, the alert is shown as it arrived at a channel, and the terminal as people see it.
"""

from __future__ import annotations

import asyncio
import html
import io
import os
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from PIL import Image
from rich.console import Console
from rich.text import Text

from watcher.app.build import build
from watcher.charts.attachments import painter
from watcher.charts.chart import wallet_chart
from watcher.charts.plot import Plot
from watcher.cli._common import set_up_logging
from watcher.cli._plot import plot
from watcher.cli._story import HINTS_KEY, PLENTY, keys_of, write_configuration
from watcher.cli._tables import Screen
from watcher.cli.demo import HOUSE
from watcher.cli.status import status_lines
from watcher.config.configuration import Configuration, configure, credit_plans
from watcher.daemon.run import at_work
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.values.formatting import money
from watcher.reports import status
from watcher.service.clock import SystemClock
from watcher.sim import Simulation
from watcher.sim.scenario import play, prepare, story
from watcher.store.sqlite.queries import SqliteQueries

HERE = Path(__file__).parent
STORY = 60.0
"""Seconds."""
MOST_BYTES = 150_000
PAGES = (
    ("/", "page", (1100, 860)),
    ("/", "phone", (390, 844)),
    ("/wallets/hot-wallet", "wallet", (1100, 1110)),
)
COLUMNS = 92
CARD = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 18px; font: 15px/1.45 system-ui, sans-serif; background: #fff; color: #1f2937 }}
main {{ border-left: 4px solid #dc2626; padding-left: 14px; width: 800px }}
h1 {{ font-size: 17px; margin: 0 0 8px }} pre {{ font: 13px/1.5 ui-monospace, monospace; margin: 0 0 10px;
white-space: pre-wrap }} img {{ display: block; border: 1px solid #e5e7eb; border-radius: 6px }}
</style><main><h1>{title}</h1><pre>{body}</pre><img src="data:image/png;base64,{picture}"></main>"""


class Inbox:
    """The far end of a channel: keeps what arrives."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.received.append(await request.json())
        return web.Response(text="ok")


async def main() -> None:
    set_up_logging("error", "console")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("there is no Chromium here (Debian package: chromium)")
    inbox = Inbox()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/inbox", inbox.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with tempfile.TemporaryDirectory(prefix="watcher-pictures-") as folder:
        try:
            port = runner.addresses[0][1]
            await _watch(Path(folder), f"json://127.0.0.1:{port}/inbox", inbox, browser)
        finally:
            await runner.cleanup()


async def _watch(folder: Path, channel: str, inbox: Inbox, browser: str) -> None:
    """Play the story under the daemon, and take every picture at its end."""
    async with Simulation() as sim:
        prepare(sim)
        sim.coinstats.credits_limit = PLENTY
        told = f'  ops: {{url: "{channel}", pictures: true}}'
        house = HOUSE.replace("  terminal: {kind: console, cards: first}", told)
        write_configuration(folder, sim, house, hinted=True)
        configuration = configure(folder / "watcher.yaml", {**os.environ, **keys_of(sim)})
        store = await configuration.settings.backend.open(exclusive=True)
        pages: list[str] = []
        try:
            app = await build(configuration, store, draw=painter(configuration, store))
            async with at_work(app, on_page=pages.append):
                sim.post_hints(f"{pages[0]}/hints/chains", HINTS_KEY)
                steps = story(duration_seconds=STORY, hinted=True)
                playing = asyncio.create_task(play(sim, steps))
                await _fires(folder / "watcher.db")
                await asyncio.gather(
                    *(
                        _photograph(browser, pages[0] + path, HERE / f"{name}.png", size)
                        for path, name, size in PAGES
                    )
                )
                _terminal(configuration, folder / "watcher.db")
                playing.cancel()
                await app.deliverer.drain(within=10)
        finally:
            await store.close()
    await _alert(browser, folder, inbox)


async def _fires(store: Path) -> None:
    """Wait until an alert fires."""
    async with asyncio.timeout(STORY):
        while True:
            with SqliteQueries(store) as reader:
                if any(alert.state is AlertState.FIRING for alert in reader.live_alerts()):
                    return
            await asyncio.sleep(0.2)


def _terminal(configuration: Configuration, store: Path) -> None:
    """What `status` and `history --plot` print, in their colours."""
    now = SystemClock().now()
    settings, on = configuration.settings, Screen(COLUMNS, 60, colours=True)
    with SqliteQueries(store) as reader:
        state = status.report(settings, reader, now, credit_plans(settings))
        chart = wallet_chart(settings, reader, "hot-wallet", now, timedelta(seconds=STORY / 2))
    lines = ["$ watcher status", *status_lines(state, now, on), ""]
    lines.append("$ watcher history --wallet hot-wallet --plot")
    lines.append("hot-wallet: value of all that has a price")
    value = chart.value
    shown = Plot(chart.since, chart.until, value.segments, "", "", value.gaps, sign="$", format_value=money)
    for line in plot(shown, value, on):
        side, axis, dots = line.partition("┤")
        # Signs of one width: what draws the picture spreads a line evenly over its cells.
        lines.append(side + axis + dots.replace(" ", "\N{BRAILLE PATTERN BLANK}"))
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join(lines)))
    drawing = console.export_svg(title="watcher", clear=True)
    # The fonts that rich names lie elsewhere: whoever looks uses a monospaced one of their own.
    start, last = drawing.index("@font-face"), drawing.rindex("@font-face")
    _keep(HERE / "terminal.svg", (drawing[:start] + drawing[drawing.index("}", last) + 1 :]).encode())


async def _alert(browser: str, folder: Path, inbox: Inbox) -> None:
    """The critical alert as a channel got it, text and chart."""
    alert = next(each for each in inbox.received if each["type"] == "failure" and each.get("attachments"))
    picture = alert["attachments"][0]["base64"]
    card = folder / "alert.html"
    text = CARD.format(title=html.escape(alert["title"]), body=html.escape(alert["message"]), picture=picture)
    card.write_text(text, encoding="utf-8")
    await _photograph(browser, card.as_uri(), HERE / "alert.png", (860, 580))


async def _photograph(browser: str, url: str, target: Path, size: tuple[int, int]) -> None:
    with tempfile.TemporaryDirectory(prefix="watcher-browser-") as profile:
        raw = Path(profile) / "raw.png"
        process = await asyncio.create_subprocess_exec(
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}", "--timeout=5000",
            f"--screenshot={raw}", url, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await asyncio.wait_for(process.wait(), 60)
        out = io.BytesIO()
        Image.open(raw).convert("RGB").quantize(256).save(out, "PNG", optimize=True)
    _keep(target, out.getvalue())


def _keep(path: Path, content: bytes) -> None:
    if len(content) > MOST_BYTES:
        sys.exit(f"{path.name} has {len(content):,} bytes; {MOST_BYTES:,} are allowed")
    path.write_bytes(content)
    print(f"wrote {path} ({len(content):,} bytes)")


if __name__ == "__main__":
    asyncio.run(main())
