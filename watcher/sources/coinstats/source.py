"""CoinStats: balances and prices of wallets on about 150 chains, paid in credits (CoinStats docs).

One request for many accounts: `GET /v1/wallet/balance/many?wallets=chain:address,…`. It costs
40 credits for each pair, 400 for a pair with the chain `all`, summed. `wallets` is never sent
together with `blockchain`: the multipliers would multiply.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field
from yarl import URL

from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.credits.provider_count import USAGE, applied, load
from watcher.domain.model import SWEEPS, Account, Miss, MissReason, Outcome
from watcher.domain.values.addresses import doubt
from watcher.domain.values.chains import canonical
from watcher.domain.values.decimals import count_in
from watcher.domain.values.errors import PartError
from watcher.ports.source import Reply, Request
from watcher.sources.coinstats.answer import read_answer
from watcher.sources.coinstats.names import RowNames
from watcher.sources.coinstats.wire import AT_ONCE, read_usage
from watcher.sources.http import Http, HttpFailure, Limits
from watcher.sources.json_repair import UnusableAnswerError, read_mended
from watcher.sources.kind import Discovery, WatchedWallet
from watcher.sources.settings import (
    ApiSettings,
    BaseUrl,
    Duration,
    SettingsModel,
    check_address,
    fold_evm,
)

CREDITS_PER_ACCOUNT = 40
CREDITS_PER_SWEEP = 400
"""For `all`: ten times 40. For `forceall` no document names a price; it is not less."""

_SWEEP_BATCH = 10
"""Accounts of a request with `all`: each brings many chains, and the slowest one holds the answer."""

_CHAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def _percent(value: Any) -> Any:
    found = re.fullmatch(r"([0-9]{1,2}(?:\.[0-9]{1,4})?)\s*%", value) if isinstance(value, str) else None
    if found:
        return Decimal(found[1]) / 100
    if isinstance(value, Decimal) and 0 <= value < 1:
        return value
    raise ValueError("must be a percentage below 100%, in quotes or not: 10%")


def _count(value: Any) -> Any:
    return count_in(value) if isinstance(value, str) else value


class Credits(SettingsModel):
    """The plan that was bought."""

    limit: Annotated[int, BeforeValidator(_count)] = Field(default=20_000, gt=0, strict=True)
    period: Literal["month", "day"] = "month"
    resets_on: int = Field(default=1, ge=1, le=31, strict=True)
    reserve: Annotated[Decimal, BeforeValidator(_percent)] = Decimal("0.1")


class CoinStatsSettings(ApiSettings):
    """A CoinStats access as configured."""

    sells_credits: ClassVar = True

    kind: Literal["coinstats"]
    base_url: BaseUrl = "https://openapiv1.coinstats.app"
    credits: Credits = Credits()
    requests_per_second: float = Field(default=0.5, gt=0, le=1000)
    batch: int = Field(default=50, ge=1, le=1000)
    timeout: Duration = timedelta(seconds=120)

    def accounts(self, name: str, wallet: WatchedWallet) -> list[Account]:
        """The accounts of a wallet on the source `name`; ValueError says what is wrong with the wallet."""
        address = fold_evm(check_address(wallet, wallet.chains if not _fault(wallet.chains) else ()))
        if wallet.assets:
            words = f"wallet {wallet.name}: 'assets' is for TEOS; CoinStats reports every asset"
            raise PartError(words, "assets")
        if not wallet.chains:
            raise PartError(
                f"wallet {wallet.name} needs 'chains': CoinStats ids such as ethereum or base-wallet, or all"
            )
        if fault := _fault(wallet.chains):
            number, words = fault
            raise PartError(f"wallet {wallet.name}: {words}", "chains", number)
        return [Account(name, chain, address) for chain in wallet.chains]

    def address_warning(self, wallet: WatchedWallet) -> str:
        address = wallet.address.strip()
        found = next((said for chain in wallet.chains if (said := doubt(address, chain))), "")
        return f"'{address[:80]}' {found}" if found else ""

    def discovery(self, name: str, wallet: WatchedWallet) -> Discovery:
        if SWEEPS.intersection(wallet.chains):
            raise ValueError(f"'chains: {wallet.chains[0]}' brings every chain anyway; leave discover out")
        address = fold_evm(wallet.address.strip())
        return Discovery(Account(name, "all", address), _canonical(wallet.chains), CREDITS_PER_SWEEP)

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> CoinStatsSource:  # noqa: ARG002
        """The source. It needs no wallets beforehand: what to ask is in each account."""
        return CoinStatsSource(name, self)


@lru_cache(maxsize=256)
def _fault(chains: tuple[str, ...]) -> tuple[int, str] | None:
    """Which of a wallet's chains is wrong, and why; None if they are sound. Many wallets have the same."""
    named: dict[str, str] = {}
    for number, chain in enumerate(chains):
        if not _CHAIN.fullmatch(chain):
            return number, f"{chain[:80]!r} is not a chain id (lower case, no spaces)"
        if canonical(chain) in named:
            return number, f"{named[canonical(chain)]} and {chain} are the same chain"
        named[canonical(chain)] = chain
        if chain in SWEEPS and len(chains) > 1:
            return number, "all and forceall stand alone, they bring every other chain with them"
    return None


@lru_cache(maxsize=256)
def _canonical(chains: tuple[str, ...]) -> frozenset[str]:
    """One set for all wallets on the same chains."""
    return frozenset(map(canonical, chains))


@dataclass(frozen=True, slots=True)
class _Usage:
    again: bool = False


@dataclass(frozen=True, slots=True)
class _Call:
    query: str


