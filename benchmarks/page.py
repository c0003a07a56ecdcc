"""The status page over many accounts: `python -m benchmarks.page [--accounts 10000] [--assets 20]`.

Every address of the page, each time from a new snapshot, asked for by another process, and once more. Each
figure stands beside its bar, and beside the same bytes from a server that has nothing to work out. On a busy
machine the CPU of both requests together tells more than the time. `held` is the longest
time for which the loop that polls and tells was kept waiting while 50 readers asked without pause, beside the
same loop left alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from benchmarks.page_data import RULES, config, fill
from benchmarks.processes import resident
from watcher.config.configuration import build_rules, configure, credit_plans
from watcher.config.web import WebSettings
from watcher.service.clock import SystemClock
from watcher.store.sqlite.store import SqliteStore
from watcher.web import PageSnapshots, Server

ALERT = f"{7:030x}"
SAMPLES: Mapping[str, Sequence[str]] = {
    "/": ("/",),
    "/wallets": ("/wallets", "/wallets?q=w99", "/wallets?sort=value", "/wallets?page=50"),
    "/wallets/{name}": ("/wallets/w7",),
    "/alerts": (
        *("/alerts", "/alerts?severity=critical", "/alerts?sort=worst", "/alerts?q=TOK7&state=resolved"),
        "/alerts?page=300",
    ),
    "/alerts/{id}": (f"/alerts/{ALERT}", f"/alerts/e{ALERT}"),
    "/rules/{id}": tuple(
        f"/rules/{name}"
        for name in ("low", "moved", "slowly", "lasting", "each", "everything", "cover", "silent")
    ),
    "/assets": ("/assets", "/assets?tag=t3"),
    "/assets/{chain}/{token}": (f"/assets/ethereum/0x{3:040x}",),
    "/portfolio": ("/portfolio", "/portfolio?by=wallet"),
    "/search": ("/search?q=w99", f"/search?q=0x{77:040x}"),
    "/outbox": ("/outbox", "/outbox?state=sent&page=40"),
    "/api/v1/balances": ("/api/v1/balances", "/api/v1/balances?limit=100&page=3"),
    "/api/v1/alerts": ("/api/v1/alerts", "/api/v1/alerts?all=true&limit=100"),
    "/static/{name}": ("/static/style.css",),
}
"""What is asked for of an address; itself, where nothing stands here."""
FILLED = {"{name}": "w7", "{id}": ALERT, "{chain}": "ethereum", "{token}": f"0x{3:040x}"}
PAUSE = 2.1
"""Seconds in which a snapshot grows old."""
MS, KB = 300, 300
"""The bars of a page."""
READERS = 50
SECONDS = 8.0


async def main(accounts: int, assets: int, alerts: int, only: str) -> None:
    with tempfile.TemporaryDirectory(prefix="watcher-page-") as folder:
        path = Path(folder) / "watcher.yaml"
        path.write_text(config(accounts))
        (Path(folder) / "rules.yaml").write_text(RULES)
        configuration = configure(path, {})
        settings = configuration.settings
        store = await SqliteStore.open(Path(folder) / "watcher.db", exclusive=True)
        await fill(store, [a for w in settings.wallets for a in w.accounts], assets, alerts)
        snapshots = PageSnapshots(
            settings, store, credit_plans(settings), SystemClock(), past=store.load,
            rules=build_rules(configuration),
        )  # fmt: skip
        server = Server(snapshots, WebSettings(listen="127.0.0.1:0"))
        await server.start()
        gc.collect()
        gc.freeze()  # as the daemon does once it is at work
        try:
            paths = [path for path in addresses(server) if path.startswith(only)]
            print(f"{accounts:,} accounts of {assets} assets, {alerts:,} live alerts")
            await _each(server.url, paths)
            if not only:
                await _held(server.url)
        finally:
            await server.stop()
            await store.close()


def addresses(server: Server) -> Iterator[str]:
    """All that can be looked at, by the routes that there are."""
    runner = server._runner  # noqa: SLF001 (a new page is measured without being named here)
    assert runner is not None
    assert runner.app is not None
    found = dict.fromkeys(
        route.resource.canonical
        for route in runner.app.router.routes()
        if route.method == "GET" and route.resource is not None
    )
    for path in found:
        whole = path
        for name, sample in FILLED.items():
            whole = whole.replace(name, sample)
        yield from SAMPLES.get(path, (whole,))


async def _each(url: str, paths: Sequence[str]) -> None:
    """What each takes: the first time, and as it was made a moment ago."""
    async with _bare() as bare:
        for path in paths:
            await asyncio.sleep(PAUSE)
            spent = time.process_time()
            answer = await _asked(url, path)
            answer["cpu"] = time.process_time() - spent
            floor = await _asked(bare, f"/?size={answer['size']}")
            print(_line(path, answer, floor), flush=True)


def _line(path: str, answer: dict[str, float], floor: dict[str, float]) -> str:
    took, cpu, size = answer["first"] * 1000, answer["cpu"] * 1000, answer["size"] / 1000
    large = path.startswith(("/api/", "/metrics", "/static")) or path.partition("?")[0].endswith(".csv")
    over = [
        name for name, is_over in (("ms", min(took, cpu) > MS), ("kB", size > KB)) if is_over and not large
    ]
    figures = [
        f"{path[:48]:48} {answer['status']:3.0f} {took:6.0f} ms ({cpu:4.0f} of CPU)",
        f"{answer['again'] * 1000:5.0f} again {floor['first'] * 1000:5.0f} bare {size:9.1f} kB",
        "" if large else f"(bars: {MS} ms, {KB} kB)",
        f"MISSED: {', '.join(over)}" if over else "",
    ]
    return "  ".join(figures)


async def _asked(url: str, path: str) -> dict[str, float]:
    """One request and another one, from a process of its own."""
    words = (sys.executable, "-m", "benchmarks.page", "--ask", url + path)
    asking = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    said, _ = await asking.communicate()
    found: dict[str, float] = json.loads(said)
    return found


async def _ask(url: str) -> None:
    found: dict[str, float] = {}
    async with aiohttp.ClientSession() as session:
        async with session.get(url.partition("?")[0].rpartition("/")[0] + "/healthz") as answer:
            await answer.read()  # the connection is there
        for which in ("first", "again"):
            began = time.perf_counter()
            async with session.get(url) as answer:
                found["size"] = len(await answer.read())
            found[which], found["status"] = time.perf_counter() - began, answer.status
    print(json.dumps(found))


@asynccontextmanager
async def _bare() -> AsyncIterator[str]:
    """A server of as many bytes as are asked for: the floor."""

    async def give(request: web.Request) -> web.Response:
        return web.Response(body=bytes(int(request.query.get("size", "0"))))

    app = web.Application()
    app.router.add_get("/{any:.*}", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _held(url: str) -> None:
    alone = await _longest_hold()
    for path in ("/", "/alerts", "/news", "/api/v1/balances", "/metrics"):
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.page", "--read", url + path
        )
        crowded = await _longest_hold()
        crowd.kill()
        await crowd.wait()
        print(
            f"held {crowded * 1000:.0f} ms under {READERS} readers of {path}, {alone * 1000:.0f} alone"
            f" (bar: 50); {resident('self'):.0f} MiB", flush=True,
        )  # fmt: skip


async def _crowd(url: str) -> None:
    connector = aiohttp.TCPConnector(limit=READERS)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(_read(session, url) for _ in range(READERS)))


async def _read(session: aiohttp.ClientSession, url: str) -> None:
    while True:
        async with session.get(url) as answer:
            await answer.read()


async def _longest_hold() -> float:
    longest, ends = 0.0, time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        began = time.perf_counter()
        await asyncio.sleep(0.005)
        longest = max(longest, time.perf_counter() - began - 0.005)
    return longest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--assets", type=int, default=20)
    parser.add_argument("--alerts", type=int, default=5_000)
    parser.add_argument("--only", metavar="PATH", default="", help="only what begins so")
    parser.add_argument("--read", metavar="URL", help="only ask for the page there, without pause")
    parser.add_argument("--ask", metavar="URL", help="only ask for the page there, twice")
    chosen = parser.parse_args()
    if chosen.read or chosen.ask:
        asyncio.run(_crowd(chosen.read) if chosen.read else _ask(chosen.ask))
    else:
        asyncio.run(main(chosen.accounts, chosen.assets, chosen.alerts, chosen.only))
