"""The status page over many accounts: `python -m benchmarks.page [--accounts 10000] [--assets 20]`.

Each figure stands beside its bar. `held` is the longest time for which the loop that polls and tells
was kept waiting while 50 readers asked without pause, beside the same loop left alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp

from watcher.config.configuration import build_rules, configure, credit_plans
from watcher.config.web import WebSettings
from watcher.domain.decision import Decision
from watcher.domain.model import Account, AccountState, Asset, Change, Quote
from watcher.service.clock import SystemClock
from watcher.store.sqlite.store import SqliteStore
from watcher.web import PageSnapshots, Server

PATHS = (
    *("/", "/wallets", "/wallets/w7", "/budget", "/rules"),
    *(
        "/assets",
        "/assets?tag=%28no+tag%29",
        f"/assets/ethereum/0x{3:040x}",
        "/portfolio",
        "/portfolio?by=wallet",
    ),
    *(
        f"/rules/{name}"
        for name in ("low", "moved", "slowly", "lasting", "each", "everything", "cover", "silent")
    ),
    *("/metrics", "/api/v1/status", "/api/v1/balances"),
)
RULES = """\
rules:
  - {id: low, type: threshold, below: "0.1", clear_above: "0.2"}
  - {id: worth, type: threshold, metric: value_usd, above: "1000"}
  - {id: moved, type: change, by: "10%"}
  - {id: slowly, type: change, by: "10%", within: 1h, since: notified}
  - {id: lasting, type: runway, shorter_than: 5d}
  - {id: each, type: threshold, metric: value_usd, per: wallet, below: "1"}
  - {id: everything, type: threshold, metric: value_usd, per: all, below: "1000"}
  - {id: cover, type: ratio, of: {match: {wallets: ["w1*"]}}, to: {match: {wallets: ["w2*"]}}, below: "1"}
  - {id: silent, type: no_data, longer_than: 1h}
  - {id: new, type: asset, event: appears}
  - {id: credits, type: budget, source: coinstats, used: "80%"}
"""
READERS = 50
SECONDS = 8.0


async def main(accounts: int, assets: int) -> None:
    with tempfile.TemporaryDirectory(prefix="watcher-page-") as folder:
        path = Path(folder) / "watcher.yaml"
        lines = [
            f'  - {{name: w{n}, source: coinstats, address: "0x{n:040x}", chains: [ethereum]}}'
            for n in range(accounts)
        ]
        head = (
            "version: 1\nsources:\n  coinstats: {kind: coinstats, api_key: x, credits: {limit: 20000000}}\n"
        )
        path.write_text(head + "rules: [rules.yaml]\nwallets:\n" + "\n".join(lines) + "\n")
        (Path(folder) / "rules.yaml").write_text(RULES)
        configuration = configure(path, {})
        settings = configuration.settings
        store = await SqliteStore.open(Path(folder) / "watcher.db", exclusive=True)
        await _fill(store, [a for w in settings.wallets for a in w.accounts], assets)
        plans = credit_plans(settings)
        rules = build_rules(configuration)
        snapshots = PageSnapshots(settings, store, plans, SystemClock(), past=store.load, rules=rules)
        server = Server(snapshots, WebSettings(listen="127.0.0.1:0"))
        await server.start()
        try:
            await _measure(server.url)
        finally:
            await server.stop()
            await store.close()


async def _fill(store: SqliteStore, accounts: list[Account], assets: int) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    kinds = [Asset("ethereum", f"0x{n:040x}") for n in range(assets)]
    for start in range(0, len(accounts), 500):
        some = accounts[start : start + 500]
        held = {asset: Decimal(n + 1) / 7 for n, asset in enumerate(kinds)}
        states = tuple(
            AccountState(a, held, {"ethereum": now}, last_attempt=now, watched_since=now) for a in some
        )
        changes = tuple(
            change for a in some for asset in kinds for change in _history(a, asset, held[asset], now)
        )
        quotes = {asset: Quote(Decimal(3), now) for asset in kinds}
        conclusion = Decision(now, accounts=states, changes=changes, quotes=quotes)
        await store.conclude(some, lambda _past, _recall, c=conclusion: c)  # type: ignore[misc]


def _history(account: Account, asset: Asset, held: Decimal, now: datetime) -> list[Change]:
    """First seen ten days ago, and moved twice since."""
    found, was, before = [], None, None
    for days, amount in ((10, held + 2), (5, held + 1), (1, held)):
        at = now - timedelta(days=days)
        found.append(Change(account, asset, "", was, amount, before, at))
        was, before = amount, at
    return found


async def _measure(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await asyncio.sleep(2.0)  # a server that has just started loads its templates
        for path in PATHS:
            began = time.perf_counter()
            async with session.get(url + path) as answer:
                size = len(await answer.read())
            first = time.perf_counter() - began
            bar = "(bars: 300 ms, 300 kB)" if not path.startswith(("/api", "/metrics")) else ""
            print(f"{path:20} {first * 1000:7.0f} ms  {size / 1000:9.1f} kB  {bar}")
            await asyncio.sleep(2.1)
        alone = await _longest_hold()
        crowd = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.page", "--read", url + "/"
        )
        crowded = await _longest_hold()
        crowd.kill()
        await crowd.wait()
        print(f"held {crowded * 1000:.0f} ms under {READERS} readers, {alone * 1000:.0f} alone (bar: 50)")


async def _crowd(url: str) -> None:
    async with aiohttp.ClientSession() as session:
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
    parser.add_argument("--read", metavar="URL", help="only ask for the page there, without pause")
    chosen = parser.parse_args()
    asyncio.run(_crowd(chosen.read) if chosen.read else main(chosen.accounts, chosen.assets))
