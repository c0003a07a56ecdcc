"""What the simulated providers know: balances, prices, assets, and the time."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from watcher.sim.chains import Chain, chain_of

_EVM = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def fold(address: str) -> str:
    """EVM addresses are one in every case; all others are exact."""
    return address.lower() if _EVM.fullmatch(address) else address


def is_evm(address: str) -> bool:
    return _EVM.fullmatch(address) is not None


def number(text: str) -> str:
    """The text of a JSON number, unchanged; ValueError when it is none."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not the text of a JSON number")
    return text


class Clock:
    """The simulation's time: the machine's, until a test freezes or advances it."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None

    def seconds(self) -> float:
        """Seconds since the epoch."""
        return (time.time() if self._frozen is None else self._frozen) + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.seconds())

    def freeze(self) -> None:
        self._frozen = time.time()

    def advance(self, seconds: float) -> None:
        self._offset += seconds


@dataclass(slots=True)
class Holding:
    """One coin of one wallet on one chain. `amount` is sent digit for digit."""

    token: str
    amount: str
    symbol: str
    name: str
    coin_id: str
    contract: str | None
    decimals: int


@dataclass(slots=True)
class TeosAsset:
    """An asset of the ledger. `id_text` is its id as the ledger prints it."""

    id_text: str
    spark_factor: str | None = None
    name: str = ""
    unit: str = ""
    currency: str | None = None


class Operation(NamedTuple):
    """Sparks that went from one address to another. `at`: seconds since the epoch."""

    sender: str
    receiver: str
    asset: str
    sparks: str
    transaction: str
    at: float


Observer = Callable[[str, str], None]

NOBODY = "0x" + "0" * 40
"""Where sparks come from that are made, and go to that are destroyed."""
_KEPT = 10_000


@dataclass(slots=True)
class World:
    """Balances of both providers. Every change takes effect with the next request."""

    clock: Clock = field(default_factory=Clock)
    version: int = 0
    transactions: int = 0
    holdings: dict[str, dict[str, dict[str, Holding]]] = field(default_factory=dict)
    """Wallet (folded) → connectionId → token → holding."""
    prices: dict[tuple[str, str], str | None] = field(default_factory=dict)
    assets: dict[int, TeosAsset] = field(default_factory=dict)
    sparks: dict[tuple[str, int], str] = field(default_factory=dict)
    operations: deque[Operation] = field(default_factory=lambda: deque(maxlen=_KEPT))
    """The latest changes of TEOS balances, in order."""
    changed: dict[tuple[str, str], int] = field(default_factory=dict)
    """(Wallet, connectionId) → version of the last change; prices count for a chain as ("", id)."""
    lag: float = 0.0
    """Seconds until CoinStats shows a change that is made from now on. Prices are shown at once."""
    earlier: dict[tuple[str, str], deque[tuple[float, dict[str, Holding]]]] = field(default_factory=dict)
    """(Wallet, connectionId) → what it held before each change that is not shown yet, and until when that is
    shown; in order."""
    observers: list[Observer] = field(default_factory=list)
    """Told of each address, and chain (empty: the TEOS ledger), on which something moves."""

    def set_amount(
        self,
        address: str,
        chain: str,
        token: str,
        amount: str,
        *,
        symbol: str | None = None,
        price: str | None = None,
        coin_id: str | None = None,
        contract: str | None = None,
        name: str | None = None,
        decimals: int | None = None,
    ) -> None:
        """Set a CoinStats balance. What is left out stays as it was; a coin never priced has no price."""
        place = chain_of(chain)
        coins = self.holdings.setdefault(fold(address), {}).setdefault(place.connection_id, {})
        old = coins.get(token)
        self._put_off(fold(address), place)
        coins[token] = Holding(
            token,
            number(amount),
            symbol if symbol is not None else old.symbol if old else token,
            name or (old.name if old else symbol or token),
            coin_id or (old.coin_id if old else token.lower()),
            contract if contract is not None or old is None else old.contract,
            decimals if decimals is not None else old.decimals if old else 18,
        )
        if price is not None:
            self.set_price(chain, token, price)
        self._touch(fold(address), place)
        if old is None or old.amount != amount:
            self._tell(fold(address), chain)

    def set_price(self, chain: str, token: str, price: str | None) -> None:
        """Set a token's price in dollars on one chain, for every wallet; None is sent as null."""
        place = chain_of(chain)
        self.prices[place.connection_id, token] = None if price is None else number(price)
        self._touch("", place)

    def remove(self, address: str, chain: str, token: str) -> None:
        """Take one coin out of a wallet, as if it had been sent away whole."""
        place = chain_of(chain)
        self._put_off(fold(address), place)
        self.holdings.get(fold(address), {}).get(place.connection_id, {}).pop(token, None)
        self._touch(fold(address), place)
        self._tell(fold(address), chain)

    def drain(self, address: str, chain: str) -> None:
        """Empty a wallet on one chain; the chain is still answered, with no balances."""
        place = chain_of(chain)
        self._put_off(fold(address), place)
        self.holdings.setdefault(fold(address), {})[place.connection_id] = {}
        self._touch(fold(address), place)
        self._tell(fold(address), chain)

    def shown(self, address: str, connection_id: str) -> dict[str, Holding]:
        """What CoinStats shows of a wallet on a chain now: token → holding."""
        waiting = self._waiting(fold(address), connection_id)
        return waiting[0][1] if waiting else self.holdings.get(fold(address), {}).get(connection_id, {})

    def amount(self, address: str, chain: str, token: str) -> str | None:
        coin = self.holdings.get(fold(address), {}).get(chain_of(chain).connection_id, {}).get(token)
        return coin.amount if coin else None

    def price(self, chain: str, token: str) -> str | None:
        return self.prices.get((chain_of(chain).connection_id, token))

    def define_asset(
        self,
        asset_id: str,
        spark_factor: str | None = None,
        name: str = "",
        unit: str = "",
        currency: str | None = None,
    ) -> None:
        """Define a TEOS asset: sparks in one unit (None is sent as null), its name, its unit's code."""
        self.assets[int(asset_id, 16)] = TeosAsset(asset_id, spark_factor, name, unit, currency)

    def set_sparks(self, address: str, asset_id: str, sparks: int | str) -> None:
        """Set a TEOS balance in sparks; an asset not defined yet is defined with no factor."""
        place = fold(address), int(asset_id, 16)
        self.assets.setdefault(place[1], TeosAsset(asset_id))
        before, self.sparks[place] = self.sparks.get(place, "0"), str(sparks)
        if before != str(sparks):
            self._operate(NOBODY, place[0], asset_id, str(sparks))

    def transfer(self, sender: str, receiver: str, asset_id: str, sparks: int) -> None:
        """Move sparks from one address to another."""
        number = int(asset_id, 16)
        for address, by in ((fold(sender), -sparks), (fold(receiver), sparks)):
            self.sparks[address, number] = str(int(self.sparks.get((address, number), "0")) + by)
        self._operate(fold(sender), fold(receiver), asset_id, str(sparks))

    def _operate(self, sender: str, receiver: str, asset_id: str, sparks: str) -> None:
        self.transactions += 1
        transaction = f"0x{self.transactions:064x}"
        at = round(self.clock.seconds(), 3)
        self.operations.append(Operation(sender, receiver, asset_id, sparks, transaction, at))
        for address in {sender, receiver} - {NOBODY}:
            self._tell(address, "")

    def stamp(self, address: str, connection_id: str) -> tuple[int, int, int]:
        """Changes whenever an answer about this wallet on this chain would change."""
        changed, priced = (
            self.changed.get((fold(address), connection_id), 0),
            self.changed.get(("", connection_id), 0),
        )
        return changed, priced, len(self._waiting(fold(address), connection_id))

    def _touch(self, address: str, place: Chain) -> None:
        self.version += 1
        self.changed[address, place.connection_id] = self.version

    def _put_off(self, address: str, place: Chain) -> None:
        """Before a change: what is there is shown until the lag is over."""
        if self.lag > 0:
            coins = self.holdings.get(address, {}).get(place.connection_id, {})
            waiting = self.earlier.setdefault((address, place.connection_id), deque(maxlen=_KEPT))
            waiting.append((self.clock.seconds() + self.lag, dict(coins)))

    def _waiting(self, address: str, connection_id: str) -> deque[tuple[float, dict[str, Holding]]]:
        waiting = self.earlier.get((address, connection_id), deque())
        while waiting and waiting[0][0] <= self.clock.seconds():
            waiting.popleft()
        return waiting

    def _tell(self, address: str, chain: str) -> None:
        for each in self.observers:
            each(address, chain)
