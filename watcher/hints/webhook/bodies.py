"""Bodies of webhooks: which watched addresses one tells of. Nothing of a body is believed beyond that.

What the providers send is theirs to change, and what QuickNode sends is what the customer's own filter makes
of it. So a body is looked through for watched addresses, wherever they stand; what stands around them says
which transaction it was. Sources: the example bodies in the documents of Alchemy (Address Activity Webhook)
and Helius (Webhooks).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any

import msgspec

from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.values.chains import canonical
from watcher.domain.values.normalization import address_key
from watcher.domain.values.text import visible
from watcher.ports.hints import LARGEST_POST, LONGEST_ID, Hint, Where

MOST_PARTS = 50_000
"""Values of one body that are looked at."""

MOST_HINTS = 5_000
"""Hints in one body."""

LONGEST_ERROR = 200
"""Characters shown of what a provider says is wrong."""

_LONGEST_EVENT = 90
"""Characters of a transaction's id. Solana's, the longest, have 88."""

_ODD = 100
"""Addresses of one body that are brought into their one form although no wallet is written so: it takes up
to 0.2 ms for each."""

_IDS = ("hash", "transactionHash", "transaction_hash", "txHash", "signature")
_TIMES = ("timestamp", "blockTime", "blockTimestamp")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_MOMENTS = range(1_000_000_000, 10_000_000_000)
"""Unix seconds, from 2001 to 2286."""


class _OurHint(msgspec.Struct):
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    chain: Annotated[str, msgspec.Meta(max_length=100)] = ""
    id: str = ""
    happened: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _OurBody(msgspec.Struct):
    hints: list[_OurHint]


_GENERIC = msgspec.json.Decoder(_OurBody)


class UnknownBodyError(ValueError):
    """A body of no known shape; the text says why, and quotes nothing of it."""


class BodyRead(Record, frozen=True):
    """What a body tells. `trouble`: why the provider sends no hints now; empty if it does."""

    hints: tuple[Hint, ...] = ()
    trouble: str = ""


def unpacked(body: bytes, encoding: str) -> bytes | None:
    """The body without its packing (gzip, in one piece); None if it cannot be unpacked, or is too large."""
    if encoding.strip().lower() in ("", "identity"):
        return body
    if encoding.strip().lower() not in ("gzip", "x-gzip"):
        return None
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = unpacking.decompress(body, LARGEST_POST)
    except zlib.error:
        return None
    return found if unpacking.eof and not unpacking.unused_data else None


class Spellings:
    """The watched addresses, in the spellings in which they may come."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._keys: dict[str, str] = {}
        for account in accounts:
            key = address_key(account.address)
            for each in (account.address, key):
                self._keys[each] = key
                self._keys[each.lower() if each[:2] in ("0x", "0X") else each] = key
        self.keys = frozenset(self._keys.values())

    def find(self, text: str) -> str | None:
        """The one form of the watched address that a text is: as it is spelled, in any case where the case
        does not count, or as a topic of a log (32 bytes)."""
        if text[:2] not in ("0x", "0X"):
            return self._keys.get(text)
        if len(text) == 66:
            text = f"0x{text[-40:]}" if text.startswith("0x" + 24 * "0") else text
        return self._keys.get(text.lower())


def read_generic(body: bytes, spellings: Spellings, chains: Mapping[str, str], nonce: str) -> BodyRead:
    """Hints of a body of our own scheme. UnknownBodyError says what is wrong with it."""
    try:
        told = _GENERIC.decode(body)
    except RecursionError:
        raise UnknownBodyError("it nests too deep") from None
    except ValueError as error:  # msgspec says which field, and quotes none
        raise UnknownBodyError(visible(str(error))[:LONGEST_ERROR]) from None
    if len(told.hints) > MOST_HINTS:
        raise UnknownBodyError(f"it has more than {MOST_HINTS:,} hints")
    odd, hints = 0, []
    for each in told.hints:
        key = spellings.find(each.address)
        if key is None and odd < _ODD:
            odd, key = odd + 1, address_key(each.address)
        key = key or each.address
        where = Where(canonical(chains.get(each.chain, each.chain)), key)
        if each.happened is not None and int(each.happened.timestamp()) not in _MOMENTS:
            raise UnknownBodyError("it has a time that cannot be")
        happened = each.happened.astimezone(UTC) if each.happened is not None else None
        hints.append(Hint(where, _name(f"{key} {where.chain}", each.id or nonce), happened))
    return BodyRead(tuple(hints))


