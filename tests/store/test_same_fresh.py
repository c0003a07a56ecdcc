"""What is decided from memory, of the store and of decisions, is what would be decided from the file, read
anew before each step, with an empty memo."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import by
from tests.domain.given import (
    BOND,
    DESK,
    ETH,
    HOT,
    SOL,
    START,
    SWEEP,
    USDC,
    WALLETS,
    failed,
    omitted,
    reading,
)
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.evaluation.asset_identity import recognise
from watcher.domain.evaluation.decide import decide, decide_by_time, decide_on_rules, differing, questions
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account, Asset, Outcome
from watcher.domain.readings.asset_policies import AssetEntry, Policies
from watcher.domain.rules import TYPES
from watcher.ports.store import Recall
from watcher.store.sqlite.commands import SqliteCommands
from watcher.store.sqlite.transactions import Transactions

SPAM = Asset("ethereum", "0x" + "5" * 40)
ETHER = Asset("ethereum", "ether")
NAMES = {ETH: "ETH", USDC: "USDC", SOL: "SOL", BOND: "BOND", SPAM: "SPAM"}
HELD = {HOT: [ETH, USDC, SPAM], SWEEP: [ETH, SOL, USDC], DESK: [BOND]}
RULES: list[dict[str, Any]] = [
    {"id": "low", "type": "threshold", "match": {"assets": ["ETH", "USDC"]}, "below": "3", "repeat": "30m"},
    {"id": "slow", "type": "threshold", "above": "6", "for": "20m", "reads": 2, "inhibited_by": ["low"]},
    {"id": "worth", "type": "threshold", "metric": "value_usd", "below": "9", "keep_firing_for": "10m"},
    {"id": "all", "type": "threshold", "per": "all", "metric": "value_usd", "below": "40"},
    {"id": "tag", "type": "threshold", "per": "wallet", "match": {"assets": ["ETH"]}, "below": "5"},
    {"id": "moved", "type": "change"},
    {"id": "out", "type": "change", "direction": "out", "by": "10%", "within": "1h"},
    {"id": "drift", "type": "change", "by": "20%", "since": "notified"},
    {"id": "new", "type": "asset", "event": "appears"},
    {"id": "silent", "type": "no_data", "longer_than": "40m", "repeat": "45m"},
    {"id": "runway", "type": "runway", "shorter_than": "5h", "trailing": "2h"},
]
TABLES = "balances", "changes", "prices", "alerts", "flaps", "deliveries", "marks", "quarantine"


class Life:
    """One store and the rules over it. `fresh`: both are made anew before each step."""

    def __init__(self, path: Path, policies: Policies, *, fresh: bool) -> None:
        self.path, self.policies, self.fresh = path, policies, fresh
        self.core, self.rules, self.now = Transactions(path), self._rules(RULES), START
        self.memo = Memo()
        self.defined: Sequence[dict[str, Any]] = RULES

    def _rules(self, defined: Sequence[dict[str, Any]]) -> Rules:
        rules = [TYPES[each["type"]].model_validate(each) for each in defined]
        return Rules(rules, WALLETS, ("ops", "phone"), self.policies)

    def play(self, step: Any, after: timedelta) -> None:
        self.now += after
        if self.fresh:
            self.core.close()
            self.core, self.memo = Transactions(self.path), Memo()
        kind, what = step
        if kind == "see":
            self.core.conclude([each.account for each in what], self._seeing(what), None)
        elif kind == "wait":
            accounts = list(WALLETS)
            self.core.conclude(accounts, lambda past, _: self._waiting(past, accounts), None)
        elif kind == "rules":
            self.defined, self.rules = what, self._rules(what)
            accounts = [each.account for each in self.core.live_alerts() if each.account is not None]
            self.core.conclude(accounts, lambda past, _: self._retiring(past), None)
        elif kind == "silence":
            silence = Silence(self.now.isoformat(), "ann", "works", self.now, self.now + what, rules=("low",))
            SqliteCommands(self.path, by(self.now)).add_silence(silence)
        elif HOT in self.core.load([HOT]).accounts:
            known = self.core.load([HOT]).accounts[HOT].amounts
            holdings = [(HOT, what)] if what in known else []
            commands = SqliteCommands(self.path, by(self.now))
            if kind == "hide":
                commands.hide(holdings, "works")
            else:
                commands.release(holdings)

    def _seeing(self, answers: Sequence[Outcome]) -> Any:
        def deciding(past: Snapshot, recall: Recall) -> Decision:
            rules, now, memo = self.rules, self.now, self.memo
            names = recognise(past, answers, rules, now, memo=memo)
            past, seen = names.past, names.outcomes
            compared = differing(past, seen)
            asked = questions(past, seen, rules=rules, now=now, compared=compared, memo=memo)
            return decide(
                past, seen, rules, now, running_since=START, recalled=recall(asked), compared=compared,
                names=names, memo=memo,
            )  # fmt: skip

        return deciding

    def _waiting(self, past: Snapshot, accounts: Sequence[Account]) -> Decision:
        return decide_by_time(past, accounts, self.rules, self.now, running_since=START, memo=self.memo)

    def _retiring(self, past: Snapshot) -> Decision:
        return decide_on_rules(past, self.rules, self.now, memo=self.memo)

    def content(self) -> dict[str, list[str]]:
        """Every row, but for the numbers that rows have."""
        read = self.core.conn.execute
        rows = {table: read(f"SELECT * FROM {table}").fetchall() for table in TABLES}  # noqa: S608
        rows["changes"] = [row[1:] for row in rows["changes"]]
        rows["deliveries"] = [(row[0], *row[2:]) for row in rows["deliveries"]]
        return {table: sorted(map(repr, found)) for table, found in rows.items()}


def outcome(chance: random.Random, held: dict[tuple[Account, Asset], str]) -> Outcome:
    account = chance.choice(list(HELD))
    kind = chance.random()
    if kind < 0.1:
        return (failed if kind < 0.05 else omitted)(account)
    for asset in HELD[account]:
        if chance.random() < 0.3 or (account, asset) not in held:
            held[account, asset] = chance.choice(["0", "1", "2.50", "4", "7", "20", "20000", "1e-18"])
    named = [asset for asset in HELD[account] if kind > 0.3 or chance.random() < 0.6]
    prices = {asset: chance.choice(["1", "2", "2.0", "60"]) for asset in named if chance.random() < 0.9}
    prices = {asset: price for asset, price in prices.items() if asset != SPAM or chance.random() < 0.4}
    complete = {asset.chain for asset in named} - {"teos"} if kind > 0.2 else ()
    odd = chance.random()  # names that the provider changes: of a token, and of a coin with its id
    names = {**NAMES, USDC: "USDC.e"} if odd > 0.9 else {**NAMES, ETHER: "ETHER"}
    written = {ETH: ETHER} if odd < 0.15 and kind > 0.3 else {}
    held_now = {written.get(asset, asset): held[account, asset] for asset in named}
    prices = {written.get(asset, asset): price for asset, price in prices.items()}
    found = reading(account, held_now, prices, complete=complete, symbols=names,
                    unclear=() if kind > 0.3 else set(HELD[account]) - set(named))  # fmt: skip
    return found._replace(natives=frozenset({ETH, ETHER, SOL} & held_now.keys()))


@pytest.mark.parametrize("seed", range(6))
def test_memory_and_file_lead_to_the_same(seed: int, tmp_path: Path) -> None:
    chance, held = random.Random(seed), dict[tuple[Account, Asset], str]()
    policies = Policies([AssetEntry.model_validate({"floor_usd": str(seed % 2)})])
    # Of what leaves quarantine by itself a runway rule hears with the next reading, unless it looks anyway.
    defined = RULES if not seed % 2 else [each for each in RULES if each["id"] != "runway"]
    lives = [Life(tmp_path / f"{fresh}.db", policies, fresh=fresh) for fresh in (False, True)]
    steps: list[tuple[str, Any]] = [("rules", defined)]
    for _ in range(70):
        kind = chance.choice(["see"] * 14 + ["wait", "wait", "rules", "silence", "hide", "show"])
        what: Any = chance.choice([ETH, SPAM])
        if kind == "see":
            what = list(
                {each.account: each for each in (outcome(chance, held), outcome(chance, held))}.values()
            )
        elif kind == "rules":
            what = [each for each in defined if chance.random() < 0.8 or each["id"] == "low"]
        elif kind == "silence":
            what = timedelta(minutes=30)
        steps.append((kind, what))
    for step in steps:
        after = timedelta(milliseconds=chance.choice([300, 20_000, 60_000, 600_000, 2_400_000]))
        for life in lives:
            life.play(step, after)
    contents = [life.content() for life in lives]
    for life in lives:
        life.core.close()
    assert contents[0] == contents[1]
    assert len(contents[0]["deliveries"]) > 20
