"""The simulated CoinStats: what it answers, and what it charges (CoinStats docs)."""

from __future__ import annotations

import uuid
from collections import deque
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import parse_qsl

from watcher.sim import spoiling
from watcher.sim.chains import SWEEPS, TOP_TIER, Chain, find_chain, known_chains
from watcher.sim.faults import Faults
from watcher.sim.portfolios import Portfolios
from watcher.sim.wire import Answer, Log, Number, Recorded, Text, to_json
from watcher.sim.world import Holding, World, fold, is_evm

PER_LIST = 1
PER_PAIR = 40
PER_SWEEP = 400
"""`all` costs ten times a chain; for `forceall` no document names a price."""

_EXHAUSTED = {
    "406": (406, "Credits limit reached. Please upgrade your plan or wait for renewal."),
    "429": (429, "Insufficient credits for this request"),
}
_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Transactions not synced",
    414: "URI Too Long",
    429: "Rate limit exceeded",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable. Please Contact Support",
}
_BTC = Decimal(60_000)

RATES = {
    "USD": "1", "AUD": "1.5454754068661494", "BGN": "1.6841890498764196", "BRL": "5.439300703523657",
    "CAD": "1.385009899367217", "CHF": "0.8062450125737061", "CNY": "7.152897128536489",
    "CZK": "21.155291093157576", "EUR": "0.8611", "GBP": "0.7436", "JPY": "147.85",
}  # fmt: skip
"""The example of CoinStats docs (get-currencies), and three more."""

Pair = tuple[str, str]
"""A connectionId (or `all`) and an address, as the query spelled them."""


