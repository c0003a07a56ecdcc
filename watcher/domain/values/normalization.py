"""Normalization: one address or contract in its many spellings; what is safely the same gets one key.

Only where the format says so: hexadecimal in any case, Bech32 and CashAddr in capitals, CashAddr without its
prefix, TON raw or user-friendly. Where there is a checksum, a text whose checksum is wrong is nobody's
other spelling. Base 58 (Bitcoin, Solana, Tron) keeps its case: there it tells two addresses apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from watcher.domain.values import checksums

_HEX = re.compile(r"0[xX]([0-9a-fA-F]+)")
_MOVE = re.compile(r"0[xX]([0-9a-fA-F]+)(?=::)")
_TON_RAW = re.compile(r"-?[0-9]{1,3}:[0-9a-fA-F]{64}")
_DOTTED = re.compile(r"[\w-]+(\.[\w-]+)+")
_PRINCIPAL = re.compile(r"([a-zA-Z0-9]{5}-){2,}[a-zA-Z0-9]{1,5}")
_EVM_DIGITS = 40

CASH_PREFIXES = ("bitcoincash", "ecash", "kaspa", "bchtest", "kaspatest")
"""Prefixes that people leave out."""


def one_form(name: str) -> str:
    """A name that people gave, composed (Unicode NFC): `ü` may be written as one character or as two."""
    return unicodedata.normalize("NFC", name)


def in_one_form(names: Sequence[str] | None) -> list[str] | None:
    """The same of several; None stays None."""
    return None if names is None else list(map(one_form, names))


@lru_cache(maxsize=65536)
def address_key(address: str) -> str:
    """The same for all spellings of one address."""
    if _HEX.fullmatch(address):
        return _hex(address[2:])
    if _TON_RAW.fullmatch(address):
        return address.lower()
    if raw := checksums.ton(address):
        return raw
    lower = checksums.one_case(address)
    if lower and checksums.bech32(lower):
        return lower
    if lower and (cash := _cash(lower)):
        return cash
    if _DOTTED.fullmatch(address) or _PRINCIPAL.fullmatch(address):
        return address.lower()  # a name, or a principal of the Internet Computer
    key = checksums.ss58(address)
    return f"ss58:{key.hex()}" if key is not None else address


@lru_cache(maxsize=65536)
def contract_key(token: str) -> str:
    """The same for all spellings of one contract, mint or coin type."""
    if _HEX.fullmatch(token):
        return _hex(token[2:])
    if token[:2] in {"0x", "0X"}:  # a type of a Move chain: 0x2::sui::SUI
        return _MOVE.sub(lambda found: _hex(found[1]), token)
    if token[:4].lower() == "ibc/":
        return "ibc/" + token[4:].upper()
    if _TON_RAW.fullmatch(token):
        return token.lower()
    return checksums.ton(token) or token


def _hex(digits: str) -> str:
    """EVM's 40 digits all count, and some begin with ten zeros; elsewhere leading zeros are left out."""
    lower = digits.lower()
    return "0x" + (lower if len(lower) == _EVM_DIGITS else lower.lstrip("0") or "0")


def _cash(lower: str) -> str:
    if ":" in lower:
        return lower if checksums.cashaddr(lower) else ""
    return next((f"{each}:{lower}" for each in CASH_PREFIXES if checksums.cashaddr(f"{each}:{lower}")), "")
