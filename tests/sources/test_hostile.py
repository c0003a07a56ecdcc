"""Answers made to harm hold the event loop for less than 100 ms and need little memory."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.api import KEY, A, Api, outcomes, poll
from watcher.domain.model import Account, Reading
from watcher.ports.source import Source
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.sources.coinstats.wire import AT_ONCE
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.settings import TeosSettings

BOND = "0x0fc6e610b23b09fae00e10001"
BIG, SMALL = 16 * 1024 * 1024 - 1024, 2 * 1024 * 1024 - 1024
LONGEST = 0.1
"""Seconds for which the loop may be held."""
ROOT = Path(__file__).parents[2]
GROUP = b'[{"blockchain":"ethereum","connectionId":"ethereum","address":"%s","balances":[' % A.encode()
ONE = GROUP + b'{"coinId":"e","amount":'
ROW = (
    b'{"coinId":"e","amount":1,"symbol":"x","price":1,"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}'
)


def filled(head: bytes, unit: bytes, tail: bytes) -> Callable[[int], bytes]:
    """As many units as there is room for."""
    return lambda size: head + b",".join([unit] * ((size - len(head) - len(tail)) // (len(unit) + 1))) + tail


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "a million numbers": filled(b"[", b"0", b"]"),
    "a million nothings": filled(b"[", b"null", b"]"),
    "a million lists": filled(b"[", b"[]", b"]"),
    "a million empty wallets": filled(b"[", b"{}", b"]"),
    "a million odd texts": filled(b"[", b'"0123456789abcdefghi"', b"]"),
    "a million rows of nothing": filled(GROUP, b"{}", b"]}]"),
    "a million odd rows": filled(GROUP, b'"0123456789abcdefghi"', b"]}]"),
    "as many rows as fit, all alike": filled(GROUP, ROW, b"]}]"),
    "rows without a name": filled(GROUP, b'{"amount":1,"price":10000000}', b"]}]"),
    "a million keys": lambda size: b"[{" + b",".join(b'"%d":0' % n for n in range(size // 10)) + b"}]",
    "nested as deep as it goes": lambda size: b"[" * size,
    "nested objects": lambda size: b'{"a":' * (size // 5),
    "a number of millions of digits": lambda size: ONE + b"9" * (size - 200) + b"}]}]",
    "an exponent": lambda _: GROUP + b'{"coinId":"e","amount":1e999999999}]}]',
    "a name of millions of escapes": lambda size: GROUP + b'{"coinId":"e","amount":1,"symbol":"'
    + b"\\u001b" * ((size - 200) // 6) + b'"}]}]',
}  # fmt: skip


def coinstats(url: str) -> tuple[Source, Account]:
    settings = CoinStatsSettings.model_validate({"kind": "coinstats", "api_key": KEY, "base_url": url})
    return settings.build("s", []), Account("s", "ethereum", A)


def teos(url: str) -> tuple[Source, Account]:
    settings = TeosSettings.model_validate({"kind": "teos", "api_key": KEY, "base_url": url})
    return settings.build("s", [WatchedWallet("w", A, assets=(BOND,))]), Account("s", "teos", A)


async def held(source: Source, account: Account) -> float:
    """The longest that this process kept itself from anything else while the source was polled, in seconds.

    By the clock, or by the CPU that all its threads took meanwhile if that is less: on a busy machine the
    clock counts other programs too.
    """
    holds = [0.0]

    async def watch() -> None:
        last, used = time.monotonic(), time.process_time()
        while True:
            await asyncio.sleep(0.002)
            now, cpu = time.monotonic(), time.process_time()
            holds.append(min(now - last - 0.002, cpu - used))
            last, used = now, cpu

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    found = outcomes(await poll(source, [account]))
    watching.cancel()
    outcome = found[account]
    if isinstance(outcome, Reading):  # one row of it was sound
        assert set(outcome.amounts.values()) <= {1}
        assert all(len(symbol) <= 64 and symbol.isprintable() for symbol in outcome.symbols.values())
    return max(holds)


@pytest.mark.parametrize("made", [coinstats, teos])
@pytest.mark.parametrize("what", HOSTILE)
async def test_no_answer_holds_the_loop(
    what: str, made: Callable[[str], tuple[Source, Account]], api: Api
) -> None:
    source, account = made(api.url)
    try:
        for size in (AT_ONCE, SMALL, BIG) if made is coinstats else (SMALL,):
            api.says(HOSTILE[what](size))
            holds: list[float] = []
            while not holds or (len(holds) < 3 and min(holds) >= LONGEST):
                # Now and then the clean-up of something else comes in between.
                holds.append(await held(source, account))
            assert min(holds) < LONGEST
    finally:
        await source.close()


WORST = ("a million odd texts", "a million odd rows", "as many rows as fit, all alike", "a million keys")

MEASURE = """
import resource, sys
from tests.sources.test_hostile import A, AT_ONCE, BIG, HOSTILE, SMALL, WORST
from watcher.domain.model import Account
from watcher.sources.coinstats.answer import read_answer
from watcher.sources.coinstats.names import RowNames
from watcher.sources.teos.wire import read_balances

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

for what in WORST:
    body = HOSTILE[what]
    coinstats = lambda data: read_answer(data, [Account("s", "ethereum", A)], RowNames())
    for read, size in ((coinstats, AT_ONCE), (coinstats, BIG), (read_balances, SMALL)):
        before, data = peak(), body(size)
        made = peak()
        try:
            read(data)
        except ValueError:
            pass
        print(peak() - made, what, sep="\\t")
"""


def test_no_answer_fills_the_memory() -> None:
    child = [sys.executable, "-c", MEASURE]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, check=True)
    grown = [line.split("\t") for line in done.stdout.splitlines()]
    assert len(grown) == 3 * len(WORST)
    # The unit gives the daemon 512 MB.
    assert max(int(megabytes) for megabytes, _ in grown) < 200, done.stdout
