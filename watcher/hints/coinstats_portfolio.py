"""`coinstats-portfolio`: one paid look at the sum over all wallets, as word that something changed.

It needs nothing but the key of a CoinStats source, whose credits it spends: 300 to bring all portfolios up to
date, and 8 for a page of coins, however many wallets there are; a poll takes 40 for each (CoinStats docs:
sync-portfolio, get-portfolio-coins). The wallets have to be connected to the account once, with
`POST /v1/portfolio/wallet`, at 40 credits each (connect-portfolio-wallet).

The sum says which coin changed, and not where. Where `portfolios` says which portfolio is which wallet, those
that held the coin are looked at, at 8 credits each, and if none of them explains the change, the others.
Without it, every account may have changed: that is told as a gap, for the desk to spread. A move between
wallets of one's own leaves the sum as it is, but for the fee.

None of this was tried on the real API. `NOT_TRIED` says what nobody knows.
"""

from __future__ import annotations

import decimal
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.model import Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.normalization import address_key
from watcher.domain.values.text import clean
from watcher.hints.kind import AskingHintKind, HintContext
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, ApiAccess, Bookmark, Hint, HintGap, HintSourceError, Told, Where

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup

log = logging.getLogger(__name__)

PER_PAGE, PER_SYNC_OF_ALL = 8, 300
"""Credits (CoinStats docs)."""

NOT_TRIED = (
    "was read in the documents and not tried: whether 300 credits sync any number of portfolios, how long a"
    " sync takes, whether amounts are exact, and which plan it needs"
)

PAGE, DEFAULT_PAGE = 100, 20
"""Rows that are asked for, and that come where that is not heard."""

MOST_PAGES = 20
DIGITS = 10
"""Significant digits of an amount that count: sums of binary fractions differ in the last ones."""

LARGE_SHARE = 0.25
"""Of the credits, from which on looks are warned of."""

Coins = Mapping[str, str]
"""Coin id → amount, rounded."""


