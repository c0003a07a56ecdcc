"""From a message to its link to the effect, with the daemon at work and after it was started again."""

from __future__ import annotations

import json
import re
from typing import Any

import aiohttp

from tests.endtoend.bench import EVM, Installation, stop, text_of

NONE = "web: null"
TOKEN = "webtoken-5b1e77d0c3"
PUBLIC = "https://watch.example.org"
LINK = re.compile(rf"{PUBLIC}(/a/[0-9a-f]+\?t=[0-9a-f]+)")


async def listed(there: Installation, *words: str) -> list[Any]:
    code, out, err = await there.verb("alerts", *words, "--json")
    assert code == 0, err
    found: list[Any] = json.loads(out)
    return found


async def test_a_link_in_a_message_acknowledges_and_all_who_look_see_it(there: Installation) -> None:
    web = f'web: {{listen: "127.0.0.1:0", url: "{PUBLIC}", token: {TOKEN}}}'
    there.edit("watcher.yaml", NONE, web)
    async with there.daemon() as daemon, aiohttp.ClientSession() as session:
        await there.first_readings()
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
        alerted = text_of(await there.hook.told("rule eth-low, moved", "0.1 ETH is below 0.5 ETH"))
        there.sim.world.set_amount(EVM, "ethereum", "ETH", "0.2")
        moved = text_of(await there.hook.told("rule moved", "0.2 ETH"))
        (url,) = re.findall(r"status page at (\S+)", there.log())
        (alert,) = await listed(there)
        assert f"{PUBLIC}/alerts/{alert['id']}" in alerted
        assert f"https://etherscan.io/address/{EVM}" in alerted
        for told, by in ((alerted, "Ada"), (moved, "")):
            path = LINK.findall(told)[0]
            async with session.get(url + path) as answer:
                assert answer.status == 200
            async with session.post(url + path, data={"by": by}) as answer:
                assert answer.status == 200
        await stop(there, daemon)
    assert [each["acknowledged_by"] for each in await listed(there)] == ["Ada"]
    assert [each["acknowledged_by"] for each in await listed(there, "--events")] == ["link in ops", "Ada"]
    assert "acknowledged by Ada at" in there.log()
    secrets = {path.partition("?t=")[2] for path in LINK.findall(alerted + moved)}
    assert not [word for word in (*secrets, TOKEN) if word in there.log()]
    there.file("daemon.log").unlink()

    async with there.daemon() as daemon, aiohttp.ClientSession() as session:
        await there.logged("status page at")
        (url,) = re.findall(r"status page at (\S+)", there.log())
        async with session.post(url + LINK.findall(alerted)[0], data={"by": "Bob"}) as answer:
            assert answer.status == 409
            assert "Already acknowledged by Ada at" in await answer.text()
        await stop(there, daemon)
    assert [each["acknowledged_by"] for each in await listed(there)] == ["Ada"]
