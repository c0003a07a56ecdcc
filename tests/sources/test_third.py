"""A third API, which tells only of what it is asked for, is one kind and one entry: the rest works for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.sources.third import LedgerBank
from watcher.cli import _run as watcher
from watcher.config.json_schema import json_schema
from watcher.sources import KINDS

GOLD, SILVER = "GOLD-of-the-ledger-bank-since-1850", "SILVER-of-the-ledger-bank-since-1850"
"""Longer than the name of any coin: on another chain they would wait in quarantine, having no price."""

CONFIG = f"""\
version: 1
sources:
  bank: {{kind: ledgerbank}}
wallets:
  - {{name: vault, source: bank, address: acct-1, assets: [{GOLD}, {SILVER}]}}
  - {{name: desk, source: bank, address: acct-2, assets: [{GOLD}]}}
channels: {{ops: {{kind: console}}}}
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: cover, type: threshold, per: all, match: {assets: [GOLD]}, below: "100"}
  - {id: silver, type: threshold, match: {assets: [SILVER]}, below: "5"}
  - {id: worth, type: threshold, per: all, metric: value_usd, match: {assets: [SILVER]}, below: "5"}
  - {id: came, type: asset, event: appears}
  - {id: moved, type: change}
"""


class Bank:
    """The API, and the command line over it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def holds(self, **amounts: dict[str, str]) -> None:
        LedgerBank.holds.clear()
        LedgerBank.holds.update(
            {{"vault": "acct-1", "desk": "acct-2"}[name]: each for name, each in amounts.items()}
        )

    def poll(self, **amounts: dict[str, str]) -> None:
        self.holds(**amounts)
        watcher(["poll"])
        self._capsys.readouterr()

    def __call__(self, *verb: str) -> Any:
        watcher([*verb, "--json"])
        return json.loads(self._capsys.readouterr().out)

    def alerts(self) -> list[tuple[str, str]]:
        return [(each["rule"], each["state"]) for each in self("alerts")]

    def balances(self) -> dict[tuple[str, str], str]:
        return {(each["wallet"], each["symbol"]): each["amount"] for each in self("balances")}


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bank:
    monkeypatch.setitem(cast(Any, KINDS), "ledgerbank", LedgerBank)
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return Bank(capsys)


def test_what_was_asked_for_and_not_named_is_unknown_and_never_zero(bank: Bank) -> None:
    bank.poll(vault={GOLD: "60", SILVER: "7"}, desk={GOLD: "70"})
    bank.poll(vault={SILVER: "7"}, desk={GOLD: "70"})
    bank.poll(vault={SILVER: "7"})
    assert bank.balances() == {("vault", "GOLD"): "60", ("vault", "SILVER"): "7", ("desk", "GOLD"): "70"}
    assert bank.alerts() == []
    states = {each["wallet"]: each["misses"] for each in bank("status")["accounts"]}
    assert states == {"vault": 0, "desk": 1}


def test_a_sum_is_known_once_every_part_that_was_asked_for_is(bank: Bank) -> None:
    bank.poll(vault={SILVER: "7"}, desk={GOLD: "10"})
    assert bank.alerts() == [], "the gold in the vault was never read"
    (said,) = bank("explain", "cover", "all")
    assert said["answer"] == "unknown"
    assert said["because"] == "GOLD in vault on ledgerbank was never read"
    bank.poll(vault={GOLD: "50", SILVER: "7"}, desk={GOLD: "10"})
    assert bank.alerts() == [("cover", "firing")]
    bank.poll(vault={GOLD: "90", SILVER: "7"}, desk={GOLD: "10"})
    assert bank.alerts() == []


def test_what_the_operator_asked_for_never_waits_and_is_no_newcomer(bank: Bank) -> None:
    bank.poll(vault={GOLD: "60"}, desk={GOLD: "70"})
    bank.poll(vault={GOLD: "60", SILVER: "3"}, desk={GOLD: "70"})
    assert bank("assets") == []
    assert bank.alerts() == [("silver", "firing")]
    assert bank("outbox")[0]["state"] == "sent"
    assert bank("history") == [], "it was asked for before, and nobody has sent it"


def test_one_entry_is_all_that_the_other_verbs_need(bank: Bank) -> None:
    assert bank("check")["sources"] == 1
    assert bank("plan")["sources"]["bank"]["limit_per_period"] is None, "the bank limits nothing"
    assert "LedgerBank" in json_schema()["$defs"]


def test_history_is_played_as_it_was_read(bank: Bank) -> None:
    bank.poll(vault={SILVER: "7"}, desk={GOLD: "10"})
    bank.poll(vault={GOLD: "50", SILVER: "7"}, desk={GOLD: "10"})
    bank.poll(vault={GOLD: "90"}, desk={GOLD: "10"})
    bank.poll(vault={GOLD: "90", SILVER: "3"}, desk={GOLD: "10"})
    (played,) = bank("backtest")["sets"]
    told = sorted(f"{each['rule']} {each['kind']}" for each in played["messages"])
    assert told == ["cover firing", "cover resolved", "moved event", "moved event", "silver firing"]
    assert len(bank("outbox")) == len(told), "as many as were sent"