def read_provider(body: bytes, spellings: Spellings, chain_of: Callable[[str], str | None]) -> BodyRead:
    """Hints of a body of a provider. UnknownBodyError if it is none that can be looked through.

    `chain_of`: the chain of the network that a body names, or of one that names none (""); None if it is no
    chain of ours.
    """
    try:
        told = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise UnknownBodyError("it is not JSON, or nests too deep") from None
    if not isinstance(told, dict | list):
        raise UnknownBodyError("it is neither an object nor a list")
    if (trouble := _trouble(told)) or (chain := chain_of(_network(told))) is None:
        return BodyRead(trouble=trouble)
    whole = _Inside({}, None, (sha256(body).hexdigest()[:32], None))
    hints: dict[str, Hint] = {}
    for key, inside in _found(told, whole, spellings):
        event, happened = _about(inside)
        name = _name(key, event)
        if name not in hints:
            hints[name] = Hint(Where(chain, key), name, happened)
            if len(hints) == MOST_HINTS:
                break
    return BodyRead(tuple(hints.values()))


def _name(place: str, event: str) -> str:
    """The id of a hint about a place: two events have two, also where they differ only in what is cut off or
    cannot be shown."""
    name = f"{place} {event}"
    if len(name) <= LONGEST_ID and visible(name).strip() == name:
        return name
    proof = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{visible(name[:LONGEST_ID])[: LONGEST_ID - 33]} {proof}"


def _trouble(told: object) -> str:
    """Why nothing is sent any more. Alchemy says so in place of an activity: `event.error` is "Monthly
    capacity limit exceeded"."""
    event = told.get("event") if isinstance(told, dict) else None
    error = event.get("error") if isinstance(event, dict) else None
    return f"an error is posted in place of hints: {visible(str(error))[:LONGEST_ERROR]}" if error else ""


def _network(told: object) -> str:
    """The network that a whole body is about; empty if it names none."""
    if isinstance(told, dict):
        for part in (told.get("event"), told.get("metadata"), told):
            network = part.get("network") if isinstance(part, dict) else None
            if isinstance(network, str) and network:
                return network
    return ""


class _Inside(Record):
    """An object of a body, the one that it is in, and what it is about, once that was looked at."""

    value: Mapping[str, Any]
    outer: _Inside | None
    about: tuple[str, datetime | None] | None = None


def _about(inside: _Inside) -> tuple[str, datetime | None]:
    """The event that an object is about, and when that was: as it says itself, or what is around it. Each
    object is looked at once."""
    asked: list[_Inside] = []
    here: _Inside | None = inside
    while here is not None and here.about is None:
        asked.append(here)
        here = here.outer
    found = here.about if here is not None and here.about is not None else ("", None)
    for each in reversed(asked):
        found = each.about = (_event_of(each.value) or found[0], _moment_of(each.value) or found[1])
    return found


def _found(told: object, whole: _Inside, spellings: Spellings) -> Iterator[tuple[str, _Inside]]:
    """Watched addresses, and the innermost object in which each stands."""
    waiting: list[tuple[object, _Inside]] = [(told, whole)]
    for _ in range(MOST_PARTS):
        if not waiting:
            return
        value, inside = waiting.pop()
        if isinstance(value, str):
            if (key := spellings.find(value)) is not None:
                yield key, inside
        elif isinstance(value, list):
            waiting.extend((each, inside) for each in value)
        elif isinstance(value, dict) and not _is_unmoved(value):
            here = _Inside(value, inside)
            waiting.extend((each, here) for each in value.values())


def _is_unmoved(value: Mapping[str, Any]) -> bool:
    """Whether it is an account of a transaction that nothing changed for, as Helius lists them too."""
    return value.get("nativeBalanceChange") == 0 and not value.get("tokenBalanceChanges")


def _event_of(value: Mapping[str, Any]) -> str:
    """The id of the transaction that an object is about; empty if it names none. One that is taken back, when
    blocks are replaced, is another event."""
    inner = value.get("transaction")  # Solana's own form has the signatures there, or a floor below
    found: list[Any] = [value.get(name) for name in _IDS]
    for part in (inner, value):
        signatures = part.get("signatures") if isinstance(part, dict) else None
        found += signatures[:1] if isinstance(signatures, list) else []
    event = next((each for each in found if isinstance(each, str) and each), "")
    log = value.get("log")
    removed = value.get("removed") is True or (isinstance(log, dict) and log.get("removed") is True)
    event = event[:_LONGEST_EVENT]
    return f"{event} removed" if event and removed else event


def _moment_of(value: Mapping[str, Any]) -> datetime | None:
    """When the block was made that an object is about, if it says so: whole Unix seconds, or hexadecimal."""
    for name in _TIMES:
        found = value.get(name)
        if isinstance(found, str) and _HEX.fullmatch(found):
            found = int(found, 16)
        if type(found) is int and found in _MOMENTS:
            return datetime.fromtimestamp(found, UTC)
    return None
