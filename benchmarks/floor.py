"""The floor: what any program in Python must do, and nothing else. No rule, no ledger, no caution.

`python -m benchmarks.floor MODE URL …`. Modes: `poll` (fetch, parse, compare, write and keep history, each
account once in so many seconds, or without a pause for 0), `idle` (import, then wait), `start` (import, then
one request), `tell` (poll, compare, notify).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from benchmarks.fake import CHAIN, address

BATCH = 50
AT_ONCE = 4
UPSERT = "INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET amount = excluded.amount"


class Coin(msgspec.Struct, gc=False):
    amount: Decimal
    coinId: str  # noqa: N815 (the wire's word, as a bare script would take it)


class Group(msgspec.Struct):
    address: str
    balances: list[Coin]


decoder = msgspec.json.Decoder(list[Group])
State = dict[str, dict[str, Decimal]]
Row = tuple[str, str, str]


def requests(url: str, count: int) -> list[str]:
    """The URLs of one cycle."""
    pairs = [f"{CHAIN}:{address(number)}" for number in range(count)]
    start = f"{url}/v1/wallet/balance/many?wallets="
    return [start + ",".join(pairs[i : i + BATCH]) for i in range(0, count, BATCH)]


def compare(state: State, groups: list[Group]) -> Iterator[Row]:
    """Take over every amount that differs."""
    for group in groups:
        known = state.setdefault(group.address, {})
        for coin in group.balances:
            key, amount = coin.coinId, coin.amount
            if known.get(key) != amount:
                known[key] = amount
                yield group.address, key, str(amount)


class Floor:
    """The bare pipeline over one database."""

    def __init__(self, folder: str) -> None:
        self.state: State = {}
        self.conn = sqlite3.connect(Path(folder) / "floor.db", isolation_level=None)
        self.conn.execute("PRAGMA journal_mode = WAL")
        self.conn.execute("PRAGMA synchronous = NORMAL")
        columns = "(address TEXT, coin TEXT, amount TEXT, PRIMARY KEY (address, coin)) WITHOUT ROWID"
        self.conn.execute(f"CREATE TABLE balances {columns}")
        self.conn.execute("CREATE TABLE history (address TEXT, coin TEXT, amount TEXT, at REAL)")

    def take(self, data: bytes) -> None:
        rows = list(compare(self.state, decoder.decode(data)))
        if rows:
            now = time.time()
            self.conn.execute("BEGIN")
            self.conn.executemany(UPSERT, rows)
            self.conn.executemany("INSERT INTO history VALUES (?, ?, ?, ?)", [(*row, now) for row in rows])
            self.conn.execute("COMMIT")

    async def fetch(self, session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(url) as response:
            self.take(await response.read())

    async def cycle(self, session: aiohttp.ClientSession, urls: list[str]) -> None:
        """All of them as fast as it goes."""
        waiting = iter(urls)

        async def work() -> None:
            for url in waiting:
                await self.fetch(session, url)

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def spread(self, session: aiohttp.ClientSession, urls: list[str], seconds: float) -> None:
        """One cycle that takes so long: each request at its time, answered or not the one before."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            for number, url in enumerate(urls):
                await asyncio.sleep(began + number * seconds / len(urls) - loop.time())
                group.create_task(self.fetch(session, url))
            await asyncio.sleep(began + seconds - loop.time())


async def poll(url: str, count: int, seconds: float) -> None:
    """Until killed."""
    urls = requests(url, count)
    with tempfile.TemporaryDirectory() as folder:
        async with aiohttp.ClientSession() as session:
            floor = Floor(folder)
            await floor.cycle(session, urls)
            while True:
                await (floor.spread(session, urls, seconds) if seconds else floor.cycle(session, urls))


def notifier(hook: str) -> Any:
    """What telling needs: every library that the product loads, and one target."""
    import apprise
    import apscheduler.schedulers.asyncio  # noqa: F401 (what it weighs is measured)
    import pydantic  # noqa: F401
    import sqlite_utils  # noqa: F401
    import yaml  # noqa: F401

    target = apprise.Apprise()
    assert target.add(hook)
    return target


async def idle(hook: str) -> None:
    """Stay until standard input ends."""
    target = notifier(hook)
    async with aiohttp.ClientSession():
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    assert target


async def start(url: str, hook: str) -> dict[str, Any]:
    target = notifier(hook)
    async with aiohttp.ClientSession() as session, session.get(requests(url, 1)[0]) as response:
        return {"bytes": len(await response.read()), "targets": len(target)}


async def tell(url: str, hook: str, count: int) -> None:
    """Poll so many wallets twice a second and notify of each change, until killed."""
    target, state = notifier(hook), State()
    async with aiohttp.ClientSession() as session:
        await target.async_notify(body="first", title="first")
        print("ready", flush=True)
        first = True
        while True:
            async with session.get(requests(url, count)[0]) as response:
                rows = list(compare(state, decoder.decode(await response.read())))
            if rows and not first:
                await target.async_notify(body=str(rows), title="changed")
            first = False
            await asyncio.sleep(0.5)


async def main(mode: str, *words: str) -> None:
    if mode == "poll":
        url, count, seconds = words
        await poll(url, int(count), float(seconds))
    elif mode == "idle":
        await idle(words[0])
    elif mode == "start":
        print(json.dumps(await start(*words)))
    else:
        url, hook, count = words
        await tell(url, hook, int(count))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