class CoinStats:
    """One plan behind one key. Owns the meter and the log of requests."""

    def __init__(self, world: World, faults: Faults, seed: int) -> None:
        self._world = world
        self._faults = faults
        self._random = Random(seed)
        self._recent: deque[float] = deque()
        self._groups: dict[tuple[str, str, str], tuple[tuple[int, int, int], Text]] = {}
        self.key = "cs-key"
        self.plan = "FREE"
        self.credits_limit = 20_000
        self.credits_used = 0
        self.exhausted_shape = "406"
        self.requests_per_second: float | None = None
        self.charge_failed = False
        """Whether an answer of 5xx is charged; no document says."""
        self.max_url_bytes = 16_384
        self.refused: set[str] = set()
        """Addresses to which CoinStats says 400, as it does for some formats."""
        self.requests = Log()
        self.rates = dict(RATES)
        """So much of each currency is one US dollar."""
        self.portfolios: Portfolios = Portfolios(world, seed)

    def answer(self, recorded: Recorded) -> Answer:
        """Answer one request, charging for it; faults of the transport come later."""
        answer = self._decide(recorded)
        self.credits_used += answer.cost
        recorded.cost = answer.cost
        recorded.status = answer.status
        return answer

    @property
    def lag(self) -> float:
        """Seconds until a change of a balance is shown."""
        return self._world.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self._world.lag = seconds

    def reset_period(self) -> None:
        self.credits_used = 0

    def error(self, status: int, path: str, message: str | None = None) -> Answer:
        """An error in the documented shape; the one of 503 has two fields only."""
        body: dict[str, Any] = {"statusCode": status, "message": message or _MESSAGES.get(status, "Error")}
        if status != 503:
            body |= {"requestId": str(uuid.UUID(int=self._random.getrandbits(128), version=4)), "path": path}
        return Answer(status, body)

    def refusal(self, name: str, recorded: Recorded) -> Answer:
        """What the fault of this name says; nothing is charged except, if switched, for 5xx."""
        status = int(name[:3])
        message = _EXHAUSTED["429"][1] if name == "429-credits" else None
        if name == "406":
            message = _EXHAUSTED["406"][1]
        answer = self.error(status, recorded.path, message)
        if status >= 500 and self.charge_failed:
            pairs = self._pairs(_endpoint(recorded.path), dict(parse_qsl(recorded.query)))
            answer.cost = sum(map(_price, pairs or ()))
        self.credits_used += answer.cost
        recorded.cost, recorded.status = answer.cost, status
        return answer

    def _decide(self, recorded: Recorded) -> Answer:
        path = recorded.path
        bearer = recorded.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key not in {recorded.headers.get("x-api-key"), bearer}:
            return self.error(401, path)
        if self._too_fast():
            return self.error(429, path)
        if len(path) + len(recorded.query) > self.max_url_bytes:
            return self.error(414, path)
        endpoint = _endpoint(path)
        if endpoint == "/usage/credits":
            return Answer(200, self._usage())
        if endpoint in {"/currencies", "/wallet/blockchains"}:
            return self._sell(path, PER_LIST, self._list(endpoint))
        if endpoint.startswith("/portfolio/"):
            return self._portfolio(endpoint, recorded)
        if endpoint not in {"/wallet/balance", "/wallet/balances", "/wallet/balance/many"}:
            return self.error(404, path)
        return self._balances(endpoint, recorded)

    def _list(self, endpoint: str) -> Any:
        if endpoint == "/currencies":
            return {"result": {code: Number(rate) for code, rate in self.rates.items()}}
        return [_listed(chain) for chain in known_chains()]

    def _portfolio(self, endpoint: str, recorded: Recorded) -> Answer:
        query = dict(parse_qsl(recorded.query))
        price = self.portfolios.price(recorded.method, endpoint, query)
        if price is None:
            return self.error(404, recorded.path)
        if refused := self._over(recorded.path, price):
            return refused
        body = self.portfolios.answer(endpoint, query)
        return self.error(404, recorded.path) if body is None else Answer(200, body, cost=price)

    def _balances(self, endpoint: str, recorded: Recorded) -> Answer:
        pairs = self._pairs(endpoint, dict(parse_qsl(recorded.query, keep_blank_values=True)))
        if not pairs or any(not self._valid(pair) for pair in pairs):
            return self.error(400, recorded.path)
        cost = sum(map(_price, pairs))
        if refused := self._over(recorded.path, cost):
            return refused
        body = self._body(pairs, recorded.path)
        if endpoint == "/wallet/balance":
            body = [coin for group in body for coin in group["balances"]]
        return Answer(200, body, cost=cost)

    def _body(self, pairs: list[Pair], path: str) -> Any:
        wanted = [
            (chain, connection, address)
            for connection, address in dict.fromkeys(pairs)
            for chain in self._chains(connection, address)
        ]
        faults = self._faults.content("coinstats", path)
        if not faults and path.endswith(("many", "balances")):
            return [self._ready(*one) for one in wanted]
        groups: Any = [self._group(*one) for one in wanted]
        for fault in faults:
            groups = spoiling.spoil_coinstats(groups, fault, self._faults)
        return groups

    def _sell(self, path: str, cost: int, body: Any) -> Answer:
        return self._over(path, cost) or Answer(200, body, cost=cost)

    def _over(self, path: str, cost: int) -> Answer | None:
        if self.credits_used + cost <= self.credits_limit:
            return None
        status, message = _EXHAUSTED[self.exhausted_shape]
        return self.error(status, path, message)

    def _too_fast(self) -> bool:
        """A window of one second, or of one request's time when less than one a second is allowed."""
        if self.requests_per_second is None:
            return False
        now = self._world.clock.seconds()
        window = max(1.0, 1 / self.requests_per_second)
        while self._recent and self._recent[0] <= now - window:
            self._recent.popleft()
        if len(self._recent) >= max(1, int(self.requests_per_second)):
            return True
        self._recent.append(now)
        return False

    def _usage(self) -> dict[str, Any]:
        left = max(0, self.credits_limit - self.credits_used)
        return {
            "totalCredits": self.credits_limit,
            "usedCredits": self.credits_used,
            "remainingCredits": left,
            "subscription": self.plan,
        }

    def _pairs(self, endpoint: str, query: dict[str, str]) -> list[Pair] | None:
        """What a query asks for; sent both, `wallets` and `blockchain` multiply. None: not to be read."""
        address = query.get("address", "")
        connections = query.get("blockchain") or "all"
        if endpoint == "/wallet/balance":
            connections = query.get("connectionId") or query.get("blockchain") or ""
            return [(one, address) for one in connections.split(",") if one] if address else None
        if wallets := query.get("wallets", ""):
            pairs = [_pair(text) for text in wallets.split(",")]
            return pairs * len(query["blockchain"].split(",")) if query.get("blockchain") else pairs
        return [(one, address) for one in connections.split(",")] if address else None

    def _valid(self, pair: Pair) -> bool:
        connection, address = pair
        known = connection in SWEEPS or find_chain(connection) is not None
        return known and bool(address) and not address.isspace() and fold(address) not in self.refused

    def _chains(self, connection: str, address: str) -> list[Chain]:
        """The chains a pair is answered with: for `all` the forced ones and those the wallet was seen on."""
        if connection not in SWEEPS:
            found = find_chain(connection)
            return [found] if found else []
        forced = TOP_TIER if is_evm(address) else ()
        seen = self._world.holdings.get(fold(address), {})
        chains = dict.fromkeys([*forced, *(chain for one in seen if (chain := find_chain(one)))])
        return list(chains)

    def _ready(self, chain: Chain, connection: str, address: str) -> Text:
        """A group as text, kept until something in it changes."""
        stamp = self._world.stamp(address, chain.connection_id)
        key = (chain.connection_id, connection, address)
        kept = self._groups.get(key)
        if kept is None or kept[0] != stamp:
            kept = (stamp, Text(to_json(self._group(chain, connection, address))))
            self._groups[key] = kept
        return kept[1]

    def _group(self, chain: Chain, connection: str, address: str) -> dict[str, Any]:
        named = chain.connection_id if connection in SWEEPS else connection
        coins = self._world.shown(address, chain.connection_id)
        return {
            "blockchain": chain.chain,
            "address": address,
            "connectionId": named,
            "balances": [self._coin(chain, named, coin) for coin in coins.values()],
        }

    def _coin(self, chain: Chain, connection: str, coin: Holding) -> dict[str, Any]:
        price = self._world.prices.get((chain.connection_id, coin.token))
        in_btc = None if price is None else Number(f"{Decimal(price) / _BTC:.12f}")
        return {
            "chain": chain.chain,
            "connectionId": connection,
            "coinId": coin.coin_id,
            "amount": Number(coin.amount),
            "name": coin.name,
            "symbol": coin.symbol,
            "price": None if price is None else Number(price),
            "priceBtc": in_btc,
            "imgUrl": f"https://static.coinstats.app/coins/{coin.coin_id}.png",
            "pCh24h": Number("0.42"),
            "rank": 100,
            "volume": Number("15000000.5"),
            "decimals": coin.decimals,
            "contractAddress": coin.contract,
        }


def _endpoint(path: str) -> str:
    return path.removeprefix("/coinstats").removeprefix("/v1").rstrip("/")


def _pair(text: str) -> Pair:
    connection, _, address = text.partition(":")
    return (connection, "") if ":" in address else (connection, address)


def _price(pair: Pair) -> int:
    return PER_SWEEP if pair[0] in SWEEPS else PER_PAIR


def _listed(chain: Chain) -> dict[str, str]:
    icon = f"https://static.coinstats.app/chains/{chain.chain}.png"
    return {"name": chain.name, "connectionId": chain.connection_id, "chain": chain.chain, "icon": icon}
