"""Addresses: whether a text can be one on its chain: its form, and its checksum where it has one.

A typing error passes for an address that nobody has: it is paid for and finds nothing. Only what is certain
is a fault; what no format is known for is let through. The forms are those that the chains document.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from watcher.domain.values import checksums
from watcher.domain.values.chains import EVM, canonical
from watcher.domain.values.errors import Advice
from watcher.domain.values.normalization import CASH_PREFIXES

_EVM = re.compile(r"0[xX][0-9a-fA-F]{40}")
_HEX64 = re.compile(r"0[xX][0-9a-fA-F]{1,64}")
_BASE58 = re.compile(r"[1-9A-Za-z]{25,44}")
_NAME = re.compile(r"[\w-]+(\.[\w-]+)+")
_RIPPLE = str.maketrans(
    "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz",
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
)
_WRONG = "its checksum is wrong: a character is mistyped"

Check = Callable[[str], str]
"""Why a text is no address of this form; empty if it is one, or if nobody can tell."""


@lru_cache(maxsize=65536)
def fault(address: str, chain: str) -> str:
    """Why this can be no address on the chain (or, of `all`, on any); empty if it can."""
    name = canonical(chain)
    check = _CHECKS.get(name)
    if check is not None:
        return check(address)
    return _evm(address) if name in EVM else _anywhere(address)


def doubt(address: str, chain: str) -> Advice | None:
    """Warning about an address that is no fault and probably not meant; None if there is none."""
    name = canonical(chain)
    if is_name(address) and (name in EVM or name in _NAMELESS):
        what = "is a name: whoever owns it can point it elsewhere"
        return Advice(what, "write the address that it stands for")
    if _EVM.fullmatch(address) and (wrong := _evm(address)):
        return Advice(f"is probably mistyped: {wrong}", "copy it again, or write it in lower case")
    if name in _FIRST and not address.lower().startswith(_FIRST[name]):
        return Advice(f"does not look like an address on {chain}", "copy it again")
    return None


@lru_cache(maxsize=1024)
def one_of_each_form(chains: tuple[str, ...]) -> tuple[str, ...]:
    """Of chains on which the same addresses are a fault, or in doubt, the first: to ask it is to ask all."""
    forms: dict[object, str] = {}
    for chain in chains:
        name = canonical(chain)
        check = _CHECKS.get(name, _evm if name in EVM else _anywhere)
        forms.setdefault((check, name in EVM or name in _NAMELESS, _FIRST.get(name)), chain)
    return tuple(forms.values())


def same_form(one: str, other: str) -> bool:
    """Whether both are whole addresses of one form, so that they are two if they differ."""
    forms = {_form(one), _form(other)}
    return len(forms) == 1 and "" not in forms


def _form(address: str) -> str:
    """The form of an address that cannot be anything else; empty if nobody can tell."""
    if _EVM.fullmatch(address):
        return "evm"
    if checksums.bech32(address):
        return address.lower().partition("1")[0]
    if checksums.ton(address):
        return "ton"
    if checksums.ss58(address) is not None:
        return "ss58"
    return "base58" if _BASE58.fullmatch(address) else ""


def is_name(address: str) -> bool:
    """Whether it is a name that stands for an address, as in ENS (`vitalik.eth`)."""
    return _NAME.fullmatch(address) is not None


def _evm(address: str) -> str:
    if not _EVM.fullmatch(address):
        return "" if is_name(address) else "there it is 0x and 40 hexadecimal digits"
    digits = address[2:]
    if digits in {digits.lower(), digits.upper()} or checksums.eip55(address)[2:] == digits:
        return ""
    return "its capitals do not fit its digits (EIP-55): a digit is mistyped"


def _anywhere(address: str) -> str:
    """On a chain whose form is not known, or on all of them."""
    lower = address.lower()
    if lower.startswith("bc1") and not checksums.segwit(address, "bc"):
        return _WRONG
    return ""


def _swept(address: str) -> str:
    return _evm(address) if _EVM.fullmatch(address) else _anywhere(address)


def _utxo(address: str, segwit: str = "", first: str = "") -> str:
    """Coins made from Bitcoin: SegWit under a prefix, or Base58Check with certain first letters; also the
    extended public keys of wallets."""
    if segwit and address.lower().startswith(segwit + "1"):
        return "" if checksums.segwit(address, segwit) else _WRONG
    if address[:1] in first or address[1:4] == "pub":
        return "" if checksums.base58check(address) else _WRONG
    if _EVM.fullmatch(address):
        return "that is the form of an address on Ethereum"
    return ""


def _cash(address: str) -> str:
    if checksums.base58check(address):
        return ""
    whole = address if ":" in address else f"{CASH_PREFIXES[0]}:{address}"
    return "" if any(map(checksums.cashaddr, (whole, f"ecash:{address}"))) else _WRONG


def _kaspa(address: str) -> str:
    return "" if checksums.cashaddr(address if ":" in address else f"kaspa:{address}") else _WRONG


def _base58(address: str, first: str) -> str:
    if not address.startswith(tuple(first.split())):
        return ""
    return "" if checksums.base58check(address) else _WRONG


def _tron(address: str) -> str:
    if not address.startswith("T"):
        return "" if is_name(address) else "there it begins with T"
    body = checksums.base58check(address)
    return "" if body is not None and len(body) == 21 and body[0] == 0x41 else _WRONG


def _bech32(address: str, prefix: str) -> str:
    if not address.lower().startswith(prefix + "1"):
        return ""
    return "" if checksums.bech32(address) else _WRONG


def _solana(address: str) -> str:
    data = checksums.base58(address)
    if is_name(address) or (data is not None and len(data) == 32):
        return ""
    return "there it is 32 bytes in base 58"


def _move(address: str) -> str:
    sound = _HEX64.fullmatch(address) or is_name(address)
    return "" if sound else "there it is 0x and up to 64 hexadecimal digits"


def _ton(address: str) -> str:
    if len(address) != 48 or address.startswith("0x") or checksums.ton(address):
        return ""
    return _WRONG


def _substrate(address: str) -> str:
    return "" if address.startswith("0x") or checksums.ss58(address) is not None else _WRONG


def _ripple(address: str) -> str:
    if not address.startswith("r"):
        return ""
    return "" if checksums.base58check(address.translate(_RIPPLE)) else _WRONG


def _base32(address: str) -> bytes | None:
    try:
        return base64.b32decode(address + "=" * (-len(address) % 8))
    except (binascii.Error, ValueError):
        return None


def _stellar(address: str) -> str:
    data = _base32(address)
    if data is None or len(data) < 3:
        return _WRONG
    return "" if binascii.crc_hqx(data[:-2], 0) == int.from_bytes(data[-2:], "little") else _WRONG


def _algorand(address: str) -> str:
    data = _base32(address)
    if "sha512_256" not in hashlib.algorithms_available:
        return ""
    if data is None or len(data) != 36:
        return _WRONG
    return "" if hashlib.new("sha512_256", data[:32]).digest()[-4:] == data[32:] else _WRONG


_PREFIXES = {
    "aleo": "aleo", "akash": "akash", "axelar": "axelar", "babylon": "bbn", "band_protocol": "band",
    "cardano": "addr", "celestia": "celestia", "cosmos": "cosmos", "cronos-cosmos": "cro", "dydx": "dydx",
    "dymension": "dym", "elrond": "erd", "fetch": "fetch", "initia": "init", "injective": "inj",
    "juno": "juno", "kava-cosmos": "kava", "kujira": "kujira", "mantra": "mantra", "osmosis": "osmo",
    "secret": "secret", "sei": "sei", "stride": "stride", "terra": "terra", "thorchain": "thor",  # nosec B105
    "zigchain": "zig", "zilliqa": "zil",
}  # fmt: skip
"""Bech32 by the chain's own prefix; an address of another form is not judged."""

