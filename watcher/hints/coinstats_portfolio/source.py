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
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from watcher.domain.values.text import clean
from watcher.ports.clock import Clock
from watcher.ports.hints import (
    Alive,
    ApiAccess,
    Bookmark,
    Hint,
    HintCallRejectedError,
    HintGap,
    HintSourceError,
    Told,
    Where,
)

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

Coins = Mapping[str, str]
"""Coin id → amount, rounded."""


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
        self._fine = False
        """The last look, of this run or the one before, came to its end, and the next one is not due."""
        self._version: str | None = None
        """How paths begin; None: not known yet. Documents have them with and without /v1."""
        self._unknown: set[str] = set()
        self._unkept: dict[str, str] = {}

    @property
    def name(self) -> str:
        return self._name

    def remember(self, facts: Mapping[str, str]) -> None:
        self._total, self._version = coins_kept(facts.get("total", "")), facts.get("version")
        for portfolio in self._wallets:
            if (held := coins_kept(facts.get(_key(portfolio), ""))) is not None:
                self._held[portfolio] = held
        try:
            looked = datetime.fromisoformat(facts.get("looked", ""))
            left = looked + self._every - self._clock.now()
        except (ValueError, TypeError, OverflowError):
            return
        self._looked, self._fine = looked, left > timedelta(0)
        self._due = self._clock.monotonic() + max(0.0, min(left, self._every).total_seconds())

    async def close(self) -> None:
        """Nothing is open between two looks."""

    async def listen(self) -> AsyncIterator[Told]:
        if not self._noted:
            log.warning("%s: what it costs %s", self._name, NOT_TRIED)
            self._noted = True
        if self._fine:
            yield Alive()
        while True:
            await self._clock.sleep(max(0.0, self._due - self._clock.monotonic()))
            # Whatever comes of a look, it is paid for: the next one is not sooner.
            self._due, self._fine = self._clock.monotonic() + self._every.total_seconds(), False
            async for told in self._look():
                yield told

    async def _look(self) -> AsyncIterator[Told]:
        if self._settle is not None:
            await self._call("PATCH", "/portfolio/sync", cost=PER_SYNC_OF_ALL)
            await self._clock.sleep(self._settle)
        at, total = self._clock.now(), await self._coins("")
        self._check(total)
        yield Alive()
        for portfolio in self._wallets:
            if portfolio not in self._held:
                self._keep(portfolio, await self._coins_of(portfolio) or {})
        changed = differing(self._total, total) if self._total is not None else set()
        if changed and self._wallets:
            async for hint in self._which(changed, at):
                yield hint
        elif changed:
            yield HintGap(self._looked, f"the portfolio changed: {_few(changed)}")
        self._total, self._looked, self._fine = total, at, True
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
            found = await self._coins_of(portfolio)
            if found is None:
                continue
            moved = differing(self._held[portfolio], found)
            self._keep(portfolio, found)
            unexplained -= moved
            for where in self._wallets[portfolio] if moved else ():
                yield Hint(where, f"{portfolio}:{at.isoformat()}")

    def _keep(self, portfolio: str, coins: Coins) -> None:
        self._held[portfolio] = coins
        self._unkept[_key(portfolio)] = _text(coins)

    async def _coins_of(self, portfolio: str) -> Coins | None:
        """The coins of a portfolio that the configuration names; None if CoinStats knows none of that id."""
        try:
            return await self._coins(portfolio)
        except HintCallRejectedError as error:
            if portfolio not in self._unknown:
                log.warning("%s: portfolio %s cannot be looked at: %s", self._name, portfolio, error.why)
            self._unknown.add(portfolio)
            return None

    async def _call(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), *, cost: int
    ) -> bytes:
        version = "/v1" if self._version is None else self._version
        try:
            answer = await self._api.call(method, version + path, query, cost=cost)
        except HintCallRejectedError:
            if self._version is not None:
                raise
            version = ""
            answer = await self._api.call(method, path, query, cost=cost)
        if self._version is None:
            self._version = self._unkept["version"] = version
        return answer

    async def _coins(self, portfolio: str) -> Coins:
        """The coins of one portfolio, or of all together. A page as long as the default one may be cut."""
        found: dict[str, str] = {}
        for number in range(1, MOST_PAGES + 1):
            query = [("page", str(number)), ("limit", str(PAGE))]
            query += [("portfolioId", portfolio)] if portfolio else []
            page = coins_in(await self._call("GET", "/portfolio/coins", query, cost=PER_PAGE))
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
