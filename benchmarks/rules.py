"""Judging 10,000 accounts x 20 assets: 50 rules beside 5 rules of the same kinds, in the same run.

    python -m benchmarks.rules

Only `decide` is measured, with what a store keeps in memory around it: in each cycle every account is
read once in requests of 50, one balance in a hundred moves, and so does every price. Nothing fires.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from watcher.domain.decision import Revision, Snapshot
from watcher.domain.evaluation.decide import decide, questions
from watcher.domain.evaluation.memo import Memo
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import EMPTY, Account, AccountState, Asset, PriceSuspicion, Quote, Reading, Wallet
from watcher.domain.rules import TYPES, Rule

TOKENS = 20
A_REQUEST = 50
START = datetime(2026, 3, 1, tzinfo=UTC)
CENT = Decimal("0.01")

KINDS: Sequence[Mapping[str, Any]] = (
    {"type": "threshold", "below": "0.5", "clear_above": "0.8"},
    {"type": "threshold", "metric": "value_usd", "below": "0.5"},
    {"type": "change", "by": "1000%"},
    {"type": "asset", "event": "appears", "min_value_usd": "10"},
    {"type": "no_data", "longer_than": "1h"},
)
"""Five rules over every account and asset."""

SUMS: Sequence[Mapping[str, Any]] = (
    {"type": "threshold", "per": "all", "metric": "value_usd", "below": "5"},
    {"type": "threshold", "per": "tag", "metric": "value_usd", "below": "5"},
    {"type": "threshold", "per": "wallet", "metric": "value_usd", "below": "5"},
    {"type": "threshold", "per": "account", "metric": "value_usd", "below": "5"},
    {
        "type": "ratio",
        "of": {"match": {"tags": ["t0"]}},
        "to": {"match": {"tags": ["t1"]}},
        "below": "0.0001",
    },
)
"""Five rules over sums."""


MIX = (KINDS[0], KINDS[2], KINDS[4], SUMS[0], SUMS[2])
"""A little of all."""


def account(number: int) -> Account:
    return Account("bench", "ethereum", f"0x{number:040x}")


def token(number: int) -> Asset:
    return Asset("ethereum", f"0x{number:040x}")


TOKENS_HELD = [token(number) for number in range(TOKENS)]
SYMBOLS = {each: f"TOK{number}" for number, each in enumerate(TOKENS_HELD)}


def rules_of(kinds: Sequence[Mapping[str, Any]], times: int, spread: str) -> list[Rule]:
    """So many rules of each kind: over everything, or each over a tenth of the wallets or of the assets."""
    found: list[Rule] = []
    for kind in kinds:
        for number in range(times):
            fields: dict[str, Any] = {**kind, "id": f"r{len(found)}"}
            matches = [fields] if "of" not in fields else []
            if spread == "wallets" and times > 1:
                for each in matches:
                    each["match"] = {"tags": [f"t{number % 10}"]}
            elif spread == "assets" and times > 1 and kind["type"] != "no_data":
                for each in matches:
                    each["match"] = {"assets": [f"TOK{n}" for n in range(number, TOKENS, 10)]}
            # The same selection with a level of its own.
            elif "below" in fields:
                fields["below"] = str(Decimal(fields["below"]) - CENT * number / 100)
            found.append(TYPES[str(kind["type"])].model_validate(fields))
    return found


class Memory:
    """What a store keeps in memory between two decisions."""

    def __init__(self, accounts: int, rules: Iterable[Rule]) -> None:
        self.accounts = [account(number) for number in range(accounts)]
        wallets = {
            each: Wallet(f"w{number // 3}", "bench", each.address, (f"t{number % 10}",))
            for number, each in enumerate(self.accounts)
        }
        self.rules, self.memo = Rules(list(rules), wallets, ("ops",)), Memo()
        self.states: dict[Account, AccountState] = {}
        self.quotes: dict[Asset, Quote] = {}
        self.symbols: dict[Asset, str] = {}
        self.doubts: dict[Asset, PriceSuspicion] = {}
        self.count, self.told, self.now = 0, 0, START
        self.seconds = 0.0

    def past(self, accounts: Sequence[Account]) -> Snapshot:
        states = self.states
        return Snapshot(
            {each: states[each] for each in accounts if each in states},
            EMPTY,
            MappingProxyType(self.quotes),
            MappingProxyType(self.symbols),
            MappingProxyType(self.doubts),
            MappingProxyType(states),
            Revision(self, self.count),
        )

    def request(self, seen: Sequence[Reading]) -> None:
        past = self.past([each.account for each in seen])
        began = time.process_time()
        questions(past, seen)
        conclusion = decide(past, seen, self.rules, self.now, running_since=START, memo=self.memo)
        self.seconds += time.process_time() - began
        for state in conclusion.accounts:
            self.states[state.account] = state
        self.quotes.update(conclusion.quotes)
        self.symbols.update(conclusion.symbols)
        self.count += 1
        self.told += len(conclusion.deliveries)


@dataclass
class Answers:
    """The readings of each cycle, the same for every set of rules."""

    accounts: int
    seed: int = 1

    def cycles(self, number: int) -> Iterable[list[list[Reading]]]:
        chance = random.Random(self.seed)
        held = [
            {each: Decimal(chance.randint(10**18, 10**22)).scaleb(-18) for each in TOKENS_HELD}
            for _ in range(self.accounts)
        ]
        prices = {each: Decimal(chance.randint(100, 10**6)).scaleb(-2) for each in TOKENS_HELD}
        chains = frozenset({"ethereum"})
        for _ in range(number):
            prices = {each: price + CENT * chance.choice((-1, 1)) for each, price in prices.items()}
            for _ in range(self.accounts * TOKENS // 100):
                held[chance.randrange(self.accounts)][chance.choice(TOKENS_HELD)] += CENT
            readings = [
                Reading(account(n), dict(amounts), prices, SYMBOLS, chains) for n, amounts in enumerate(held)
            ]
            yield [readings[i : i + A_REQUEST] for i in range(0, self.accounts, A_REQUEST)]


def measure(accounts: int, cycles: int, rules: list[Rule]) -> float:
    """Microseconds an account, the first cycle (in which everything is new) left out."""
    memory = Memory(accounts, rules)
    for number, requests in enumerate(Answers(accounts).cycles(cycles + 1)):
        if number == 1:
            memory.seconds = 0.0
            gc.collect()
            gc.freeze()
        for seen in requests:
            memory.request(seen)
        memory.now += timedelta(minutes=2)
    gc.unfreeze()
    assert not memory.told, "nothing was to fire"
    return memory.seconds / cycles / accounts * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--cycles", type=int, default=6)
    chosen = parser.parse_args()
    none = measure(chosen.accounts, chosen.cycles, [])
    print(f"{chosen.accounts:,} accounts x {TOKENS} assets, 1 % changed, us an account; no rule: {none:.1f}")
    print(f"{'':<44} {'5 rules':>8} {'50 rules':>9}   bar")
    for what, kinds in (("of every kind", MIX), ("of one asset", KINDS), ("over sums", SUMS)):
        few = measure(chosen.accounts, chosen.cycles, rules_of(kinds, 1, ""))
        for spread in ("wallets", "assets", "everything"):
            many = measure(chosen.accounts, chosen.cycles, rules_of(kinds, 10, spread))
            each = f"{what}, over {spread if spread == 'everything' else 'a tenth of the ' + spread}"
            print(f"{each:<44} {few:>8.1f} {many:>9.1f}   <= 2 x: {many / few:.2f} x", flush=True)


if __name__ == "__main__":
    main()
