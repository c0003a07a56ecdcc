"""Keys, webhook tokens: in no log, error, process list, database or output, with debug logging on."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.endtoend.bench import BOND, COINSTATS_KEY, DESK, EVM, HOOK_TOKEN, TEOS_KEY, Installation, stop

SECRETS = (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN)


async def test_no_secret_leaves_the_process(there: Installation) -> None:
    world, faults = there.sim.world, there.sim.faults
    async with there.daemon() as daemon:
        await there.first_readings()
        world.set_amount(EVM, "ethereum", "ETH", "0.1")
        world.set_sparks(DESK, BOND, 1)
        await there.hook.told("eth-low")
        for cs, teos in (("401", "reset"), ("redirect", "403")):
            faults.add(cs, "coinstats", times=1)
            faults.add(teos, "teos", times=1)
        await there.polled()
        words = Path(f"/proc/{daemon.pid}/cmdline").read_bytes()  # noqa: ASYNC240
        stored = {path: path.read_bytes() for path in there.folder.glob("watcher.db*")}
        assert any(path.name.endswith("-wal") for path in stored)
        verbs = ("balances", "history", "status", "outbox", "polls", "check", "version")
        printed = await asyncio.gather(*(there.verb(verb, "--json") for verb in verbs))
        await stop(there, daemon)
    log = there.log()
    assert " info " in log
    there.env["HOOK_URL"] = f"json://127.0.0.1:9/{HOOK_TOKEN}"
    refused = await there.verb("send-test")
    assert refused[0] == 1
    shown = log + str(printed) + str(refused)
    for secret in SECRETS:
        assert secret not in shown
        assert secret.encode() not in words
        for path, content in stored.items():
            assert secret.encode() not in content, path.name
    assert there.sim.stranger.requests == []
