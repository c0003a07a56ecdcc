"""Accounts, assets and readings: what is watched, and what one poll saw of it.

Amounts and prices are `Decimal` in natural units and US dollars. Times are aware
UTC datetimes, cut to the millisecond by whoever reads the clock.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, NamedTuple

from watcher.domain.records import Record, force_setattr
from watcher.domain.values.decimals import minus, plus, times

EMPTY: Mapping[Any, Any] = MappingProxyType({})

MOVED = Decimal("0.01")
"""The share by which a price moves to be worth a sample of its own."""

_LESS, _MORE = minus(Decimal(1), MOVED), plus(Decimal(1), MOVED)

SWEEPS = frozenset({"all", "forceall"})
"""Chains of an account that asks for many chains at once; each asset then carries its own."""


class Account(NamedTuple):
    """One pollable unit: an address on one chain, as one source knows it.

    `address` is normalised: EVM addresses lower case, every other format as written.
    """

    source: str
    chain: str
    address: str


class Asset(NamedTuple):
    """What is held: its identity within its account.

    `token` is the contract in normal form (EVM: lower case), for a native coin the coin id under which
    it was first seen (`naming.py`), for TEOS the UniqueAssetId as lower-case hex without leading zeros.
    """

    chain: str
    token: str


class MissReason(enum.StrEnum):
    """Why an account that was asked for was not read."""

    OMITTED = "omitted"
    """The answer came and left this account out."""
    UNREADABLE = "unreadable"
    """The account was in the answer, but nothing of it could be used."""
    UNITS_UNKNOWN = "units unknown"
    """The amounts came, but not what one unit of them is."""
    MALFORMED = "malformed answer"
    TOO_LARGE = "answer too large"
    REDIRECTED = "redirected"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    REJECTED = "request rejected"
    EXHAUSTED = "credits exhausted"
    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    INTERNAL = "internal error"
    """A fault of our own; the log has it."""


class Reading(NamedTuple):
    """What one poll saw of one account.

    `amounts` has every asset that the answer states, explicit zeros included. On `chains`
    the answer was complete: an asset absent from it holds nothing. Everything that is in
    neither is unknown. `symbols` may name more assets than these. `unclear` names assets that
    were mentioned in a way that nobody should act on (twice, negative, not a number), each with the
    reason.
    """

    account: Account
    amounts: Mapping[Asset, Decimal]
    prices: Mapping[Asset, Decimal] = EMPTY
    symbols: Mapping[Asset, str] = EMPTY
    chains: frozenset[str] = frozenset()
    unclear: Mapping[Asset, str] = EMPTY
    notes: tuple[str, ...] = ()
    """What an operator should read about this answer (rows without identity, say)."""
    scales: Mapping[Asset, int] = EMPTY
    """In how many parts the amounts' units are counted on the wire, where that can change (TEOS: sparks)."""
    natives: frozenset[Asset] = frozenset()
    """Assets that came without a contract: native coins of their chains."""
    names_all: bool = True
    """Whether the source tells of whatever an account holds. If not, it tells only of what it was asked for:
    an asset that it names for the first time is one that is newly asked for, and nobody has sent it."""

    @property
    def blank(self) -> bool:
        """Whether it names assets and has no amount that can be used: an answer, and nothing was read."""
        return not self.amounts and bool(self.unclear)


class Miss(Record, frozen=True):
    """An account that was asked for and not read. Never a zero."""

    account: Account
    reason: MissReason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


Outcome = Reading | Miss


class Quote(Record, frozen=True):
    """A price in US dollars, and when it was seen."""

    price: Decimal
    at: datetime
    low: Decimal = Decimal(0)
    """Prices strictly between `low` and `high` differ from this one by less than `MOVED`: worked out
    once, for every answer brings every price anew."""
    high: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        force_setattr(self, "low", times(self.price, _LESS))
        force_setattr(self, "high", times(self.price, _MORE))


class Suspect(Record, frozen=True):
    """An amount too odd to act on, waiting for a second reading that agrees."""

    amount: Decimal
    since: datetime
    reason: str
    odd: int = 1
    """Odd readings in a row, this one included, no two of which agree."""


class PriceSuspicion(Record, frozen=True):
    """A price too odd to act on, or the want of one, waiting for a later answer that agrees."""

    price: Decimal | None
    since: datetime
    reason: str
    settled: bool = False
    """A second answer had no price either: nobody knows it, and nobody asks again for it."""


