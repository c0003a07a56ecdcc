"""Wire format of a Solana node: what is read of accounts, in answers and in notifications.

As in solana.com/docs/rpc: getMultipleAccounts, getTokenAccountsByOwner, accountSubscribe. A token account
begins with its mint (32 bytes) and its owner (32), then the amount (8, little-endian); so in both token
programs (solana-program/token, `state.rs`).
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, TypeVar

import msgspec

TOKEN_PROGRAMS = (
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
)
"""SPL Token, and Token-2022."""

_AMOUNT = slice(64, 72)
_NO_AMOUNT = bytes(8)
_LONGEST_DATA = 16 * 1024

T = TypeVar("T")


class AnAccount(msgspec.Struct):
    """Account as a node tells it. `data`: base64 and the word `base64`, unless the node has it otherwise."""

    lamports: Annotated[int, msgspec.Meta(ge=0)]
    owner: str = ""
    data: Any = None

    def value(self) -> str:
        """What is held, to be compared: the tokens of a token account, the lamports of any other; empty if
        there is nothing."""
        if self.owner in TOKEN_PROGRAMS and (amount := _amount(self.data)):
            return "" if amount == _NO_AMOUNT else amount.hex()
        return str(self.lamports) if self.lamports else ""


class _Context(msgspec.Struct):
    slot: int


class Accounts(msgspec.Struct):
    """Answer of getMultipleAccounts."""

    context: _Context
    value: list[AnAccount | None]


class _Keyed(msgspec.Struct):
    pubkey: str
    account: AnAccount


class TokenAccounts(msgspec.Struct):
    """Answer of getTokenAccountsByOwner."""

    context: _Context
    value: list[_Keyed]


class _Told(msgspec.Struct):
    context: _Context
    value: AnAccount | None


class AccountNotice(msgspec.Struct):
    """Notification `accountNotification`."""

    subscription: int
    result: _Told


def read_as(kind: type[T], value: Any) -> T | None:
    """A decoded JSON value as what it should be; None if it is something else."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeError, RecursionError):
        return None


def _amount(data: Any) -> bytes:
    """The amount in a token account's data; empty if there is none."""
    text = data[0] if isinstance(data, list) and data else data
    if not isinstance(text, str) or len(text) > _LONGEST_DATA:
        return b""
    try:
        found = base64.b64decode(text, validate=True)[_AMOUNT]
    except (binascii.Error, ValueError):
        return b""
    return found if len(found) == len(_NO_AMOUNT) else b""
