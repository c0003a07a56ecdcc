"""Daemons on one PostgreSQL: each asks, one plans and tells, and what one leaves another goes on with."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.endtoend.bench import EVM, SOLO, here, text_of
from tests.endtoend.members import Members, members

PAGE_TOKEN = "pagetoken-9c0d2e71"


@pytest.fixture
async def crowd(tmp_path: Path, database: str) -> AsyncIterator[Members]:
    async with members(tmp_path, database, "one", "two") as found:
        yield found


def low(crowd: Members, amount: str = "0.1") -> None:
    crowd.there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)


def deliveries(crowd: Members) -> Counter[str]:
    """How often each thing that was told has arrived."""
    return Counter(text_of(each) for each in crowd.there.hook.received)


async def test_what_one_member_leaves_in_the_middle_another_goes_on_with_and_tells_once(
    crowd: Members,
) -> None:
    there = crowd.there
    await crowd.start("one")
    await crowd.start("two")
    await there.polled()
    low(crowd)
    await there.hook.told("eth-low")
    known = await crowd.status()
    assert {name: row["leads"] for name, row in known.items()} == {"one": ["plan", "tell ops"], "two": []}
    assert {row["trouble"] for row in known.values()} == {""}

    await crowd.end("one", signal.SIGKILL)
    low(crowd, "0.9")
    await there.hook.told("eth-low", "resolved")
    await crowd.until_asked("two", 2)

    known = await crowd.status()
    assert known["two"]["leads"] == ["plan", "tell ops"]
    assert not known["one"]["at_work"]
    await crowd.start("one")
    assert await crowd.end("two", signal.SIGTERM) == 0
    await crowd.until_asked("one", 2)
    assert await crowd.end("one", signal.SIGTERM) == 0

    assert set(deliveries(crowd).values()) == {1}
    spent = (await there.json("status"))["credits"]["coinstats"]["spent"]
    assert spent >= there.sim.coinstats.credits_used, "a request that was cut off stays booked"
    assert "Traceback" not in crowd.log("one") + crowd.log("two")


async def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    """What a verb says on a machine that runs nothing else."""
    capsys.readouterr()
    assert await here(*words, "--json") == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


async def press(crowd: Members, name: str, where: str, path: str, **form: str) -> str:
    """Press a button of a member's page; what the page says afterwards, as text."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(crowd.page(name), cookie_jar=jar) as session:
        await session.post("/login", data={"token": PAGE_TOKEN})
        async with session.get(where) as answer:
            (word,) = re.findall(rf'value="([0-9a-f]+)" formaction="{path}"', await answer.text())
        async with session.post(path, data={"form_token": word, "by": "Ada", **form}) as answer:
            return re.sub(r"<[^>]+>|\s+", " ", await answer.text())


@pytest.fixture
async def elsewhere(crowd: Members, monkeypatch: pytest.MonkeyPatch) -> Members:
    """Verbs in this process are those of a machine that runs nothing else."""
    for name, value in crowd.there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(crowd.there.folder)
    return crowd


