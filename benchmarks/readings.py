"""Answers without an API: accounts whose prices move from reading to reading, and some of their amounts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

from watcher.domain.model import Account, Asset, Reading, Wallet

CHAIN = "ethereum"
ASSETS, HELD, MOMENTS = 500, 20, 61


class Readings:
    """So many accounts with 20 assets each, the same ones in every process."""

    def __init__(self, accounts: int, seed: int = 7) -> None:
        chance = random.Random(seed)
        self.accounts = [Account("coinstats", CHAIN, f"0x{n:040x}") for n in range(accounts)]
        self.wallets = {
            each: Wallet(f"w{n}", "coinstats", each.address, tags=(f"t{n % 10}",))
            for n, each in enumerate(self.accounts)
        }
        self._assets = [Asset(CHAIN, f"0x{n:040x}") for n in range(ASSETS)]
        self._symbols = {asset: f"BT{n}" for n, asset in enumerate(self._assets)}
        self._prices = [_prices(chance) for _ in self._assets]
        self._moment = 0

    def held(self, number: int) -> list[int]:
        """Which assets an account holds."""
        return random.Random(number).sample(range(ASSETS), HELD)

    def amount(self, number: int, at: int, turn: int) -> Decimal:
        """What an account holds of its asset `at`, which changes with each turn."""
        return Decimal(f"{1000 + (number * 31 + at * 7919) % 90000}.{turn % 2 + 1:018d}")

    def read(self, numbers: Sequence[int], turns: Sequence[Sequence[int]]) -> list[Reading]:
        """One answer about accounts of these numbers. `turns`: of each of their assets."""
        self._moment += 1
        found = []
        for number, turn in zip(numbers, turns, strict=True):
            amounts, prices, symbols = {}, {}, {}
            for at, place in enumerate(self.held(number)):
                asset = self._assets[place]
                amounts[asset] = self.amount(number, at, turn[at])
                prices[asset] = self._prices[place][self._moment % MOMENTS]
                symbols[asset] = self._symbols[asset]
            found.append(Reading(self.accounts[number], amounts, prices, symbols, frozenset({CHAIN})))
        return found


class Turns:
    """Which amounts change: such a share of an account's from reading to reading, one after another."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._turns: dict[int, list[int]] = {}
        self._owed: dict[int, float] = {}

    def next(self, number: int) -> list[int]:
        turns = self._turns.setdefault(number, [0] * HELD)
        before = self._owed.setdefault(number, number * 0.618 % 1)
        after = self._owed[number] = before + self._share * HELD
        for step in range(int(before), int(after)):
            turns[step % HELD] += 1
        return turns


def _prices(chance: random.Random) -> list[Decimal]:
    base = chance.uniform(0.01, 4000)
    return [Decimal(f"{base * chance.uniform(0.996, 1.004):.12f}") for _ in range(MOMENTS)]
