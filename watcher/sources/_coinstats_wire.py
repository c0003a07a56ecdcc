"""The JSON of a CoinStats balance answer, decoded as far as it can be.

The straight way is one typed decode. An answer that does not fit is taken apart, so that one bad row costs no
other. Amounts and prices go from the wire's digits into `Decimal`, never through a float.
"""

from __future__ import annotations

import math
from decimal import Decimal

import msgspec

from watcher.domain.usage import Usage

MOST = 10**15
"""Credits; more is a mistake."""

AT_ONCE = 2 * 1024 * 1024
"""Bytes that are decoded in one go, and on the event loop: 6 ms with everything that follows. The decoder
holds the interpreter while it works, in a thread too; more than this is taken in pieces."""


class Row(msgspec.Struct, rename="camel", gc=False):
    coin_id: str | None = None
    amount: Decimal | None = None
    symbol: str | None = None
    price: Decimal | None = None
    contract_address: str | None = None
    chain: str | None = None


class Group(msgspec.Struct, rename="camel"):
    blockchain: str | None = None
    address: str | None = None
    connection_id: str | None = None
    balances: list[Row | None] | None = None


_NULL = msgspec.Raw(b"null")


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


_groups = msgspec.json.Decoder(list[Group])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_group = msgspec.json.Decoder(Group)
_row = msgspec.json.Decoder(Row)
_loose_group = msgspec.json.Decoder(_LooseGroup)
_loose_row = msgspec.json.Decoder(_LooseRow)
_text = msgspec.json.Decoder(str | None)
_number = msgspec.json.Decoder(Decimal | None)


class UnusableAnswerError(ValueError):
    """The whole answer cannot be used; the text says why."""


def decode_groups(data: bytes) -> list[Group | None]:
    """All groups; None for one that cannot be understood at all."""
    # The required fields of a row take 100 bytes without their values. A body that is mostly brackets
    # would need a hundred times its size, and hold the interpreter for as long.
    least = 100 if len(data) > AT_ONCE else 24
    if len(data) > 512 * 1024 and data.count(b"{") * least > len(data):
        raise UnusableAnswerError("the answer is not a list of balances")
    try:
        if len(data) <= AT_ONCE:
            return [*_groups.decode(data)]
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UnusableAnswerError("the answer is not valid JSON") from None
    except RecursionError:
        raise UnusableAnswerError("the answer is nested too deeply") from None
    # One bad row must not cost the others: again, piece by piece.
    try:
        return [_decode_group(raw) for raw in _raws.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnusableAnswerError("the answer is not a list of wallets") from None


def _decode_group(raw: msgspec.Raw) -> Group | None:
    try:
        if len(memoryview(raw)) <= AT_ONCE:
            return _group.decode(raw)
    except msgspec.ValidationError:
        pass
    try:
        loose = _loose_group.decode(raw)
    except msgspec.ValidationError:
        return None
    group = Group(_loosely(loose.blockchain), _loosely(loose.address), _loosely(loose.connection_id))
    try:
        group.balances = [_decode_row(row) for row in _raws.decode(loose.balances)]
    except msgspec.ValidationError:
        group.balances = None
    return group


def _decode_row(raw: msgspec.Raw) -> Row | None:
    """A row as far as it can be understood; None if not even its identity can."""
    try:
        return _row.decode(raw)
    except msgspec.ValidationError:
        pass
    try:
        loose = _loose_row.decode(raw)
        contract = _text.decode(loose.contract_address)
    except msgspec.ValidationError:
        return None
    return Row(
        coin_id=_loosely(loose.coin_id),
        amount=_loose_number(loose.amount),
        symbol=_loosely(loose.symbol),
        price=_loose_number(loose.price),
        contract_address=contract,
        chain=_loosely(loose.chain),
    )


def _loosely(raw: msgspec.Raw) -> str | None:
    try:
        text: str | None = _text.decode(raw)
    except msgspec.ValidationError:
        return None
    return text


def _loose_number(raw: msgspec.Raw) -> Decimal | None:
    try:
        number: Decimal | None = _number.decode(raw)
    except msgspec.ValidationError:
        return None
    return number


class _UsageBody(msgspec.Struct, rename="camel"):
    total_credits: Decimal
    used_credits: Decimal


_usage_body = msgspec.json.Decoder(_UsageBody)


def read_usage(data: bytes) -> Usage:
    """`{totalCredits, usedCredits, …}`. UnusableAnswerError if they are no credits."""
    try:
        body: _UsageBody = _usage_body.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnusableAnswerError(f"no usage of credits: {error}") from None
    total, used = body.total_credits, body.used_credits
    if not (total.is_finite() and used.is_finite() and 0 < total < MOST and 0 <= used < MOST):
        raise UnusableAnswerError("a usage of credits that cannot be")
    return Usage(int(total), math.ceil(used))
