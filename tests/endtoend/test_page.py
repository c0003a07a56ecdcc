"""The status page of a real daemon."""

from __future__ import annotations

import re
import socket

import aiohttp

from tests.endtoend.bench import COINSTATS_KEY, HOOK_TOKEN, TEOS_KEY, Installation, stop

NONE = "web: null"


async def test_the_daemon_serves_what_it_knows_and_is_ready_once_it_has_read(there: Installation) -> None:
    there.edit("watcher.yaml", NONE, 'web: {listen: "127.0.0.1:0"}')
    async with there.daemon() as daemon, aiohttp.ClientSession() as session:
        await there.logged("status page at")
        await there.polled()
        (url,) = re.findall(r"status page at (\S+)", there.log())
        async with session.get(url + "/readyz") as answer:
            assert (answer.status, await answer.text()) == (200, "ready\n")
        async with session.get(url + "/api/v1/balances") as answer:
            rows = await answer.json()
        assert {row["wallet"] for row in rows} == {"hot", "solo", "desk"}
        for path in ("/", "/wallets", "/outbox", "/metrics"):
            async with session.get(url + path) as answer:
                text = await answer.text()
                assert answer.status == 200
                assert not any(secret in text for secret in (COINSTATS_KEY, TEOS_KEY, HOOK_TOKEN))
        await stop(there, daemon)


async def test_an_address_that_is_taken_costs_the_page_and_nothing_else(there: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        there.edit("watcher.yaml", NONE, f'web: {{listen: "127.0.0.1:{taken.getsockname()[1]}"}}')
        async with there.daemon() as daemon:
            await there.polled()
            assert "no status page" in there.log()
            await stop(there, daemon)
