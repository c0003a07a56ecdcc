"""Another kind of store is one class and one entry: every verb and the whole page work on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from tests.sources.test_third import CONFIG, GOLD, RULES, SILVER
from tests.sources.third import LedgerBank
from tests.store.other import MemoryKind
from watcher.app.build import build
from watcher.cli import _run as watcher
from watcher.config.configuration import configure
from watcher.daemon.run import at_work
from watcher.sources import KINDS as SOURCES
from watcher.store import KINDS

PAGES = (
    "/", "/wallets", "/wallets/vault", "/rules", "/rules/silver", "/alerts", "/outbox", "/budget", "/metrics",
    "/api/v1/status", "/api/v1/balances", "/api/v1/history", "/api/v1/alerts", "/api/v1/outbox", "/healthz",
    "/readyz",
)  # fmt: skip


class CommandLine:
    """The verbs over one configuration."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self._capsys = folder / "watcher.yaml", capsys

    def holds(self, gold: str, silver: str) -> None:
        LedgerBank.holds.update({"acct-1": {GOLD: gold, SILVER: silver}, "acct-2": {GOLD: "70"}})

    def code(self, *verb: str) -> tuple[int, str]:
        code = watcher(list(verb))
        return code, self._capsys.readouterr().err

    def __call__(self, *verb: str, code: int = 0) -> Any:
        assert watcher([*verb, "--json"]) == code
        return json.loads(self._capsys.readouterr().out)


@pytest.fixture
def line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    monkeypatch.setitem(cast(Any, KINDS), "mem", MemoryKind)
    monkeypatch.setitem(cast(Any, SOURCES), "ledgerbank", LedgerBank)
    (tmp_path / "watcher.yaml").write_text(f"{CONFIG}store: {{kind: mem}}\nweb: {{listen: '127.0.0.1:0'}}\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    yield CommandLine(tmp_path, capsys)
    MemoryKind.states.clear()
    LedgerBank.holds.clear()
    assert not list(tmp_path.glob("*.db*")), "nothing but the one store was used"


def test_every_verb_works_on_another_kind_of_store(line: CommandLine) -> None:
    line.holds("60", "7")
    assert line("check")["mistakes"] == []
    assert line.code("poll") == (0, "")
    line.holds("60", "3")
    assert line.code("poll", "--wallet", "vault") == (0, "")
    assert line("status", code=1)["accounts"][0]["wallet"] == "vault"
    assert {each["amount"] for each in line("balances")} == {"60", "3", "70"}
    (change,) = line("history")
    assert (change["before"], change["after"]) == ("7", "3")
    assert line("history", "--plot", "--wallet", "vault", "--asset", "SILVER")
    assert [each["readings"] for each in line("polls")] == [1, 2]
    (alert,) = line("alerts")
    assert (alert["rule"], alert["state"]) == ("silver", "firing")
    assert line("alerts", "show", alert["id"][:6])[0]["deliveries"]
    assert line("ack", alert["id"], "--by", "ann")[0]["acknowledged_by"] == "ann"
    silence = line("silence", "add", "--for", "1h", "--alert", alert["id"], "--by", "ann")
    assert line("alerts")[0]["state"] == "silenced"
    assert line("silence", "list")[0]["id"] == silence["id"]
    assert line("silence", "expire", silence["id"])[0]["ended"]
    assert {each["state"] for each in line("outbox")} == {"sent"}
    assert line("explain", "silver", "vault")[0]["answer"] == "met"
    assert line("plan")["sources"]["bank"]["limit_per_period"] is None
    assert line("assets", "hide", "SILVER", "--wallet", "vault")[0]["state"] == "hidden"
    assert line("assets", "release", "SILVER", "--wallet", "vault") == []
    (played,) = line("backtest")["sets"]
    assert {each["rule"] for each in played["messages"]} == {"silver", "moved"}


def test_a_kind_that_cannot_be_copied_says_so_and_what_to_do(line: CommandLine, tmp_path: Path) -> None:
    code, said = line.code("backup", str(tmp_path / "copy"))
    assert code == 1
    assert "the store in memory cannot be copied; choose `kind: sqlite`" in said


async def test_the_daemon_and_its_page_work_on_another_kind_of_store(line: CommandLine) -> None:
    line.holds("60", "3")
    beats: asyncio.Queue[str] = asyncio.Queue()

    async def beat(request: web.Request) -> web.Response:
        beats.put_nowait(request.path)
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/beat", beat)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    line.path.write_text(f"{line.path.read_text()}heartbeat: {{url: '{site.name}/beat', every: 1s}}\n")
    await asyncio.to_thread(line.code, "poll")
    configuration = configure(line.path, {})
    store = await configuration.settings.backend.open(exclusive=True)
    try:
        urls: list[str] = []
        async with (
            at_work(await build(configuration, store), on_page=urls.append),
            aiohttp.ClientSession() as session,
            asyncio.timeout(60),
        ):
            assert await beats.get() == "/beat"
            for page in PAGES:
                async with session.get(urls[0] + page) as answer:
                    assert answer.status == 200, (page, await answer.text())
    finally:
        await store.close()
        await runner.cleanup()