async def test_what_people_do_on_another_machine_or_on_any_page_is_done(
    elsewhere: Members, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd, there = elsewhere, elsewhere.there
    there.edit("watcher.yaml", '"127.0.0.1:0"', f'"127.0.0.1:0", token: {PAGE_TOKEN}')
    there.edit(
        "rules.yaml", "  - {id: moved,", "  - {id: silent, type: no_data, longer_than: 30m}\n  - {id: moved,"
    )
    assert await here("status") == 3
    assert "there is no store yet" in capsys.readouterr().err
    assert await here("poll") == 0, "which makes it, and tells what there is to tell while nobody else does"
    low(crowd)
    assert await here("poll") == 0
    await there.hook.told("eth-low")
    await crowd.start("one")
    await crowd.start("two")
    for name in ("one", "two"):
        await crowd.logged(name, "status page at")

    (alert,) = await printed(capsys, "alerts")
    assert (await printed(capsys, "status", code=2))["members"][0]["leads"] == ["plan", "tell ops"]
    assert [row["answer"] for row in await printed(capsys, "explain", "eth-low", "hot")] == ["met"]
    assert (await printed(capsys, "history"))[0]["after"] == "0.1"
    assert {row["wallet"] for row in await printed(capsys, "balances")} == {"hot", "solo", "desk"}
    assert {row["state"] for row in await printed(capsys, "outbox")} == {"sent"}
    assert {row["purpose"] for row in await printed(capsys, "polls")} >= {"by hand"}
    assert {row["result"] for row in await printed(capsys, "poll")} == {"read: 1 asset"}
    assert await here("backtest", "--since", "1h", "--rules", "rules.yaml") == 0
    assert await here("report", "--since", "1h", "--format", "csv") == 0
    assert await here("backup", "copy.dump") == 0
    assert there.file("copy.dump").stat().st_size > 0

    silence = await printed(capsys, "silence", "add", "--rule", "moved", "--for", "1h", "--by", "bob")
    await press(
        crowd, "two", f"/alerts/{alert['id']}", "/alerts/ack", id=alert["id"], comment="mine", back="/"
    )
    assert [row["acknowledged_by"] for row in await printed(capsys, "alerts")] == ["Ada"]
    assert "Asked for 2 accounts of hot" in await press(
        crowd, "two", "/wallets/hot", "/poll", wallet="hot", back="/wallets/hot"
    )
    low(crowd, "0.9")
    resolved = text_of(await there.hook.told("eth-low", "resolved"))
    assert "by Ada" in resolved, resolved
    assert await here("silence", "expire", silence["id"]) == 0
    audit = await printed(capsys, "audit")
    assert {row["action"] for row in audit} == {"acknowledge", "silence", "end silence", "poll"}
    assert set(deliveries(crowd).values()) == {1}


async def test_a_member_with_other_rules_than_who_plans_is_given_nothing_to_do_and_says_so(
    elsewhere: Members, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd, there = elsewhere, elsewhere.there
    there.edit("watcher.yaml", "rules: [rules.yaml]", 'rules: ["${RULES:-rules.yaml}"]')
    rules = there.file("rules.yaml").read_text()
    there.file("other.yaml").write_text(rules.replace('below: "0.5"', 'below: "0.01"'))
    await crowd.start("one")
    await crowd.start("two", RULES="other.yaml")
    await crowd.until_asked("one", 5)
    assert crowd.asked("two") == 0

    known = await crowd.status()
    assert known["two"]["trouble"] == "has other rules or another watch list than one, and does nothing"
    async with aiohttp.ClientSession() as session, session.get(crowd.page("two") + "/readyz") as answer:
        assert "one plans by other rules or another watch list" in await answer.text()
    monkeypatch.setenv("RULES", "other.yaml")
    capsys.readouterr()
    assert await here("poll") == 1
    assert "one plans by other rules or another watch list, and nothing was polled" in capsys.readouterr().err

    there.file("other.yaml").write_text(rules)
    crowd.at_work["two"].send_signal(signal.SIGHUP)
    await crowd.logged("two", "this member works with the others again")
    assert {row["trouble"] for row in (await crowd.status()).values()} == {""}
    assert await crowd.end("one", signal.SIGTERM) == 0
    await crowd.until_asked("two", 2)


async def test_each_member_does_what_its_roles_say_and_no_more(crowd: Members) -> None:
    there, whole = crowd.there, crowd.there.file("watcher.yaml").read_text()
    there.edit("watcher.yaml", '{name: "${MEMBER}"}', '{name: "${MEMBER}", roles: [plan, tell, page]}')
    there.edit("watcher.yaml", '"127.0.0.1:0"', f'"127.0.0.1:0", token: {PAGE_TOKEN}')
    there.file("asker.yaml").write_text(
        whole.replace('{name: "${MEMBER}"}', '{name: "${MEMBER}", roles: ask}').replace(
            "every: 1s", "every: 6h"
        )
    )
    there.file("watcher.yaml").write_text(
        there.file("watcher.yaml").read_text().replace("every: 1s", "every: 6h")
    )
    await crowd.start("two", "-c", "asker.yaml")
    await crowd.start("one")
    await asyncio.gather(there.coinstats.until(1), there.teos.until(1))
    known = await crowd.status()
    assert {name: row["leads"] for name, row in known.items()} == {"one": ["plan", "tell ops"], "two": []}

    low(crowd)
    await press(crowd, "one", "/wallets/hot", "/poll", wallet="hot", back="/wallets/hot")
    await there.hook.told("eth-low")
    assert crowd.asked("one") == 0
    assert "status page" not in crowd.log("two")


async def test_a_sum_of_what_others_read_is_told_by_one_who_read_none_of_it(crowd: Members) -> None:
    there, world = crowd.there, crowd.there.sim.world
    there.edit(
        "rules.yaml", "  - {id: moved,",
        '  - {id: total, type: threshold, per: all, match: {assets: [ETH]}, below: "5"}\n  - {id: moved,',
    )  # fmt: skip
    roles = '{name: "${MEMBER}", roles: [ROLES]}'
    there.edit("watcher.yaml", '{name: "${MEMBER}"}', roles.replace("ROLES", "plan, tell"))
    text = there.file("watcher.yaml").read_text()
    there.file("asker.yaml").write_text(text.replace("plan, tell", "ask"))
    await crowd.start("two", "-c", "asker.yaml")
    await crowd.start("one")
    await there.polled()

    world.set_amount(SOLO, "ethereum", "ETH", "3")
    world.set_amount(EVM, "base-wallet", "ETH", "0.5")
    assert "4.75 ETH" in text_of(await there.hook.told("total"))
    world.set_amount(SOLO, "ethereum", "ETH", "7")
    await there.hook.told("total", "resolved")

    assert crowd.asked("one") == 0
    assert set(deliveries(crowd).values()) == {1}