class Quarantined(Record, frozen=True):
    """An asset that no rule sees. `by`: who hid it; empty if it was put there because nobody asked for it."""

    since: datetime
    reason: str
    baseline: bool = False
    """It was there when the account was first read."""
    by: str = ""


class AccountState(NamedTuple):
    """What is known of one account; the store keeps it between polls. Never mutated."""

    account: Account
    amounts: Mapping[Asset, Decimal] = EMPTY
    """Confirmed amounts; an asset that was emptied stays with amount zero."""
    seen: Mapping[str, datetime] = EMPTY
    """Chain → when it was last read. A chain not in here has never been read."""
    stale: Mapping[Asset, datetime] = EMPTY
    """Assets whose amount is older than their chain's last reading (held, unclear)."""
    held: Mapping[Asset, Suspect] = EMPTY
    unsettled: frozenset[Asset] = frozenset()
    """Assets that the first answer about their chain left unclear: when they turn up they are seen
    for the first time, not new. One with an empty token stands for all that this answer did not name."""
    omitted: Mapping[str, int] = EMPTY
    """Chain that held value → answers in a row that left it out."""
    quarantined: Mapping[Asset, Quarantined] = EMPTY
    """Assets that are kept like all others, and that no rule sees."""
    scales: Mapping[Asset, int] = EMPTY
    """The scales of the amounts, from the readings that they come from."""
    last_attempt: datetime | None = None
    misses: int = 0
    """Misses in a row."""
    miss: str = ""
    """The last miss in words; after a reading, what of it could not be used; empty if all is well."""
    watched_since: datetime | None = None
    """When this account was first asked for; the baseline of `no_data` before any reading."""
    newcomers: Mapping[Asset, datetime] = EMPTY
    """Assets that anybody may have sent, and since when they are worth something: rules see them, but what
    they are claimed to be worth counts in no value until they are asked for."""

    def believes(self, asset: Asset) -> bool:
        """Whether what it is worth counts: nobody else can send it, or somebody asked for it."""
        return asset not in self.newcomers and asset not in self.quarantined

    @property
    def last_reading(self) -> datetime | None:
        return max(self.seen.values(), default=None)

    def as_of(self, asset: Asset) -> datetime | None:
        """When the amount of `asset` was last confirmed; None if never."""
        return self.stale.get(asset) or self.seen.get(asset.chain)


class Change(NamedTuple):
    """A balance that differs between two confirmed readings.

    `before` is None on first sight (a baseline: kept in history, never told). The change
    happened somewhere between `before_at` and `after_at`.
    """

    account: Account
    asset: Asset
    symbol: str
    before: Decimal | None
    after: Decimal
    before_at: datetime | None
    after_at: datetime
    price_before: Decimal | None = None
    price_after: Decimal | None = None
    drift: bool = False
    """Interest of a rebasing token, and no transfer: kept in history, never told."""
    claimed: bool = False
    """Nobody asked for the asset: what it is worth is only a claim. Not kept."""

    @property
    def price(self) -> Decimal | None:
        """The price that goes with this change: the one now, or else the one at the reading before."""
        return self.price_after if self.price_after is not None else self.price_before


class Wallet(Record, frozen=True):
    """What the operator watches, as rules and messages know it."""

    name: str
    source: str
    address: str
    tags: tuple[str, ...] = ()
    asked: tuple[Asset, ...] | None = None
    """The assets that are asked for, where the source tells of no others; None: it tells of all that an
    account holds."""
    units: str = ""
    """The key of the configuration under which prices of its assets can be stated; empty if there is none."""
    promise: timedelta | None = None
    """The longest time between two polls that the configuration promises; None: it promises none."""


NEWCOMER = "nobody asked for it: what it is worth counts in no value"
"""What is said of those that rules see. They are kept beside those that no rule sees, to be released
alike."""


def subject_key(account: Account, asset: Asset | None = None) -> str:
    """The stable name of a subject: `source/chain/address`, and the asset's chain and token."""
    key = f"{account.source}/{account.chain}/{account.address}"
    return f"{key}/{asset.chain}/{asset.token}" if asset is not None else key


def asset_of(subject: str, account: Account) -> Asset | None:
    """The asset that a subject names, if it is one of this account."""
    prefix = subject_key(account) + "/"
    if not subject.startswith(prefix):
        return None
    chain, _, token = subject.removeprefix(prefix).partition("/")
    return Asset(chain, token)
