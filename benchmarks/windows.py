"""Rules that look back: what an answer from history costs, with little history and with much.

`python -m benchmarks.windows` compares 100,000 rows with 10 million (some 2 GB in a temporary folder);
`--large 1000000` is quicker. Both have a change every ten minutes for each account, so the windows hold
alike; the large one has ten times the accounts, and ten times the past of each.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from watcher.domain.decision import Decision, Question, Recalled, Snapshot
from watcher.domain.evaluation.decide import decide, questions
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, AccountState, Asset, Reading, Wallet
from watcher.domain.rules import TYPES, Rule
from watcher.ports.store import Recall
from watcher.store.sqlite.store import SqliteStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVERY = timedelta(minutes=10)
CHAIN = "ethereum"
ETH = Asset(CHAIN, "ethereum")
MILLISECOND = timedelta(milliseconds=1)

WINDOWS = (
    {"id": "window", "type": "change", "by": "90%", "within": "24h"},
    {"id": "drift", "type": "change", "by": "90%", "since": "notified"},
    {"id": "runway", "type": "runway", "shorter_than": "1h", "trailing": "72h"},
)
OTHERS = (
    {"id": "low", "type": "threshold", "below": "0.5", "clear_above": "0.8"},
    {"id": "worth-little", "type": "threshold", "metric": "value_usd", "below": "1"},
    {"id": "moved", "type": "change", "by": "90%"},
    {"id": "new", "type": "asset", "event": "appears", "min_value_usd": "10"},
    {"id": "silent", "type": "no_data", "longer_than": "1h"},
)


def row(what: str, small: str, large: str, bar: str = "") -> None:
    print(f"{what:<44} {small:>16} {large:>16}   {bar}", flush=True)


def account(number: int) -> Account:
    return Account("coinstats", CHAIN, f"0x{number:040x}")


def rules_of(accounts: int, *groups: Sequence[Mapping[str, str]]) -> Rules:
    rules: list[Rule] = [TYPES[each["type"]].model_validate(each) for group in groups for each in group]
    wallets = {account(n): Wallet(f"w{n}", "coinstats", account(n).address) for n in range(accounts)}
    return Rules(rules, wallets, ("ops",))


def fill(path: Path, accounts: int, each: int) -> None:
    """Every account went up and down by one, over and over; all of it in one statement a table."""
    now, step = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // MILLISECOND, EVERY // MILLISECOND
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        conn.execute("DROP INDEX changes_by_time")
        conn.executemany(
            "INSERT INTO accounts (id, source, chain, address, last_reading, last_attempt, watched_since)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(n + 1, *account(n), now, now, now - each * step) for n in range(accounts)],
        )
        conn.execute("INSERT INTO assets (id, chain, token, symbol) VALUES (1, ?, ?, 'ETH')", ETH)
        conn.execute(
            "INSERT INTO balances (account, asset, amount, since) SELECT id, 1, '100', ? FROM accounts",
            (now,),
        )
        conn.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)"
            " INSERT INTO changes (account, asset, before, after, before_at, after_at)"
            " SELECT a.id, 1, CASE i WHEN 0 THEN NULL ELSE (100 + (i - 1) % 2) || '.5' END,"
            " (100 + i % 2) || '.5', CASE i WHEN 0 THEN NULL ELSE ? + (i - 1) * ? END, ? + i * ?"
            " FROM accounts a CROSS JOIN n",
            (each, now - each * step, step, now - each * step, step),
        )
        conn.execute("CREATE INDEX changes_by_time ON changes (after_at)")
        conn.execute("COMMIT")
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.sync()  # or the first polls would wait for all of it


async def answers(folder: Path, accounts: int, each: int, polls: int) -> tuple[float, float, float, float]:
    """Seconds to fill, file size in MiB, microseconds of an answer and of a whole conclusion (medians)."""
    path = folder / f"{accounts}x{each}.db"
    await (await SqliteStore.open(path, exclusive=False)).close()
    began = time.perf_counter()
    fill(path, accounts, each)
    filled = time.perf_counter() - began
    store = await SqliteStore.open(path, exclusive=True)
    rules, memo, chance = rules_of(accounts, WINDOWS), Memo(), random.Random(1)
    asked: list[float] = []
    whole: list[float] = []
    for number in range(polls):
        seen = [Reading(account(chance.randrange(accounts)), {ETH: Decimal(number + 1) / 1000 + 90}, {}, {})]
        began = time.perf_counter()
        now = NOW + number * MILLISECOND
        await store.conclude([seen[0].account], deciding(rules, memo, seen, now, asked))
        whole.append(time.perf_counter() - began)
    await store.close()
    size = path.stat().st_size / 2**20
    return filled, size, statistics.median(asked) * 1e6, statistics.median(whole) * 1e6


def deciding(
    rules: Rules, memo: Memo, seen: Sequence[Reading], now: datetime, spent: list[float]
) -> Callable[[Snapshot, Recall], Decision]:
    def decision(past: Snapshot, recall: Recall) -> Decision:
        wanted = questions(past, seen, rules=rules, now=now, memo=memo)
        assert len(wanted) >= 3, wanted
        began = time.perf_counter()
        recalled = recall(wanted)
        spent.append(time.perf_counter() - began)
        return decide(past, seen, rules, now, running_since=NOW, recalled=recalled, memo=memo)

    return decision


def quiet(*groups: Sequence[Mapping[str, str]], accounts: int = 1000, cycles: int = 5) -> float:
    """Microseconds to judge one account of 20 assets in which nothing moved."""
    assets = [Asset(CHAIN, f"0x{n:040x}") for n in range(20)]
    amounts = {asset: Decimal(100) for asset in assets}
    prices, symbols = dict.fromkeys(assets, Decimal(2)), {asset: f"T{n}" for n, asset in enumerate(assets)}
    rules, memo = rules_of(accounts, *groups), Memo()
    known = [
        AccountState(account(n), amounts, {CHAIN: NOW}, last_attempt=NOW, watched_since=NOW)
        for n in range(accounts)
    ]
    past = Snapshot({state.account: state for state in known}, symbols=symbols)
    seen = [Reading(state.account, dict(amounts), prices, symbols, frozenset({CHAIN})) for state in known]
    best = float("inf")
    for cycle in range(1, cycles + 1):
        now = NOW + cycle * EVERY
        began = time.perf_counter()
        for start in range(0, accounts, 50):
            part = seen[start : start + 50]
            recalled: dict[Question, Recalled] = dict.fromkeys(
                questions(past, part, rules=rules, now=now, memo=memo), ()
            )
            decide(past, part, rules, now, running_since=NOW, recalled=recalled, memo=memo)
        best = min(best, time.perf_counter() - began)
    return best / accounts * 1e6


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows", description=__doc__)
    parser.add_argument("--small", type=int, default=100_000, help="rows of the small history")
    parser.add_argument("--large", type=int, default=10_000_000, help="rows of the large history")
    parser.add_argument("--polls", type=int, default=500, help="polls with a change that are measured")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for rows in (chosen.small, chosen.large):
            accounts = max(round((rows / 10) ** 0.5), 1)
            found.append(await answers(Path(folder), accounts, rows // accounts, chosen.polls))
    (fill_a, size_a, asked_a, whole_a), (fill_b, size_b, asked_b, whole_b) = found
    row("", f"{chosen.small:,} rows", f"{chosen.large:,} rows", "bar")
    row("to fill", f"{fill_a:.1f} s", f"{fill_b:.1f} s")
    row("file", f"{size_a:.0f} MiB", f"{size_b:.0f} MiB")
    what = "history for a window, a mark and a runway"
    row(what, f"{asked_a:.0f} us", f"{asked_b:.0f} us", f"<= 2 x: {asked_b / asked_a:.2f} x")
    row("a changed reading, concluded and kept", f"{whole_a:.0f} us", f"{whole_b:.0f} us")
    rounds = [(quiet(OTHERS), quiet(OTHERS, WINDOWS)) for _ in range(5)]
    plain, both = (min(each) for each in zip(*rounds, strict=True))
    row("", "5 rules", "and 3 that look back", "")
    row("judging 20 assets in which nothing moved", f"{plain:.1f} us", f"{both:.1f} us")


if __name__ == "__main__":
    asyncio.run(main())