def _an_interval(value: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= value <= timedelta(days=1):
        raise InputError("must be 1m to 1d")
    return value


class PortfolioHints(AskingHintKind):
    """Settings of looks at the portfolios of a CoinStats account."""

    source_kind: ClassVar[str] = "coinstats"

    kind: Literal["coinstats-portfolio"]
    every: Annotated[Duration, AfterValidator(_an_interval)]
    sync: Literal["all", "none"] = "all"
    """Whether portfolios are brought up to date before each look. Without, a look shows what CoinStats knows
    by itself; how old that is, no document says."""
    settle: Duration = timedelta(minutes=1)
    """How long a sync is given before the look."""
    portfolios: dict[Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")], str] = Field(
        default_factory=dict
    )
    """Portfolio id → its wallet: an address, or a chain, a colon and an address."""

    @model_validator(mode="after")
    def _a_sync_ends_before_the_next(self) -> PortfolioHints:
        if not timedelta(0) <= self.settle < self.every:
            raise InputError("settle must be less than every", "leave it out", ("settle",))
        return self

    @cached_property
    def _places(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """Chain, empty for any, and key of an address → its portfolios."""
        found: dict[tuple[str, str], list[str]] = {}
        for portfolio, wallet in self.portfolios.items():
            chain, _, address = wallet.partition(":")
            for place in (("", address_key(wallet)), (canonical(chain), address_key(address))):
                found.setdefault(place, []).append(portfolio)
        return found

    def _of(self, account: Account) -> Sequence[str]:
        """The portfolios that an account is in, as far as they are named."""
        key = address_key(account.address)
        return [*self._places.get(("", key), ()), *self._places.get((canonical(account.chain), key), ())]

    def covers(self, account: Account) -> bool:
        return super().covers(account) and (not self.portfolios or bool(self._of(account)))

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:
        yield Advice(f"what it costs {NOT_TRIED}", "compare its first days with CoinStats' own count")
        if asked.credits is not None:
            yield from self._dear(asked.credits)
        known = {portfolio for account in accounts for portfolio in self._of(account)}
        for portfolio, wallet in self.portfolios.items():
            if portfolio not in known:
                yield Advice(f"no wallet of {self.source} is {clean(wallet)}", "check its address")

    def _dear(self, plan: CreditPlan) -> Iterator[Advice]:
        synced = self.sync == "all"
        looks = timedelta(days=1 if plan.period == "day" else 30) / self.every
        taken = looks * (PER_PAGE + PER_SYNC_OF_ALL * synced)
        if taken > LARGE_SHARE * plan.limit:
            often = f"a look every {format_duration(self.every)} takes {taken:,.0f} credits a {plan.period}"
            remedy = "look less often" + (", or without a sync (sync: none)" if synced else "")
            yield Advice(f"{often}, {taken / plan.limit:.0%} of the plan", remedy)

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.setup import HintDraft, about_source

        meaning = f"looks of CoinStats at all wallets, every 2h for {PER_PAGE} credits (never tried live)"
        draft = HintDraft("portfolio", {"every": "2h", "sync": "none"})
        return about_source(cls.source_kind, accounts, meaning, draft)

    def build(self, context: HintContext) -> PortfolioSource:
        if context.api is None:
            raise InputError(f"there is no access to {self.source}", "", ("source",))
        wallets: dict[str, dict[Where, None]] = {portfolio: {} for portfolio in self.portfolios}
        for account in context.accounts:
            for portfolio in self._of(account):
                wallets[portfolio][Where(canonical(account.chain), address_key(account.address))] = None
        watched = {portfolio: tuple(wheres) for portfolio, wheres in wallets.items()}
        settle = self.settle.total_seconds() if self.sync == "all" else None
        return PortfolioSource(context.name, context.api, context.clock, self.every, settle, watched)


class PortfolioSource:
    """Looks at the portfolios of an account, one every so often.

    `settle`: seconds between a sync and the look; None without a sync. `wallets`: portfolio id → its places.
    """

    def __init__(
        self,
        name: str,
        api: ApiAccess,
        clock: Clock,
        every: timedelta,
        settle: float | None,
        wallets: Mapping[str, Sequence[Where]],
    ) -> None:
        self._name, self._api, self._clock, self._every = name, api, clock, every
        self._settle, self._wallets = settle, wallets
        self._due = clock.monotonic()
        self._total: Coins | None = None
        self._held: dict[str, Coins] = {}
        self._looked: datetime | None = None
        self._vanished = self._noted = False
        self._unkept: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self._name

    def remember(self, facts: Mapping[str, str]) -> None:
        self._total = coins_kept(facts.get("total", ""))
        for portfolio in self._wallets:
            if (held := coins_kept(facts.get(_key(portfolio), ""))) is not None:
                self._held[portfolio] = held
        try:
            looked = datetime.fromisoformat(facts.get("looked", ""))
            left = looked + self._every - self._clock.now()
        except (ValueError, TypeError, OverflowError):
            return
        self._looked = looked
        self._due = self._clock.monotonic() + max(0.0, min(left, self._every).total_seconds())

    async def close(self) -> None:
        """Nothing is open between two looks."""

    async def listen(self) -> AsyncIterator[Told]:
        if not self._noted:
            log.warning("%s: what it costs %s", self._name, NOT_TRIED)
            self._noted = True
        while True:
            await self._clock.sleep(max(0.0, self._due - self._clock.monotonic()))
            # Whatever comes of a look, it is paid for: the next one is not sooner.
            self._due = self._clock.monotonic() + self._every.total_seconds()
            async for told in self._look():
                yield told

    async def _look(self) -> AsyncIterator[Told]:
        if self._settle is not None:
            await self._api.call("PATCH", "/v1/portfolio/sync", cost=PER_SYNC_OF_ALL)
            await self._clock.sleep(self._settle)
        at, total = self._clock.now(), await self._coins("")
        self._check(total)
        yield Alive()
        for portfolio in self._wallets:
            if portfolio not in self._held:
                self._keep(portfolio, await self._coins(portfolio))
        changed = differing(self._total, total) if self._total is not None else set()
        if changed and self._wallets:
            async for hint in self._which(changed, at):
                yield hint
        elif changed:
            yield HintGap(self._looked, f"the portfolio changed: {_few(changed)}")
        self._total, self._looked = total, at
        self._unkept |= {"total": _text(total), "looked": at.isoformat()}
        facts, self._unkept = self._unkept, {}
        yield Bookmark(facts)

    def _check(self, total: Coins) -> None:
        """No coin at all, where there were some, is more likely a fault there: believed the second time."""
        gone, self._vanished = self._vanished, not total and bool(self._total)
        if self._vanished and not gone:
            raise HintSourceError("CoinStats shows no coin in any portfolio; the next look tells")

    async def _which(self, changed: set[str], at: datetime) -> AsyncIterator[Hint]:
        """Look for the wallets that a change of these coins was in: first at those that held one of them."""
        holders = [each for each in self._wallets if not changed.isdisjoint(self._held[each])]
        unexplained = set(changed)
        for portfolio in (*holders, *(each for each in self._wallets if each not in holders)):
            if portfolio not in holders and not unexplained:
                return
            found = await self._coins(portfolio)
            moved = differing(self._held[portfolio], found)
            self._keep(portfolio, found)
            unexplained -= moved
            for where in self._wallets[portfolio] if moved else ():
                yield Hint(where, f"{portfolio}:{at.isoformat()}")

    def _keep(self, portfolio: str, coins: Coins) -> None:
        self._held[portfolio] = coins
        self._unkept[_key(portfolio)] = _text(coins)

    async def _coins(self, portfolio: str) -> Coins:
        """The coins of one portfolio, or of all together. A page as long as the default one may be cut."""
        found: dict[str, str] = {}
        for number in range(1, MOST_PAGES + 1):
            query = [("page", str(number)), ("limit", str(PAGE))]
            query += [("portfolioId", portfolio)] if portfolio else []
            page = coins_in(await self._api.call("GET", "/v1/portfolio/coins", query, cost=PER_PAGE))
            fresh = page.keys() - found.keys()
            found |= page
            if not fresh or len(page) < DEFAULT_PAGE:
                break
        return found


class _Coin(msgspec.Struct):
    identifier: str


class _Row(msgspec.Struct):
    coin: _Coin
    count: msgspec.Raw


class _Page(msgspec.Struct):
    result: list[msgspec.Raw]


_ROUNDING = decimal.Context(prec=DIGITS)
_ODD = (msgspec.DecodeError, UnicodeError, RecursionError)


def coins_in(data: bytes) -> dict[str, str]:
    """The coins of a page; a row that cannot be read is left out. HintSourceError if nothing can be read."""
    try:
        rows = msgspec.json.decode(data, type=_Page).result
    except _ODD:
        raise HintSourceError("the answer of CoinStats about portfolios cannot be read") from None
    found: dict[str, str] = {}
    for raw in rows:
        try:
            row = msgspec.json.decode(raw, type=_Row)
            amount = _ROUNDING.plus(decimal.Decimal(bytes(row.count).decode().strip('"')))
        except (*_ODD, ArithmeticError):
            continue
        found[row.coin.identifier[:100]] = str(amount.normalize(_ROUNDING))
    return found


def differing(before: Coins, now: Coins) -> set[str]:
    """The coins of which there is another amount than before."""
    return {coin for coin in before.keys() | now.keys() if before.get(coin, "0") != now.get(coin, "0")}


def coins_kept(text: str) -> Coins | None:
    """The coins that a fact says; None if it says none."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except _ODD:
        return None


def _text(coins: Coins) -> str:
    return msgspec.json.encode(coins).decode()


def _few(coins: set[str]) -> str:
    some = sorted(coins)[:3]
    more = f" and {len(coins) - len(some)} more" if len(coins) > len(some) else ""
    return clean(", ".join(some)) + more


def _key(portfolio: str) -> str:
    return f"of {portfolio}"
