"""A CoinStats that costs next to nothing to ask, and a webhook's far end: one process for all benchmarks.

It answers `/v1/wallet/balance/many?wallets=…` in the documented form: 20 coins and about 8.7 kB a wallet,
half of the amounts with 18 decimals. From answer to answer every price moves, and what follows from it,
except for one coin in twenty that nobody trades; within one answer a coin has one price. Which amounts of a
wallet change is settled by how often it was answered, so that two programs side by side are told the same.
`POST /control` sets what changes and tells what was answered and when; times are `time.monotonic()`, which
all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any

CHAIN = "ethereum"
COINS = 500
"""Coins of which the wallets hold `HELD` each: people hold much the same."""

HELD = 20
HERE = f'"{CHAIN}"'.encode()
HELD_ELSEWHERE = 2
"""Coins of a wallet on every other chain that it is asked for on: few hold much on many chains."""

ADDRESS = re.compile("0x[0-9a-f]{40}")

MOMENTS = 61
"""Prices of a coin, one after the other: a prime, so that a wallet does not meet the same one each time."""

TEOS_ASSETS = tuple(f"0x{number:02x}" for number in range(1, 6))
"""What each wallet holds at TEOS: ten wallets a request, of 50 rows."""

PLAN = 10**14
"""Credits that nothing here can spend."""


def address(number: int) -> str:
    """The address of a wallet: spread over all bytes, the same in every process."""
    return f"0x{random.Random(number).getrandbits(160):040x}"


@dataclass(slots=True)
class Coin:
    """The fixed bytes of one row: before the amount, and after it with each of its prices."""

    start: bytes
    ends: list[bytes]


@dataclass(slots=True)
class Wallet:
    start: bytes
    coins: list[Coin]
    amounts: list[bytes]
    others: list[bytes]
    owed: float
    """Amounts to change, counted in fractions: one in a hundred is one of twenty in every fifth answer."""


@dataclass(slots=True)
class State:
    """What changes from answer to answer, and what was seen."""

    wallets: dict[str, Wallet]
    changed: float = 0.0
    bump: str = ""
    bumped: float = 0.0
    requests: int = 0
    answered: int = 0
    used: int = 0
    first: float = 0.0
    hooks: list[tuple[float, float]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    """When each request came."""


def make_coin(number: int, chance: random.Random) -> Coin:
    native, traded = number == 0, number % 20 != 19
    symbol = "ETH" if native else f"BT{number}"
    contract = None if native else f"0x{chance.getrandbits(160):040x}"
    base, volume = chance.uniform(0.01, 4000), chance.uniform(1e4, 1e10)
    row = {
        "chain": CHAIN, "connectionId": CHAIN, "coinId": "ethereum" if native else f"{contract}_{CHAIN}",
        "amount": "@", "name": "Ethereum" if native else f"Benchmark Token {number}", "symbol": symbol,
        "price": 0.0, "priceBtc": 0.0,
        "imgUrl": f"https://static.example/coins/{symbol.lower()}/{number:08x}/large-rounded.png",
        "pCh24h": 0.0, "rank": number + 1, "volume": 0.0, "decimals": 18, "contractAddress": contract,
    }  # fmt: skip
    start, ends = b"", []
    for _ in range(MOMENTS if traded else 1):
        price = base * chance.uniform(0.99, 1.01)
        row |= {"price": round(price, 12), "priceBtc": round(price / 97000, 16)}
        row |= {
            "pCh24h": round(chance.uniform(-9, 9), 2),
            "volume": round(volume * chance.uniform(0.9, 1.1), 2),
        }
        start, end = json.dumps(row, separators=(",", ":")).encode().split(b'"@"')
        ends.append(end)
    return Coin(start, ends if traded else ends * MOMENTS)


def make_wallets(count: int) -> dict[str, Wallet]:
    chance = random.Random(7)
    catalogue = [make_coin(number, chance) for number in range(COINS)]
    wallets = {}
    for number in range(count):
        coins = [catalogue[0], *chance.sample(catalogue[1:], HELD - 1)]
        amounts = [make_amount(chance, exact=i % 2 == 0) for i in range(HELD)]
        # The last digit differs, which no float of 18 decimals can tell.
        others = [amount[:-1] + (b"1" if amount[-1:] != b"1" else b"2") for amount in amounts]
        head = {"blockchain": CHAIN, "address": address(number), "connectionId": CHAIN, "balances": "@"}
        start = json.dumps(head, separators=(",", ":")).encode().split(b'"@"')[0] + b"["
        wallets[address(number)] = Wallet(start, coins, amounts, others, number * 0.618 % 1)
    return wallets


def make_amount(chance: random.Random, *, exact: bool) -> bytes:
    whole = chance.randrange(1000, 100_000)
    return (
        f"{whole}.{chance.getrandbits(59) % 10**18:018d}".encode()
        if exact
        else f"{whole}.{chance.randrange(100):02d}".encode()
    )


def body(state: State, addresses: list[str]) -> bytes:
    """One answer to addresses, each behind its chain; wallets that nobody knows are left out."""
    moment, groups = state.requests % MOMENTS, []
    for pair in addresses:
        chain, _, name = pair.rpartition(":")
        wallet = state.wallets.get(name)
        if wallet is not None:
            change(wallet, state.changed)
            held = HELD if chain in ("", CHAIN) else HELD_ELSEWHERE
            pairs = zip(wallet.coins[:held], wallet.amounts, strict=False)
            rows = b",".join([coin.start + amount + coin.ends[moment] for coin, amount in pairs])
            group = wallet.start + rows + b"]}"
            groups.append(group if held == HELD else group.replace(HERE, f'"{chain}"'.encode()))
    return b"[" + b",".join(groups) + b"]"


def teos_body(state: State, addresses: list[str]) -> bytes:
    """The same amounts at TEOS, in sparks; it knows no prices."""
    rows = []
    for name in addresses:
        wallet = state.wallets[name]
        change(wallet, state.changed)
        for asset, amount in zip(TEOS_ASSETS, wallet.amounts, strict=False):
            sparks = amount.replace(b".", b"").decode()
            rows.append(f'{{"Address":"{name}","UniqueAssetId":"{asset}","Amount":"{sparks}"}}')
    return f"[{','.join(rows)}]".encode()


def change(wallet: Wallet, share: float) -> None:
    """Change as many amounts as are owed, each to its other value and back."""
    before, wallet.owed = int(wallet.owed), wallet.owed + share * HELD
    for step in range(before, int(wallet.owed)):
        at = step % HELD
        wallet.amounts[at], wallet.others[at] = wallet.others[at], wallet.amounts[at]


class Server(asyncio.Protocol):
    """One connection; requests of a connection come one after another."""

    def __init__(self, state: State) -> None:
        self.state, self.data = state, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end]
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.data) < end + 4 + length:
                return
            content, self.data = self.data[end + 4 : end + 4 + length], self.data[end + 4 + length :]
            target = head.split(b" ", 2)[1].decode()
            self.answer(self.handle(target, content))

    def handle(self, target: str, content: bytes) -> bytes:
        state = self.state
        if target.startswith("/hook"):
            state.hooks.append((state.bumped, time.monotonic()))
            return b"{}"
        if target == "/control":
            return self.control(json.loads(content))
        teos = "GetAssetsBalances(" in target
        if "wallets=" not in target and not teos:
            return json.dumps({"totalCredits": PLAN, "usedCredits": state.used}).encode()
        wanted = target.partition("wallets=")[2].split(",")
        addresses = ADDRESS.findall(target) if teos else wanted
        state.requests += 1
        state.asked.append(time.monotonic())
        state.answered += len(addresses)
        state.used += 40 * len(addresses)
        state.first = state.first or time.monotonic()
        if state.bump and f"{CHAIN}:{state.bump}" in addresses:
            return self.bumped(addresses)
        return teos_body(state, addresses) if teos else body(state, addresses)

    def bumped(self, addresses: list[str]) -> bytes:
        """The answer in which a balance moves enough to be told."""
        state = self.state
        wallet = state.wallets[state.bump]
        doubled = b"%d.5" % (float(wallet.amounts[0]) * 2 + 1)
        wallet.amounts[0] = wallet.others[0] = doubled
        state.bump, answer = "", body(state, addresses)
        state.bumped = time.monotonic()
        return answer

    def control(self, wanted: dict[str, Any]) -> bytes:
        state = self.state
        state.changed = wanted.get("changed", state.changed)
        state.bump = wanted.get("bump", state.bump)
        told = {
            "requests": state.requests,
            "answered": state.answered,
            "first": state.first,
            "hooks": state.hooks,
        }
        if wanted.get("asked"):
            told["asked"] = state.asked
        answer = json.dumps(told).encode()
        if wanted.get("reset"):
            state.requests, state.answered, state.first, state.hooks, state.asked = 0, 0, 0.0, [], []
        return answer

    def answer(self, content: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % len(content) + content)


async def serve(count: int) -> None:
    state = State(make_wallets(count))
    server = await asyncio.get_running_loop().create_server(lambda: Server(state), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
