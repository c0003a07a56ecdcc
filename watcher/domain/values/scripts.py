"""Scripts: what an address of Bitcoin or its kin pays to, for servers that know scripts and no addresses.

The versions of addresses are those in the `chainparams.cpp` of each coin's own node; the scripts are those of
BIP-16 (P2SH), BIP-141 (SegWit) and BIP-341 (Taproot), and P2SH32 of Bitcoin Cash (CHIP-2022-05).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from watcher.domain.records import Record
from watcher.domain.values import checksums
from watcher.domain.values.chains import canonical
from watcher.domain.values.normalization import CASH_PREFIXES

_HASH = 20
"""Bytes of a hash in an address of the old form."""

_CASH_KINDS = {0: "key", 1: "script", 2: "key", 3: "script"}
"""Kinds of CashAddr; 2 and 3 say that tokens are welcome, and pay to the same script."""

_CASH_SIZES = (20, 24, 28, 32, 40, 48, 56, 64)


class _Coin(Record, frozen=True):
    """Forms of a chain's addresses: versions in Base58Check, and the prefix of SegWit, empty without it."""

    key: bytes
    script: bytes
    segwit: str = ""
    cash: str = ""


_COINS: Mapping[str, _Coin] = {
    "bitcoin": _Coin(b"\x00", b"\x05", segwit="bc"),
    "litecoin": _Coin(b"\x30", b"\x32\x05", segwit="ltc"),
    "doge": _Coin(b"\x1e", b"\x16"),
    "dash": _Coin(b"\x4c", b"\x10"),
    "bitcoin_cash": _Coin(b"\x00", b"\x05", cash=CASH_PREFIXES[0]),
    "bitcoin-cash": _Coin(b"\x00", b"\x05", cash=CASH_PREFIXES[0]),
}

SCRIPT_CHAINS = tuple(_COINS)
"""Chains, by their one spelling, whose addresses stand for scripts that are known here."""


def script_of(address: str, chain: str) -> bytes | None:
    """The script that an address on a chain pays to (its scriptPubKey); None if that is not known: another
    chain, an extended public key, a wrong checksum."""
    coin = _COINS.get(canonical(chain))
    if coin is None:
        return None
    if coin.segwit and (found := checksums.segwit(address, coin.segwit)):
        version, program = found
        return bytes([0x50 + version if version else 0, len(program)]) + program
    if coin.cash and (cash := _cash(address, coin.cash)):
        return cash
    body = checksums.base58check(address)
    if body is None or len(body) != 1 + _HASH:
        return None
    if body[:1] in coin.key:
        return _to_key(body[1:])
    return _to_script(body[1:]) if body[:1] in coin.script else None


def script_hash(script: bytes) -> str:
    """The name of a script in the Electrum protocol: its SHA-256, last byte first, in hexadecimal."""
    return hashlib.sha256(script).digest()[::-1].hex()


def _cash(address: str, prefix: str) -> bytes | None:
    """Version byte: a zero, four bits for the kind, three for the size (CashAddr specification)."""
    name, _, signs = checksums.one_case(address).rpartition(":")
    data = checksums.cash_data(f"{prefix}:{signs}") if name in {"", prefix} else b""
    if not data:
        return None
    kind, digest = _CASH_KINDS.get(data[0] >> 3), data[1:]
    if len(digest) != _CASH_SIZES[data[0] & 7]:
        return None
    if kind == "key":
        return _to_key(digest) if len(digest) == _HASH else None
    return _to_script(digest) if kind == "script" else None


def _to_key(digest: bytes) -> bytes:
    """P2PKH: DUP HASH160 <20> EQUALVERIFY CHECKSIG."""
    return b"\x76\xa9\x14" + digest + b"\x88\xac"


def _to_script(digest: bytes) -> bytes | None:
    """P2SH: HASH160 <20> EQUAL; P2SH32: HASH256 <32> EQUAL."""
    opcodes = {20: b"\xa9\x14", 32: b"\xaa\x20"}
    return opcodes[len(digest)] + digest + b"\x87" if len(digest) in opcodes else None
