"""Wire format of an EVM node: JSON-RPC 2.0, and what is read of heads, logs and blocks.

Field names as in the execution API of Ethereum (github.com/ethereum/execution-apis), notifications as in
geth.ethereum.org/docs/interacting-with-geth/rpc/pubsub. Only what is needed is looked at, and it must be
right; everything else may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from watcher.domain.records import Record

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Transfer(address indexed from, address indexed to, uint256 value) of ERC-20. That of ERC-721 has the same
hash, and a fourth topic: the number of the token."""

DEPOSIT = "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c"
"""Deposit(address indexed to, uint256 value) of wrapped coins such as WETH, which is no Transfer there."""

WITHDRAWAL = "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65"
"""Withdrawal(address indexed from, uint256 value) of the same."""

_HASH = re.compile(r"0[xX][0-9a-fA-F]{64}")
_QUANTITY = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_TOPICS = 3
_ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOTHING = msgspec.Raw(b"null")
_T = TypeVar("_T")


class UnreadableError(Exception):
    """What a node sent, and what it should have been."""


class _Params(msgspec.Struct):
    result: msgspec.Raw = _NOTHING


class _Message(msgspec.Struct):
    id: int | str | None = None
    params: _Params | None = None
    result: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Event(msgspec.Struct, rename="camel"):
    topics: list[str] | None = None
    data: str = ""
    transaction_hash: str | None = None
    block_number: str | None = None
    block_hash: str | None = None
    block_timestamp: str | None = None
    removed: bool = False
    number: str | None = None
    hash: str | None = None
    parent_hash: str | None = None
    timestamp: str | None = None


class _Transaction(msgspec.Struct):
    hash: str
    sender: str | None = msgspec.field(name="from", default=None)
    to: str | None = None


class _Withdrawal(msgspec.Struct):
    index: str
    address: str


class _Block(msgspec.Struct, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    transactions: list[_Transaction]
    withdrawals: list[_Withdrawal] | None = None
    miner: str | None = None


class NodeAnswer(Record, frozen=True):
    """Answer to the call `id`. `error`: the code and the words of a refusal, as they came."""

    id: int
    result: msgspec.Raw
    error: tuple[int, str] | None


class BlockHead(Record, frozen=True):
    """Block as it is named. `at`: its own time, if that is one."""

    number: int
    hash: str
    parent: str
    at: datetime | None


class Moved(Record, frozen=True):
    """Watched addresses (lower case) that one event of one block moved something at.

    `event`: the hash of the transaction, or another word that tells it from all others of the block, which is
    named by its number and its hash. `removed`: it is no longer part of the chain.
    """

    event: str
    number: int
    block: str
    addresses: tuple[str, ...]
    at: datetime | None
    removed: bool = False


class FullBlock(Record, frozen=True):
    """Block with what it moved of native coins at watched addresses."""

    head: BlockHead
    moved: tuple[Moved, ...]


def read_message(data: bytes) -> NodeAnswer | msgspec.Raw | None:
    """An answer, or what a subscription tells; None for what is neither. UnreadableError: no JSON-RPC."""
    message = _decode(data, _Message, "something that is no JSON-RPC")
    if message.params is not None:
        return message.params.result
    if not isinstance(message.id, int):
        return None
    if bytes(message.error) == b"null":
        return NodeAnswer(message.id, message.result, None)
    try:
        error = msgspec.json.decode(message.error, type=_Error)
    except _ODD:
        error = _Error()
    return NodeAnswer(message.id, _NOTHING, (error.code, error.message))


def read_event(data: msgspec.Raw, watched: Collection[str]) -> BlockHead | Moved | None:
    """A head, or a log that moved something at a watched address; None for any other."""
    event = _decode(data, _Event, "an event that cannot be read")
    if event.topics is None:
        return _head(event.number, event.hash, event.parent_hash, event.timestamp)
    return _moved(event, watched)


def read_head(data: msgspec.Raw) -> BlockHead | None:
    """The head of a block; None: there is no such block."""
    if bytes(data) == b"null":
        return None
    event = _decode(data, _Event, "a block that cannot be read")
    return _head(event.number, event.hash, event.parent_hash, event.timestamp)


def read_logs(data: msgspec.Raw, watched: Collection[str]) -> list[Moved]:
    """The logs of an answer that moved something at watched addresses."""
    events = _decode(data, list[_Event], "logs that cannot be read")
    return [moved for event in events if (moved := _moved(event, watched)) is not None]


def read_block(data: msgspec.Raw, watched: Collection[str]) -> FullBlock | None:
    """A block with its transactions; None: there is no such block.

    Who sent a transaction has paid for it, and who received one may have been called, which may have moved
    coins even where it brought none. Withdrawals of validators and the fees of a block are no transactions.
    """
    if bytes(data) == b"null":
        return None
    block = _decode(data, _Block, "a block that cannot be read")
    head = _head(block.number, block.hash, block.parent_hash, block.timestamp)
    found = [(each.hash, (each.sender, each.to)) for each in block.transactions]
    moved = [(_hash(name), who) for name, both in found if (who := _watched(both, watched))]
    paid = block.withdrawals or ()
    moved += [(f"withdrawal-{_number(each.index)}", _watched((each.address,), watched)) for each in paid]
    moved.append(("fees", _watched((block.miner,), watched)))
    told = (Moved(event, head.number, head.hash, who, head.at) for event, who in moved if who)
    return FullBlock(head, tuple(told))


def read_quantity(data: msgspec.Raw) -> int:
    """A number, as JSON-RPC of Ethereum writes it."""
    return _number(_decode(data, str, "a number that cannot be read"), longest=66)


def topic_of(address: str) -> str:
    """An address (0x and 40 digits) as a log has it among its topics."""
    return "0x" + address[2:].lower().rjust(64, "0")


def _moved(event: _Event, watched: Collection[str]) -> Moved | None:
    topics = event.topics or ()
    # A fourth topic: a token that is one of its kind (ERC-721), which is in no balance. A value of nothing:
    # anybody can have such a log written with anybody's address in it, and people are deceived with them.
    if len(topics) > _TOPICS or not event.data[2:].strip("0"):
        return None
    named = [topic for topic in topics[1:] if _HASH.fullmatch(topic)]
    addresses = _watched(["0x" + topic[-40:] for topic in named], watched)
    if not addresses:
        return None
    at = _time(event.block_timestamp)
    number, block = _number(event.block_number or ""), _hash(event.block_hash or "")
    return Moved(_hash(event.transaction_hash or ""), number, block, addresses, at, event.removed)


def _watched(addresses: Collection[str | None], watched: Collection[str]) -> tuple[str, ...]:
    lower = (each.lower() for each in addresses if each)
    return tuple(dict.fromkeys(each for each in lower if each in watched))


def _head(number: str | None, name: str | None, parent: str | None, time: str | None) -> BlockHead:
    return BlockHead(_number(number or ""), _hash(name or ""), _hash(parent or ""), _time(time))


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        raise UnreadableError("a hash that is none")
    return text.lower()


def _number(text: str, longest: int = 18) -> int:
    if len(text) > longest or not re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        raise UnreadableError("a number that cannot be read")
    return int(text, 16)


def _time(text: str | None) -> datetime | None:
    if text is None or not _QUANTITY.fullmatch(text):
        return None
    try:
        return datetime.fromtimestamp(int(text, 16), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _decode(data: bytes | msgspec.Raw, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except _ODD:
        raise UnreadableError(what) from None
