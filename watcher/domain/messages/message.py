"""Message to people, before any channel's markup."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

from watcher.domain.model import Account, Asset, Change
from watcher.domain.records import Record
from watcher.domain.values.decimals import ZERO, minus, times
from watcher.domain.values.formatting import amount, counted, moment, money, percent, signed


class Severity(enum.StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place among the others, the gravest first."""
        return _GRAVEST_FIRST.index(self)


_GRAVEST_FIRST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)


class Kind(enum.StrEnum):
    """Why people are told."""

    FIRING = "firing"
    RESOLVED = "resolved"
    WITHDRAWN = "withdrawn"
    """It ended otherwise than by its condition: the rule was edited, the wallet is watched no more."""
    REPEAT = "repeat"
    ESCALATION = "escalated"
    """Nobody acknowledged it in time: others are told."""
    EVENT = "event"
    NOTICE = "notice"
    REPORT = "report"
    """A period is over, and this is its account; files go with it that are made when it is sent."""
    TEST = "test"

    @property
    def present(self) -> bool:
        """Whether it says that an alert fires now."""
        return self in (Kind.FIRING, Kind.REPEAT, Kind.ESCALATION)

    @property
    def final(self) -> bool:
        """Whether nothing follows it: whoever heard of the beginning hears this."""
        return self in (Kind.RESOLVED, Kind.WITHDRAWN)


class Particulars(Record, frozen=True):
    """Particulars of what a message is about, for who computes with them or writes them otherwise.

    Amounts in natural units and prices in US dollars, every digit; times in UTC. What is not known, or has
    no meaning for this message, is empty or None. Names come from an API and are not trusted.
    """

    source: str = ""
    chain: str = ""
    address: str = ""
    asset: str = ""
    """Contract, coin id or UniqueAssetId."""
    symbol: str = ""
    tags: tuple[str, ...] = ()
    before: Decimal | None = None
    """Amount before a change; None for what is no change."""
    after: Decimal | None = None
    """Amount after a change, or held now."""
    price_before: Decimal | None = None
    price_after: Decimal | None = None
    """Price after a change, or now."""
    sum_usd: Decimal | None = None
    """What several assets are worth together, for a message about a sum of them."""
    since: datetime | None = None
    """When an alert began; of a change, the reading before."""
    until: datetime | None = None
    """Of a change, the reading that showed it."""
    because: str = ""
    gravity: Decimal | None = None
    """How bad it is beside others of the same rule: the largest is the worst."""

    @property
    def value_before(self) -> Decimal | None:
        """US dollars before a change; None if that is not known, or there was none."""
        return _product(self.before, self.price_before)

    @property
    def value_after(self) -> Decimal | None:
        """US dollars after a change, or now; None if that is not known."""
        if self.sum_usd is None and self.after == 0 and self.price_before is not None:
            return Decimal(0)  # of what is gone no price is told any more
        return self.sum_usd if self.sum_usd is not None else _product(self.after, self.price_after)


def _product(held: Decimal | None, price: Decimal | None) -> Decimal | None:
    return times(held, price) if held is not None and price is not None else None


NOTHING = Particulars()


class Message(Record, frozen=True):
    """One transition in words. Plain text everywhere: names from an API are not trusted.

    `title` is one line. `facts` are label and value, in order. `id` is the alert's id, the
    same from firing to resolved.
    """

    id: str
    kind: Kind
    severity: Severity
    rule: str
    subject: str
    wallet: str
    title: str
    facts: tuple[tuple[str, str], ...]
    at: datetime
    particulars: Particulars = NOTHING


SHORT_ID = 8
"""Digits of an id that people are shown; commands take any part that only one begins with."""

TITLE_AMOUNT = 12
"""Characters of an amount in a title, which has little room; the body has all digits that matter."""


class OfAccount(Record, frozen=True):
    """What every message about an account says first."""

    wallet: str
    account: Account
    tags: tuple[str, ...] = ()
    asset: Asset | None = None
    symbol: str = ""

    @property
    def chain(self) -> str:
        return self.asset.chain if self.asset is not None else self.account.chain

    @property
    def label(self) -> str:
        """`treasury-hot: ETH on ethereum`, for people."""
        name = self.symbol or (self.asset.token if self.asset is not None else "")
        return f"{self.wallet}: {name} on {self.chain}" if name else f"{self.wallet} on {self.chain}"

    def facts(self) -> list[tuple[str, str]]:
        facts = [("Wallet", self.wallet), ("Chain", self.chain), ("Address", self.account.address)]
        if self.asset is not None:
            name = self.symbol or "no symbol"
            same = self.asset.token.lower() == name.lower()
            facts.append(("Asset", name if same else f"{name} ({self.asset.token})"))
        return facts

    def particulars(self) -> Particulars:
        token, held = self.asset.token if self.asset is not None else "", self.account
        return Particulars(held.source, self.chain, held.address, token, self.symbol, self.tags)

    def values(self) -> dict[str, str]:
        """The variables of templates that are known for every message."""
        return {
            "wallet": self.wallet,
            "chain": self.chain,
            "address": self.account.address,
            "source": self.account.source,
            "symbol": self.symbol,
            "asset": self.asset.token if self.asset is not None else "",
            "tags": ", ".join(self.tags),
        }