class CoinStatsSource:
    """The source behind one CoinStats key. Owns its HTTP session and the names seen so far."""

    def __init__(self, name: str, settings: CoinStatsSettings) -> None:
        key = settings.api_key.get_secret_value()
        self._name = name
        self._settings = settings
        below = "" if URL(settings.base_url).path.rstrip("/").endswith("/v1") else "/v1"
        self._endpoint = f"{settings.base_url}{below}/wallet/balance/many"
        self._names = RowNames()
        limits = Limits(settings.timeout, settings.connect_timeout, settings.concurrency, sells_credits=True)
        self._http = Http({"X-API-KEY": key}, key, limits, settings.proxy)
        plan = settings.credits
        self._configured = CreditPlan(plan.limit, plan.period, plan.resets_on, plan.reserve)
        self._allowance = Allowance(self._configured)
        root = settings.base_url.removesuffix("/v1")
        self._usage_urls = [f"{root}/v1/usage/credits", f"{root}/usage/credits"]

    @property
    def name(self) -> str:
        return self._name

    @property
    def allowance(self) -> Allowance:
        return self._allowance

    @property
    def spacing(self) -> float:
        return 1 / self._settings.requests_per_second

    def remember(self, facts: Mapping[str, str]) -> None:
        """The provider's own count: what the plan really is."""
        if USAGE in facts:
            self._allowance = Allowance(applied(self._configured, load(facts[USAGE])))

    async def close(self) -> None:
        await self._http.close()

    def cost(self, account: Account) -> int:
        return CREDITS_PER_SWEEP if account.chain in SWEEPS else CREDITS_PER_ACCOUNT

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:  # noqa: ARG002
        """Many accounts a request. Apart go sweeps, and addresses with a colon."""
        together: list[Account] = []
        sweeps: dict[str, list[Account]] = {}
        alone: list[Account] = []
        for account in dict.fromkeys(accounts):
            if ":" in account.address:
                alone.append(account)
            elif account.chain in SWEEPS:
                # An answer does not say which of its groups a sweep brought: no other pairs beside it.
                sweeps.setdefault(account.chain, []).append(account)
            else:
                together.append(account)
        batch = self._settings.batch
        requests = self._batches(together, batch)
        for chain in sorted(sweeps):
            requests += self._batches(sweeps[chain], min(batch, _SWEEP_BATCH))
        return requests + [self._request([account]) for account in alone]

    def _batches(self, accounts: Sequence[Account], most: int) -> list[Request]:
        room = self._settings.max_url_bytes - len(self._endpoint) - len("?wallets=")
        requests: list[Request] = []
        batch: list[Account] = []
        pairs: list[str] = []
        used = 0
        for account in accounts:
            pair = _pair(account)
            size = len(pair) + 1
            if batch and (len(batch) == most or used + size > room):
                requests.append(self._request(batch, pairs))
                batch, pairs, used = [], [], 0
            batch.append(account)
            pairs.append(pair)
            used += size
        return [*requests, self._request(batch, pairs)] if batch else requests

    def _request(self, accounts: Sequence[Account], pairs: Sequence[str] = ()) -> Request:
        first = accounts[0]
        if ":" in first.address:
            # `chain:address` could not be taken apart again.
            query = f"address={quote(first.address, safe='')}&blockchain={quote(first.chain, safe='')}"
        else:
            query = "wallets=" + ",".join(pairs or map(_pair, accounts))
        return Request(tuple(accounts), sum(map(self.cost, accounts)), _Call(query))

    def usage(self) -> Request:
        """`GET /usage/credits` (CoinStats docs); it was seen to cost nothing."""
        return Request((), 0, _Usage(), lookup=True)

    async def send(self, request: Request) -> Reply:
        if isinstance(request.payload, _Usage):
            return await self._read_usage(request.payload)
        assert isinstance(request.payload, _Call)  # noqa: S101 (made by plan)
        answer = await self._http.get(URL(f"{self._endpoint}?{request.payload.query}", encoded=True))
        if isinstance(answer, HttpFailure):
            return answer.reply(request.accounts)
        try:
            outcomes = await read_mended(answer.data, lambda data: self._read(data, request.accounts))
        except UnusableAnswerError as error:
            text = str(error)
            misses = tuple(Miss(account, MissReason.MALFORMED, text) for account in request.accounts)
            return Reply(misses, charged=request.cost, failure=f"{MissReason.MALFORMED}: {text}")
        return Reply(tuple(outcomes), charged=request.cost)

    async def _read_usage(self, asked: _Usage) -> Reply:
        answer = await self._http.get(URL(self._usage_urls[0]))
        if isinstance(answer, HttpFailure):
            failure = f"{answer.reason}: {answer.text}"
            if answer.status == 404 and not asked.again:
                # Documents and clients have it with and without /v1.
                self._usage_urls.reverse()
                again = Request((), 0, _Usage(again=True), lookup=True)
                return Reply(more=(again,), charged=0, failure=failure)
            return Reply(charged=0, failure=failure, pause=answer.pause)
        try:
            return Reply(charged=0, usage=read_usage(answer.data))
        except UnusableAnswerError as error:
            return Reply(charged=0, failure=f"{MissReason.MALFORMED}: {error}")

    async def _read(self, data: bytes, accounts: Sequence[Account]) -> list[Outcome]:
        if len(data) <= AT_ONCE:
            return read_answer(data, accounts, self._names)
        return await asyncio.to_thread(read_answer, data, accounts, self._names)


def _pair(account: Account) -> str:
    chain, address = account.chain, account.address
    if chain.isalnum() and address.isalnum() and chain.isascii() and address.isascii():
        return f"{chain}:{address}"  # nearly always, and quoting would be most of what planning costs
    return f"{quote(chain, safe='')}:{quote(address, safe='')}"
