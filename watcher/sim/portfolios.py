"""The simulated portfolios of CoinStats: wallets that were connected to an account, and what they hold.

Paths and prices as in CoinStats docs (sync-portfolio, get-portfolio-coins, get-portfolio-sync-status).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

from watcher.sim.chains import chain_of
from watcher.sim.wire import Number
from watcher.sim.world import World

PER_LOOK, PER_STATUS, PER_SYNC = 8, 3, 30
PER_SYNC_OF_ALL = 300
"""Ten times that of one, however many there are: so the documents say."""

_DEFAULT_PAGE = 20

Coins = dict[tuple[str, str], Decimal]
"""Coin id and symbol → how much."""


class Portfolios:
    """Wallets that were connected, each on one chain, as they were when they were synced last.

    `live`: they show what they hold without a sync. No document says whether they do. `longest_page`: rows
    of a page, whatever is asked for.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.connected: dict[str, tuple[str, str]] = {}
        """Portfolio id → connectionId and address."""
        self.live = False
        self.longest_page = 100
        self._world = world
        self._random = Random(seed)
        self._synced: dict[str, Coins] = {}

    def connect(self, connection_id: str, address: str) -> str:
        """The id of a wallet's portfolio, synced."""
        portfolio = uuid.UUID(int=self._random.getrandbits(128), version=4).hex
        self.connected[portfolio] = (connection_id, address)
        self.sync(portfolio)
        return portfolio

    def sync(self, portfolio: str = "") -> None:
        """Bring one up to date, or all."""
        for each in [portfolio] if portfolio else self.connected:
            self._synced[each] = self._held(each)

    def price(self, method: str, endpoint: str, query: Mapping[str, str]) -> int | None:
        """What a request costs; None if there is no such route."""
        every = PER_SYNC if query.get("portfolioId") else PER_SYNC_OF_ALL
        return {
            ("PATCH", "/portfolio/sync"): every,
            ("GET", "/portfolio/coins"): PER_LOOK,
            ("GET", "/portfolio/status"): PER_STATUS,
        }.get((method, endpoint))

    def answer(self, endpoint: str, query: Mapping[str, str]) -> Any:
        """The body of the answer; None if the portfolio is not known."""
        portfolio = query.get("portfolioId", "")
        if portfolio and portfolio not in self.connected:
            return None
        if endpoint == "/portfolio/sync":
            self.sync(portfolio)
            return {"success": True}
        if endpoint == "/portfolio/status":
            return {"status": "synced"} if portfolio else None
        size = min(int(query.get("limit", _DEFAULT_PAGE)), self.longest_page)
        start = (int(query.get("page", 1)) - 1) * size
        return {"result": self._rows(portfolio)[start : start + size]}

    def _rows(self, portfolio: str) -> list[dict[str, Any]]:
        total: Coins = defaultdict(Decimal)
        for each in [portfolio] if portfolio else self.connected:
            for coin, amount in (self._held(each) if self.live else self._synced[each]).items():
                total[coin] += amount
        return [_row(coin_id, symbol, amount) for (coin_id, symbol), amount in total.items()]

    def _held(self, portfolio: str) -> Coins:
        connection, address = self.connected[portfolio]
        coins = self._world.shown(address, chain_of(connection).connection_id)
        found: Coins = defaultdict(Decimal)
        for coin in coins.values():
            found[coin.coin_id, coin.symbol] += Decimal(coin.amount)
        return found


def _row(coin_id: str, symbol: str, amount: Decimal) -> dict[str, Any]:
    return {
        "count": Number(str(amount).replace("E", "e")),
        "coin": {
            "rank": 2,
            "identifier": coin_id,
            "symbol": symbol,
            "name": symbol,
            "icon": f"https://static.coinstats.app/coins/{coin_id}.png",
            "isFake": False,
            "isFiat": False,
            "priceChange24h": Number("-5.74"),
            "volume": Number("61315198931.43572"),
        },
        "price": {"USD": Number("4343.564311034"), "BTC": Number("0.039479708"), "ETH": 1},
    }
