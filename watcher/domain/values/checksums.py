"""Checksums of address formats: each says whether a text is whole, and what it stands for.

Each is some lines of its published description, and tested with the vectors published there: EIP-55 (and
Keccak-256, the padding of before SHA-3), BIP-173 and BIP-350 (Bech32, Bech32m), Base58Check (Bitcoin),
CashAddr (Bitcoin Cash specification), SS58 (Substrate), TON's user-friendly addresses (CRC16/XMODEM).
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

_MASK = (1 << 64) - 1
_RATE = 136
"""Bytes that Keccak-256 takes in at once. An address has 40."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32 = re.compile(rf"([!-~]{{1,83}})1([{_BASE32}]{{6,}})")
_CASH = re.compile(rf"([a-z0-9]+):([{_BASE32}]{{8,112}})")
_BECH32_SUMS = {1: "bech32", 0x2BC830A3: "bech32m"}
_TON_TAGS = frozenset({0x11, 0x51, 0x91, 0xD1})
"""Bounceable or not, and the same on the test network."""


def _keccak_constants() -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Round constants; and for each lane that rho and pi fill, from which lane, and by how many bits."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    moves, x, y = {0: (0, 0)}, 1, 0
    for t in range(24):
        moves[y + 5 * ((2 * x + 3 * y) % 5)] = (x + 5 * y, (t + 1) * (t + 2) // 2 % 64)
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(constants), tuple(moves[lane] for lane in range(25))


_ROUNDS, _MOVES = _keccak_constants()


def _permuted(a: list[int]) -> list[int]:
    """Keccak-f[1600] over 25 lanes. Unrolled where that counts: there may be ten thousand addresses."""
    mask = _MASK
    for constant in _ROUNDS:
        a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, *rest = a
        a15, a16, a17, a18, a19, a20, a21, a22, a23, a24 = rest
        c0, c1, c2 = a0 ^ a5 ^ a10 ^ a15 ^ a20, a1 ^ a6 ^ a11 ^ a16 ^ a21, a2 ^ a7 ^ a12 ^ a17 ^ a22
        c3, c4 = a3 ^ a8 ^ a13 ^ a18 ^ a23, a4 ^ a9 ^ a14 ^ a19 ^ a24
        d0, d1 = c4 ^ (c1 << 1 & mask | c1 >> 63), c0 ^ (c2 << 1 & mask | c2 >> 63)
        d2, d3 = c1 ^ (c3 << 1 & mask | c3 >> 63), c2 ^ (c4 << 1 & mask | c4 >> 63)
        d4 = c3 ^ (c0 << 1 & mask | c0 >> 63)
        mixed = (
            a0 ^ d0, a1 ^ d1, a2 ^ d2, a3 ^ d3, a4 ^ d4, a5 ^ d0, a6 ^ d1, a7 ^ d2, a8 ^ d3, a9 ^ d4,
            a10 ^ d0, a11 ^ d1, a12 ^ d2, a13 ^ d3, a14 ^ d4, a15 ^ d0, a16 ^ d1, a17 ^ d2, a18 ^ d3,
            a19 ^ d4, a20 ^ d0, a21 ^ d1, a22 ^ d2, a23 ^ d3, a24 ^ d4,
        )  # fmt: skip
        b = [mixed[source] << by & mask | mixed[source] >> 64 - by for source, by in _MOVES]
        a = []
        for y in (0, 5, 10, 15, 20):
            b0, b1, b2, b3, b4 = b[y : y + 5]
            a += (b0 ^ ~b1 & b2, b1 ^ ~b2 & b3, b2 ^ ~b3 & b4, b3 ^ ~b4 & b0, b4 ^ ~b0 & b1)
        a[0] ^= constant
    return a


def keccak256(data: bytes) -> bytes:
    """The hash that Ethereum calls Keccak-256; `hashlib.sha3_256` pads otherwise."""
    short = (-len(data) - 1) % _RATE
    padded = bytearray(data + b"\x01" + bytes(short))
    padded[-1] |= 0x80
    lanes = [0] * 25
    for begin in range(0, len(padded), _RATE):
        for place in range(_RATE // 8):
            at = begin + 8 * place
            lanes[place] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


@lru_cache(maxsize=16384)
def eip55(address: str) -> str:
    """An EVM address with the capitals that EIP-55 gives it."""
    digits = address[2:].lower()
    marks = keccak256(digits.encode()).hex()
    cased = (d.upper() if mark >= "8" else d for d, mark in zip(digits, marks, strict=False))
    return "0x" + "".join(cased)


def base58(text: str) -> bytes | None:
    """What a text in Bitcoin's base 58 stands for; None if it is no such text."""
    number = 0
    for sign in text:
        place = _BASE58.find(sign)
        if place < 0:
            return None
        number = number * 58 + place
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base58check(text: str) -> bytes | None:
    """What a text in Base58Check stands for, version first; None if its checksum is wrong."""
    from hashlib import sha256

    data = base58(text)
    if data is None or len(data) < 5:
        return None
    body, check = data[:-4], data[-4:]
    return body if sha256(sha256(body).digest()).digest()[:4] == check else None


def ss58(text: str) -> bytes | None:
    """The public key of an SS58 address, without its network; None if its checksum is wrong."""
    data = base58(text)
    if data is None or len(data) not in {35, 36}:
        return None
    prefix = 2 if data[0] & 0x40 else 1
    if len(data) != prefix + 34:
        return None
    from hashlib import blake2b

    check = blake2b(b"SS58PRE" + data[:-2], digest_size=64).digest()[:2]
    return data[prefix:-2] if check == data[-2:] else None


def one_case(text: str) -> str:
    """The text in lower case; empty if capitals and small letters are mixed."""
    return text.lower() if text in {text.lower(), text.upper()} else ""


def _bech32_sum(prefix: str, values: list[int]) -> int:
    check = 1
    spread = [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix)]
    for value in (*spread, *values):
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def bech32(text: str) -> str:
    """`bech32` or `bech32m`, whichever checksum is right; empty if none is. Longer than 90 characters too:
    Cardano's are."""
    found = _BECH32.fullmatch(one_case(text))
    if found is None:
        return ""
    prefix, data = found[1], [_BASE32.index(sign) for sign in found[2]]
    return _BECH32_SUMS.get(_bech32_sum(prefix, data), "")


def segwit(text: str, prefix: str) -> tuple[int, bytes] | None:
    """Version and program of a SegWit address under this prefix (BIP-173, BIP-350); None if it is none: its
    version, its length or its checksum is wrong."""
    lower = one_case(text)
    if len(lower) > 90 or not lower.startswith(prefix + "1"):
        return None
    version = _BASE32.find(lower[len(prefix) + 1 : len(prefix) + 2])
    spare = 5 * (len(lower) - len(prefix) - 8)
    size = spare // 8
    if not 0 <= version <= 16 or not 2 <= size <= 40 or (version == 0 and size not in {20, 32}):
        return None
    bits = _bits(lower[len(prefix) + 2 : -6])
    clean = spare % 8 < 5 and not bits & ((1 << spare % 8) - 1)
    if not clean or bech32(lower) != ("bech32m" if version else "bech32"):
        return None
    return version, (bits >> spare % 8).to_bytes(size, "big")


def _bits(text: str) -> int:
    """What signs of base 32 stand for, five bits each."""
    bits = 0
    for sign in text:
        bits = bits << 5 | _BASE32.find(sign)
    return bits


def cashaddr(text: str) -> bool:
    """Whether a text is a CashAddr, prefix included."""
    found = _CASH.fullmatch(one_case(text))
    if found is None:
        return False
    check = 1
    values = [*(ord(c) & 31 for c in found[1]), 0, *map(_BASE32.index, found[2])]
    for value in values:
        top = check >> 35
        check = (check & 0x07FFFFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
        ):
            check ^= generator if top >> bit & 1 else 0
    return check == 1


def cash_data(text: str) -> bytes:
    """What a CashAddr stands for, prefix included: a byte for the kind and the length of the hash, and the
    hash. Empty if its checksum is wrong."""
    if not cashaddr(text):
        return b""
    signs = one_case(text).partition(":")[2][:-8]
    spare = 5 * len(signs)
    return (_bits(signs) >> spare % 8).to_bytes(spare // 8, "big")


def ton(text: str) -> str:
    """A user-friendly TON address as a raw one (`0:` and 64 hex digits); empty if its checksum is wrong."""
    if len(text) != 48:
        return ""
    try:
        data = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return ""
    if data[0] not in _TON_TAGS or binascii.crc_hqx(data[:34], 0) != int.from_bytes(data[34:], "big"):
        return ""
    return f"{int.from_bytes(data[1:2], 'big', signed=True)}:{data[2:34].hex()}"
