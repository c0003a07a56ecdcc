"""The inbox keeps what a webhook channel posts, also what comes twice."""

from __future__ import annotations

import aiohttp

from watcher.sim import Simulation


async def test_what_is_posted_stands_in_the_inbox_as_often_as_it_came() -> None:
    heard: list[str] = []
    async with Simulation() as sim, aiohttp.ClientSession() as session:
        sim.inbox.on_message = lambda alerts: heard.append(" and ".join(each["title"] for each in alerts))
        for ids in (["a", "b"], ["a"]):
            alerts = [{"delivery_id": each, "title": each.upper()} for each in ids]
            async with session.post(f"{sim.url}/inbox", json={"alerts": alerts}) as answer:
                assert (answer.status, await answer.json()) == (200, {"ok": True})
    assert sim.inbox.deliveries == ["a", "b", "a"]
    assert heard == ["A and B", "A"]