class OfAggregate(Record, frozen=True):
    """What every message about a sum over accounts says first."""

    label: str
    wallet: str
    """The one wallet that is summed; empty if there are several."""
    key: str
    accounts: int

    def facts(self) -> list[tuple[str, str]]:
        kind, _, name = self.key.partition(":")
        first = (kind.capitalize(), name) if kind in ("wallet", "tag") else ("Selection", self.label)
        return [first, ("Sum of", counted(self.accounts, "account"))]

    def particulars(self) -> Particulars:
        return Particulars(tags=(self.key.partition(":")[2],) if self.key.startswith("tag:") else ())

    def values(self) -> dict[str, str]:
        """The variables of templates that are known for every message."""
        tag = self.key.partition(":")[2] if self.key.startswith("tag:") else ""
        return {"wallet": self.wallet or self.label, "tags": tag}


class OfSource(Record, frozen=True):
    """What every message about a source says first."""

    source: str
    wallet: str = ""

    def facts(self) -> list[tuple[str, str]]:
        return [("Source", self.source)]

    def particulars(self) -> Particulars:
        return Particulars(source=self.source)

    def values(self) -> dict[str, str]:
        """The variables of templates that are known for every message."""
        return {"source": self.source}


class OfSubject(Record, frozen=True):
    """What is told of a subject of which nothing but its name is known any more."""

    wallet: str
    label: str

    def facts(self) -> list[tuple[str, str]]:
        return [("Subject", self.label)]

    def particulars(self) -> Particulars:
        return NOTHING

    def values(self) -> dict[str, str]:
        return {"wallet": self.wallet}


Place = OfAccount | OfAggregate | OfSource | OfSubject
"""What a message is about."""


def quantities(change: Change) -> Particulars:
    """What a change says in numbers; its gravity is the dollars that moved. A price that is only claimed is
    none."""
    before = change.before or ZERO
    moved = minus(change.after, before).copy_abs()
    was, now = (None, None) if change.claimed else (change.price_before, change.price_after)
    return Particulars(
        before=before,
        after=change.after,
        price_before=was,
        price_after=now,
        since=change.before_at,
        until=change.after_at,
        gravity=times(moved, now) if now is not None else None,
    )


def change_facts(change: Change) -> list[tuple[str, str]]:
    """Before and after, what moved, what it is worth and why the worth differs, and when."""
    before = change.before or ZERO
    moved = minus(change.after, before)
    share = f" ({signed(percent(moved, before), moved)})" if before else ""
    facts = [
        ("Before", f"{amount(before)} {change.symbol}".rstrip()),
        ("After", f"{amount(change.after)} {change.symbol}".rstrip()),
        ("Moved", f"{signed(amount(moved), moved)} {change.symbol}".rstrip() + share),
    ]
    return [*facts, *_worth(change, before), ("When", between(change.before_at, change.after_at))]


def attribution(
    before: Decimal, after: Decimal, price_before: Decimal, price_after: Decimal
) -> tuple[Decimal, Decimal]:
    """What of a change in value came from the amount and what from the price; exactly all of it."""
    by_amount = times(minus(after, before), price_after)
    by_price = times(before, minus(price_after, price_before))
    return by_amount, by_price


def _worth(change: Change, before: Decimal) -> list[tuple[str, str]]:
    """Δvalue = Δamount × price + amount before × Δprice; nothing where a price is not known."""
    if change.price_after is None:
        return [("Value", "unknown: the asset has no price")]
    now = times(change.after, change.price_after)
    if change.claimed:
        return [("Value", f"{money(now)} is only claimed: anybody can send it, and it counts in no value")]
    if change.price_before is None:
        return [("Value", f"{money(now)}; before unknown (no price then)")]
    by_amount, by_price = attribution(before, change.after, change.price_before, change.price_after)
    was = times(before, change.price_before)
    delta = minus(now, was)
    text = f"{money(was)} → {money(now)}: {signed(money(delta), delta)}"
    if not by_price:
        return [("Value", text)]
    parts = f"amount {signed(money(by_amount), by_amount)}, price {signed(money(by_price), by_price)}"
    return [("Value", f"{text} ({parts})")]


def between(start: datetime | None, end: datetime) -> str:
    """When something happened, as far as two readings can tell."""
    return f"between {moment(start)} and {moment(end)}" if start else f"before {moment(end)}"


def change_title(change: Change, where: OfAccount) -> str:
    """How much, its worth, and whose: the first words of it are all that a telephone shows."""
    before = change.before or ZERO
    moved = minus(change.after, before)
    worth = times(moved.copy_abs(), change.price_after) if change.price_after is not None else None
    beside = [money(worth)] if worth is not None and not change.claimed else []
    beside += [signed(percent(moved, before), moved)] if before else []
    much = amount(moved) if len(amount(moved)) <= TITLE_AMOUNT else amount(moved, 2)
    what = f"{signed(much, moved)} {change.symbol or 'of an asset without a symbol'}"
    shown = f" ({', '.join(beside)})" if beside else ""
    return f"{what}{shown} {'left' if moved < 0 else 'reached'} {where.wallet}"
