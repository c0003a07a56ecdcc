"""Wire format of TEOS' events: from the bytes of a message to hints, and of an answer to a queue.

`account.balance_changed` names the account that changed (`AddressId`), a `Receiver` and who signed the
transaction. Whether each side of a transfer gets an event of its own is not documented, so all three are
hinted at, each once a transaction and asset. It has no time and no id of its own (TEOS docs).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from watcher.domain.values.normalization import address_key
from watcher.ports.hints import LONGEST_ID, Hint, HintSourceError, Where

CHAIN = "teos"
"""The chain of every account on a TEOS source."""

_LONGEST_BODY = 64 * 1024
_LONGEST = 100
"""Characters of an address, a hash or an id; those documented have 66 at most."""
_LONGEST_NAME = 255
"""Bytes of a queue's name (AMQP)."""
_MOST = 100
"""Events in one message. TEOS sends one."""
_NAMED = ("addressid", "receiver", "transactionsigner")
_BARE = re.compile("[0-9a-fA-F]{40}")


def read_event(body: bytes) -> list[Hint]:
    """Hints of a message; none if it tells of no account, in whatever shape it is."""
    if len(body) > _LONGEST_BODY:
        return []
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    hints: dict[str, Hint] = {}
    for row in found[:_MOST] if isinstance(found, list) else [found]:
        for hint in _hints(row, body):
            hints.setdefault(hint.id, hint)
    return list(hints.values())


def _hints(row: Any, body: bytes) -> list[Hint]:
    if not isinstance(row, dict):
        return []
    event = {str(key).lower(): value for key, value in row.items()}
    if not text_of(event, "addressid"):  # another event, which may name a signer all the same
        return []
    which = text_of(event, "transactionhash") or text_of(event, "transactionguid")
    which = which.lower() or hashlib.sha256(body).hexdigest()
    asset = text_of(event, "assetid").lower().removeprefix("0x").lstrip("0")
    places = (where_of(text) for name in _NAMED if (text := text_of(event, name)))
    return [Hint(where, _fitting(f"{which}:{asset}:{where.address}")) for where in places]


def _fitting(name: str) -> str:
    """An id that is not cut: its end is what tells accounts apart."""
    return name if len(name) <= LONGEST_ID else hashlib.sha256(name.encode()).hexdigest()


def read_queue(answer: bytes) -> str:
    """The name of the queue that TEOS made; HintSourceError if the answer has none."""
    try:
        found: Any = msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    folded = {str(key).lower(): value for key, value in found.items()} if isinstance(found, dict) else {}
    name = text_of(folded, "quorumqueuename", _LONGEST_NAME)
    if not name:
        raise HintSourceError("TEOS was asked for a queue of events, and its answer names none")
    return name


def text_of(folded: dict[str, Any], name: str, longest: int = _LONGEST) -> str:
    """A short text under a key; empty if there is none."""
    value = folded.get(name)
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= longest and text.isascii() and text.isprintable() else ""


def where_of(address: str) -> Where:
    """The place of an address as TEOS writes it, with or without `0x`."""
    return Where(CHAIN, address_key(f"0x{address}" if _BARE.fullmatch(address) else address))
