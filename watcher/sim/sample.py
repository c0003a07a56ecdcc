"""The wallets, coins and assets of the sample story. Addresses look real and belong to nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from watcher.sim.world import World

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


@dataclass(frozen=True, slots=True)
class SampleWallet:
    """A wallet as a configuration would list it: `chains` on CoinStats, `assets` on TEOS."""

    name: str
    source: str
    address: str
    chains: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin as CoinStats would describe it."""

    symbol: str
    name: str
    coin_id: str
    price: str | None
    contract: str | None
    decimals: int


def _evm(label: str) -> str:
    return "0x" + hashlib.sha256(f"watcher sample {label}".encode()).hexdigest()[:40]


def _bech32(label: str) -> str:
    """A SegWit address of version 0 (BIP-173): 20 bytes, and a checksum that is right."""
    bits = int.from_bytes(hashlib.sha512(f"watcher sample {label}".encode()).digest()[:20], "big")
    data = [0, *(bits >> shift & 31 for shift in range(155, -1, -5))]
    check = 1
    for value in (3, 3, 0, 2, 3, *data, *[0] * 6):  # "bc", spread as the checksum wants it
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return "bc1" + "".join(_BECH32[value] for value in (*data, *(check >> s & 31 for s in range(25, -1, -5))))


def _asset(label: str) -> str:
    """Twenty hex digits of the asset, four of the ledger."""
    return "0x" + hashlib.sha256(f"watcher sample {label}".encode()).hexdigest()[:20] + "0001"


SOLAR = _asset("solar certificates")
GOLD = _asset("vaulted gold")
CLAIM = "CLAIM"
"""The spam token."""

TREASURY = SampleWallet(
    "treasury", "coinstats", _evm("treasury"), ("ethereum", "base-wallet"), note="long-term holdings"
)
HOT = SampleWallet(
    "hot-wallet", "coinstats", _evm("hot"), ("ethereum", "base-wallet"), note="pays, needs gas"
)
OPS = SampleWallet("operations", "coinstats", _evm("operations"), ("binancesmartchain",), note="day-to-day")
COLD = SampleWallet("cold-storage", "coinstats", _bech32("cold"), ("bitcoin",), note="rarely moves")
ISSUER = SampleWallet("issuer", "teos", _evm("issuer"), assets=(SOLAR, GOLD), note="issues assets")
HOLDER = SampleWallet("holder", "teos", _evm("holder"), assets=(SOLAR, GOLD), note="a customer")

COINS = {
    "ETH": Coin("ETH", "Ethereum", "ethereum", "3120.45", None, 18),
    "USDC": Coin("USDC", "USD Coin", "usd-coin", "0.9998", _evm("USDC"), 6),
    "stETH": Coin("stETH", "Lido Staked Ether", "staked-ether", "3117.9", _evm("stETH"), 18),
    "BNB": Coin("BNB", "BNB", "binancecoin", "612.3", None, 18),
    "USDT": Coin("USDT", "Tether", "tether", "1.0001", _evm("USDT"), 18),
    "BTC": Coin("BTC", "Bitcoin", "bitcoin", "64210.5", None, 8),
    "ENA": Coin("ENA", "Ethena", "ethena", "0.5123", _evm("ENA"), 18),
    CLAIM: Coin("visit claim-reward.example", "$ 5000 claim", "ct_claim", None, _evm("claim"), 18),
}

_HOLDINGS: tuple[tuple[SampleWallet, str, str, int, int], ...] = (
    (TREASURY, "ethereum", "ETH", 120, 4),
    (TREASURY, "ethereum", "USDC", 400_000, 2),
    (TREASURY, "ethereum", "stETH", 250, 12),
    (TREASURY, "base-wallet", "ETH", 35, 6),
    (TREASURY, "base-wallet", "USDC", 90_000, 2),
    (HOT, "ethereum", "ETH", 4, 5),
    (HOT, "ethereum", "USDC", 12_000, 2),
    (HOT, "base-wallet", "ETH", 1, 6),
    (OPS, "binancesmartchain", "BNB", 60, 4),
    (OPS, "binancesmartchain", "USDT", 18_000, 2),
    (COLD, "bitcoin", "BTC", 21, 8),
)
"""Wallet, connectionId, coin, about how much, and with how many digits after the point."""


def give(world: World, address: str, chain: str, token: str, amount: str) -> None:
    """Put a coin into a wallet, described as CoinStats would."""
    coin = COINS[token]
    world.set_amount(
        address,
        chain,
        token,
        amount,
        symbol=coin.symbol,
        name=coin.name,
        coin_id=coin.coin_id,
        contract=coin.contract,
        price=coin.price,
        decimals=coin.decimals,
    )


def fill(world: World, chance: Random) -> None:
    """Set the world as the story begins."""
    for wallet, chain, token, about, digits in _HOLDINGS:
        # Up to a fifth more, in whole steps of the last digit: exact, and the same for the same seed.
        steps = chance.randrange(about * 10**digits // 5)
        give(world, wallet.address, chain, token, f"{Decimal(about) + Decimal(steps).scaleb(-digits):f}")
    world.define_asset(SOLAR, spark_factor="1000", name="Solar certificate 2026", unit="MWh")
    world.define_asset(GOLD, spark_factor="10000", name="Vaulted gold", unit="g")
    for asset, factor in ((SOLAR, 1000), (GOLD, 10_000)):
        world.set_sparks(ISSUER.address, asset, chance.randrange(40_000, 60_000) * factor)
        world.set_sparks(
            HOLDER.address, asset, chance.randrange(1_000, 2_000) * factor + chance.randrange(factor)
        )
