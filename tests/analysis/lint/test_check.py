"""`watcher check` beside a store: warnings in words and as JSON, exit code 0, the store left as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock
from watcher.app.build import build
from watcher.cli import _run
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Purpose
from watcher.ports.queue import Batch
from watcher.sim import Simulation

HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"

CONFIG = """\
version: 1
sources:
  coins: {{kind: coinstats, api_key: "{key}", base_url: "{url}/coinstats", requests_per_second: 1000}}
wallets:
  - {{name: hot, source: coins, address: "{hot}", chains: [ethereum], every: 1h}}
  - {{name: cold, source: coins, address: "{hot}", chains: [base-wallet], every: 1h}}
channels: {{ops: {{kind: console}}}}
rules: [rules.yaml]
"""

RULES = """\
rules:
  - {id: low, type: threshold, match: {wallets: [hot], assets: [ETH]}, below: "1", for: 10m}
  - {id: typo, type: change, match: {wallets: [hot], assets: [ETHH]}}
  - {id: usd, type: threshold, match: {wallets: [hot], assets: [JUNK]}, metric: value_usd, above: "1"}
"""


async def read_once(folder: Path) -> None:
    async with Simulation() as sim:
        sim.world.set_amount(HOT, "ethereum", "ETH", "1.25", price="2000", coin_id="ethereum")
        sim.world.set_amount(HOT, "ethereum", "JUNK", "9", contract="0x" + "b" * 40)
        text = CONFIG.format(key=sim.coinstats.key, url=sim.url, hot=HOT)
        (folder / "watcher.yaml").write_text(text)
        (folder / "rules.yaml").write_text(RULES)
        configuration = configure(folder / "watcher.yaml", {})
        store = await configuration.settings.backend.open(exclusive=True)
        app = await build(configuration, store, clock=FakeClock())
        await app.pollers["coins"].poll(Batch(tuple(app.rules.wallets), Purpose.SCHEDULED))
        await app.close()
        await store.close()


def forget(folder: Path) -> None:
    for each in folder.glob("watcher.db*"):
        each.unlink()


def check(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    capsys.readouterr()
    assert _run(["check", "-c", str(folder / "watcher.yaml"), *words]) == 0
    out, err = capsys.readouterr()
    return out, err


async def test_check_holds_the_rules_against_the_store(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await read_once(tmp_path)
    shown: dict[str, Any] = json.loads(check(tmp_path, capsys, "--json")[0])
    assert [(each["lint"], each["rule"]) for each in shown["lints"]] == [
        ("for-shorter-than-cadence", "low"),
        ("matches-nothing", "typo"),
        ("never-fires", "usd"),
        ("no-rule", ""),
    ]
    assert set(shown["lints"][0]) == {"lint", "rule", "what", "remedy", "subjects"}
    out, err = check(tmp_path, capsys)
    assert "sound (1 source, 2 wallets" in out
    assert "warning: rule typo: nothing that was ever read" in err
    assert "did you mean 'ETH'?" in err
    assert "warning: 1 wallet that no rule covers: cold" in err


async def test_without_a_store_or_with_a_foreign_one_check_still_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await read_once(tmp_path)
    forget(tmp_path)
    found = json.loads(check(tmp_path, capsys, "--json")[0])["lints"]
    assert [each["lint"] for each in found] == ["for-shorter-than-cadence", "no-rule"]
    (tmp_path / "watcher.db").write_bytes(b"not a database, but a text" * 100)
    shown = json.loads(check(tmp_path, capsys, "--json")[0])
    assert shown["lints"] == []
    assert "the rules were not held against the store" in shown["warnings"][-1]


async def test_a_budget_of_a_source_that_sells_no_credits_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = CONFIG.format(key="k", url="http://127.0.0.1:9", hot=HOT)
    text = text.replace("sources:\n", "sources:\n  teos: {kind: teos, api_key: k}\n")
    (tmp_path / "watcher.yaml").write_text(text)
    rules = [f"  - {{id: {name}, type: budget, source: {name}, used: 80%}}\n" for name in ("coins", "teos")]
    (tmp_path / "rules.yaml").write_text("rules:\n" + "".join(rules))

    err = check(tmp_path, capsys)[1]

    assert "rule teos: source 'teos' sells no credits" in err
    assert "rule coins" not in err


NEVER = """\
rules:
  - {id: empty, type: threshold, match: {wallets: [hot], assets: [ETH]}, below: "0"}
  - {id: all-of-it, type: change, match: {wallets: [cold]}, direction: out, by: "101%"}
  - {id: slip, type: change, match: {chains: [etherum]}}
  - {id: silent, type: no_data, longer_than: 5m}
"""


async def test_what_rules_say_of_themselves_is_warned_of_before_the_first_poll(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "watcher.yaml").write_text(CONFIG.format(key="k", url="http://127.0.0.1:9", hot=HOT))
    (tmp_path / "rules.yaml").write_text(NEVER)
    shown = json.loads(check(tmp_path, capsys, "--json")[0])
    assert [(each["lint"], each["rule"]) for each in shown["lints"]][:3] == [
        ("never-fires", "empty"), ("never-fires", "all-of-it"), ("matches-nothing", "slip"),
    ]  # fmt: skip
    assert shown["lints"][3]["rule"] == "silent"
    assert "it fires although nothing is wrong" in shown["lints"][3]["what"]