_CHECKS: Mapping[str, Check] = {
    "all": _swept, "forceall": _swept,
    "bitcoin": partial(_utxo, segwit="bc", first="13"),
    "bitcoin_cash": _cash, "bitcoin-cash": _cash, "ecash": _cash, "kaspa": _kaspa,
    "bitcoin_sv": partial(_utxo, first="13"),
    "dash": partial(_utxo, first="X7"), "doge": partial(_utxo, first="D9A"),
    "digibyte": partial(_utxo, segwit="dgb", first="DS"),
    "litecoin": partial(_utxo, segwit="ltc", first="LM3"),
    "zcash": partial(_base58, first="t1 t3"), "tezos": partial(_base58, first="tz1 tz2 tz3 KT1"),
    "tron": _tron, "solana": _solana, "eclipse": _solana, "ton": _ton,
    "sui": _move, "aptos": _move, "starknet": _move,
    "polkadot": _substrate, "kusama": _substrate, "bittensor": _substrate, "acala": _substrate,
    "xrp": _ripple, "xrpl": _ripple, "stellar": _stellar, "algorand": _algorand,
    **{chain: partial(_bech32, prefix=prefix) for chain, prefix in _PREFIXES.items()},
}  # fmt: skip

_NAMELESS = frozenset({"all", "forceall", "bitcoin", "solana", "ton", "tron", "sui", "aptos"})
"""Chains where no address has a dot."""

_FIRST: Mapping[str, tuple[str, ...]] = {
    "bitcoin": ("bc1", "1", "3", "xpub", "ypub", "zpub"),
    "litecoin": ("ltc1", "l", "m", "3", "xpub", "ypub", "zpub"),
    "doge": ("d", "9", "a", "dgub", "xpub"), "dash": ("x", "7"), "cardano": ("addr1", "stake1", "ae2", "ddz"),
    "ton": ("eq", "uq", "kq", "0q", "ef", "uf", "0:", "-1:"),
    **{chain: (prefix + "1",) for chain, prefix in _PREFIXES.items() if chain not in {"cardano", "zilliqa"}},
}  # fmt: skip
"""How addresses begin, in any case, where they have always begun so."""
