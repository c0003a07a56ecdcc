"""Wire format of CoinStats: the JSON of a balance answer, decoded as far as it can be.

The straight way is one typed decode of the whole answer. One that is long, or does not fit, is taken apart,
so that no thread waits for long and a bad row costs no other. Amounts and prices stay as they are written
until somebody needs them, and go from the wire's digits into `Decimal`, never through a float.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from watcher.domain.credits.provider_count import Usage
from watcher.sources.json_repair import NotJsonError, UnusableAnswerError
from watcher.sources.settings import crowded, occurrences

CREDITS_PER_ACCOUNT = 40
CREDITS_PER_RATES = 1
"""For the list of currencies (CoinStats docs: get-currencies)."""

MOST = 10**15
"""Credits; more is a mistake."""

AT_ONCE = 1024 * 1024
"""Bytes that are decoded in one go, in 3 ms: the decoder holds the interpreter meanwhile, in any thread. An
answer of no more needs no look before: nothing in it can grow beyond all measure."""

_MOST_GROUPS = 20_000
"""Of one answer: a hundred wallets on every chain there is are two thirds of it."""

_MOST_ROWS = 100_000
"""Of one group; as many as documented would be longer than any answer that is read."""

_MOST_FIELDS = 64
"""Of one row, on average; there are some fifteen."""

_LONGEST_ROW = 64 * 1024
_SHORTEST_ROW = 24
_DOCUMENTED_ROW = 100
"""Bytes that the required fields of a row take without their values."""

_SEAM = re.compile(rb"\]\s*\}\s*(,)\s*\{")
"""Where one group ends and the next one begins."""

_ODD = (msgspec.DecodeError, RecursionError)

_NULL = msgspec.Raw(b"null")


class BalanceRow(msgspec.Struct, rename="camel", gc=False):
    """Row about one asset. Numbers stay as they are written: from one answer to the next nearly all are the
    same, and bytes are compared in a tenth of the time that it takes to read them."""

    contract_address: str | None = None
    coin_id: str | None = None
    symbol: str | None = None
    amount: msgspec.Raw = _NULL
    price: msgspec.Raw = _NULL
    chain: str | None = None


class BalanceGroup(msgspec.Struct, rename="camel", gc=False):
    """Rows about one address on one chain, or on all chains of a sweep."""

    blockchain: str | None = None
    address: str | None = None
    connection_id: str | None = None
    balances: list[BalanceRow | None] | None = None


class _LooseRow(msgspec.Struct, rename="camel"):
    coin_id: msgspec.Raw = _NULL
    amount: msgspec.Raw = _NULL
    symbol: msgspec.Raw = _NULL
    price: msgspec.Raw = _NULL
    contract_address: msgspec.Raw = _NULL
    chain: msgspec.Raw = _NULL


class _LooseGroup(msgspec.Struct, rename="camel"):
    blockchain: msgspec.Raw = _NULL
    address: msgspec.Raw = _NULL
    connection_id: msgspec.Raw = _NULL
    balances: msgspec.Raw = _NULL


_groups = msgspec.json.Decoder(list[BalanceGroup | None])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_loose_group = msgspec.json.Decoder(_LooseGroup)
_loose_row = msgspec.json.Decoder(_LooseRow)
_text = msgspec.json.Decoder(str | None)
_number = msgspec.json.Decoder(Decimal | None)
_numbers = msgspec.json.Decoder(list[Decimal])


def decode_groups(data: bytes) -> list[BalanceGroup | None]:
    """The groups; None for one that cannot be understood at all. UnusableAnswerError if there are none."""
    if len(data) > AT_ONCE:
        _sparse(data)
    try:
        try:
            found = [group for piece in _pieces(data) for group in _decode(piece)]
        except msgspec.DecodeError:
            if len(data) <= AT_ONCE:
                raise
            found = _decode(data)  # a seam may stand within something
    except msgspec.ValidationError:
        raise UnusableAnswerError("the answer is not a list of wallets") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJsonError("the answer is not valid JSON") from None
    except RecursionError:
        raise UnusableAnswerError("the answer is nested too deeply") from None
    if len(found) > _MOST_GROUPS:
        raise UnusableAnswerError("the answer is not a list of wallets")
    return found


def _sparse(data: bytes) -> None:
    """Refuse a body that is mostly brackets and commas: decoded it would need a hundred times its size, and
    hold the interpreter for as long."""
    objects = occurrences(data, b"{")
    dense = objects * _DOCUMENTED_ROW > len(data) or crowded(data, 16)
    if dense or occurrences(data, b",") > _MOST_FIELDS * (objects + 1):
        raise UnusableAnswerError("the answer is not a list of balances")


def _pieces(data: bytes) -> Iterator[bytes]:
    """A list in pieces of some groups each, every one a list itself: if all can be decoded, so can it."""
    start, head = 0, b""
    while len(data) - start > AT_ONCE and (seam := _SEAM.search(data, start + AT_ONCE // 2)) is not None:
        yield head + data[start : seam.start(1)] + b"]"
        start, head = seam.end(1), b"["
    yield head + data[start:]


def _decode(data: bytes) -> list[BalanceGroup | None]:
    """The groups of a list: all at once if each fits, and else one by one."""
    if not data.isascii():
        data.decode()  # what is not read, and most is not, is not looked at either
    try:
        found: list[BalanceGroup | None] = _groups.decode(data) if len(data) <= AT_ONCE else []
        rows = sum(len(group.balances or ()) for group in found if group is not None)
        if found and rows * _SHORTEST_ROW <= len(data):
            return found
    except _ODD:
        pass  # one bad row must not cost the others
    return [_decode_group(raw) for raw in _raws.decode(data)[: _MOST_GROUPS + 1]]


def _decode_group(raw: msgspec.Raw) -> BalanceGroup | None:
    """A group as far as it can be understood; None if not even whose it is can."""
    try:
        loose = _loose_group.decode(raw)
        network, address, asked = map(_loosely, (loose.blockchain, loose.address, loose.connection_id))
    except _ODD:
        return None
    group = BalanceGroup(network, address, asked)
    try:
        rows = _raws.decode(loose.balances)
    except _ODD:
        return group
    if len(rows) <= _MOST_ROWS and len(rows) * _SHORTEST_ROW <= max(len(memoryview(raw)), _LONGEST_ROW):
        group.balances = [_decode_row(row) for row in rows]
    return group


def _decode_row(raw: msgspec.Raw) -> BalanceRow | None:
    """A row as far as it can be understood; None if not even its identity can."""
    if len(memoryview(raw)) > _LONGEST_ROW:
        return None  # a number of a million digits would hold the interpreter
    try:
        loose = _loose_row.decode(raw)
        contract, coin_id = _text.decode(loose.contract_address), _loosely(loose.coin_id)
        symbol, chain = _loosely(loose.symbol), _loosely(loose.chain)
    except _ODD:
        return None
    return BalanceRow(contract, coin_id, symbol, loose.amount, loose.price, chain)


def _loosely(raw: msgspec.Raw) -> str | None:
    try:
        text: str | None = _text.decode(raw)
    except msgspec.ValidationError:
        return None
    return text


def number(raw: msgspec.Raw) -> Decimal | None:
    """A number as it is written; None for null and for what is no number."""
    try:
        read: Decimal | None = _number.decode(raw)
    except msgspec.DecodeError:
        return None
    return read


def numbers(text: bytes) -> list[Decimal]:
    """Numbers with commas between them. `msgspec.DecodeError` if one of them is none."""
    read: list[Decimal] = _numbers.decode(b"[%b]" % text)
    return read


class _UsageBody(msgspec.Struct, rename="camel"):
    total_credits: Decimal
    used_credits: Decimal


_usage_body = msgspec.json.Decoder(_UsageBody)


def read_usage(data: bytes) -> Usage:
    """Usage of credits in `{totalCredits, usedCredits, …}`. UnusableAnswerError if they are no credits."""
    try:
        body: _UsageBody = _usage_body.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswerError(f"no usage of credits: {error}") from None
    total, used = body.total_credits, body.used_credits
    if not (total.is_finite() and used.is_finite() and 1 <= total < MOST and 0 <= used < MOST):
        raise UnusableAnswerError("a usage of credits that cannot be")
    return Usage(int(total), math.ceil(used))


class _RatesBody(msgspec.Struct):
    result: dict[str, msgspec.Raw]


_rates_body = msgspec.json.Decoder(_RatesBody)

_LONGEST_RATES = 256 * 1024
"""Bytes of a list of exchange rates; that of all currencies there are takes 6,000."""


def read_rates(data: bytes) -> dict[str, Decimal]:
    """Rates in `{result: {USD: 1, CHF: 0.8062450125737061, …}}`, each as the digits on the wire say.

    They are "relative to USD (USD = 1)" (CoinStats docs). UnusableAnswerError if they are anything else.
    """
    if len(data) > _LONGEST_RATES:
        raise UnusableAnswerError("the answer is too long for a list of exchange rates")
    try:
        body: _RatesBody = _rates_body.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswerError(f"no exchange rates: {error}") from None
    found = {code: rate for code, raw in body.result.items() if (rate := number(raw)) is not None}
    if found.get("USD") != 1:
        raise UnusableAnswerError("exchange rates that are not those of one US dollar")
    return found
