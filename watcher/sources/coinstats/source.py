"""Source of balances and prices on about 150 chains: CoinStats, paid in credits (CoinStats docs).

One request for many accounts: `GET /v1/wallet/balance/many?wallets=chain:address,…`. It costs
40 credits for each pair, 400 for a pair with the chain `all`, summed. `wallets` is never sent
together with `blockchain`: the multipliers would multiply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from urllib.parse import quote

from yarl import URL

from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.credits.provider_count import USAGE, Metered, applied
from watcher.domain.model import SWEEPS, Account, Miss, MissReason
from watcher.domain.records import Record
from watcher.ports.source import RawAnswer, RawCall, Reply, Request
from watcher.sources.coinstats import CREDITS_PER_SWEEP
from watcher.sources.coinstats.answer import read_answer
from watcher.sources.coinstats.names import RowNames
from watcher.sources.coinstats.wire import (
    CREDITS_PER_ACCOUNT,
    CREDITS_PER_RATES,
    read_rates,
    read_usage,
)
from watcher.sources.http import Http, HttpFailure
from watcher.sources.json_repair import UnusableAnswerError, read_mended

_SWEEP_BATCH = 10
"""Accounts of a request with `all`: each brings many chains, and the slowest one holds the answer."""


_USAGE, _RATES = "usage/credits", "currencies"


class _LookUp(Record, frozen=True):
    path: str
    again: bool = False


class _Call(Record, frozen=True):
    query: str


class CoinStatsSource:
    """Source behind one CoinStats key. Owns its HTTP session and the names seen so far."""

    def __init__(
        self,
        name: str,
        base_url: str,
        http: Http,
        plan: CreditPlan,
        *,
        spacing: float,
        batch: int,
        max_url_bytes: int,
    ) -> None:
        """`batch`: accounts of one request; `plan`: what was bought, until the provider says what it has."""
        self.name = name
        self.spacing = spacing
        self.allowance = Allowance(plan)
        self._configured = plan
        self._http = http
        self._names = RowNames()
        self._reading = Lock()
        """A store may have several threads read at once, and names are learnt from each answer."""
        self._batch = batch
        below = "" if URL(base_url).path.rstrip("/").endswith("/v1") else "/v1"
        self._endpoint = f"{base_url}{below}/wallet/balance/many"
        self._room = max_url_bytes - len(self._endpoint) - len("?wallets=")
        self._root = base_url.removesuffix("/v1")
        self._versions = {_USAGE: ["/v1", ""], _RATES: ["/v1", ""]}
        """How paths begin, the likelier way first: documents and clients have them with and without /v1."""

    def remember(self, facts: Mapping[str, str]) -> None:
        """The provider's own count: what the plan really is."""
        if USAGE in facts:
            self.allowance = Allowance(applied(self._configured, Metered.load(facts[USAGE])))

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
        requests = self._batches(together, self._batch)
        for chain in sorted(sweeps):
            requests += self._batches(sweeps[chain], min(self._batch, _SWEEP_BATCH))
        return requests + [self._request([account]) for account in alone]

    def _batches(self, accounts: Sequence[Account], most: int) -> list[Request]:
        requests: list[Request] = []
        batch: list[Account] = []
        pairs: list[str] = []
        used = 0
        for account in accounts:
            pair = _pair(account)
            size = len(pair) + 1
            if batch and (len(batch) == most or used + size > self._room):
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
        return Request((), 0, _LookUp(_USAGE), lookup=True)

    def rates(self) -> Request:
        """`GET /currencies` (CoinStats docs: get-currencies)."""
        return Request((), CREDITS_PER_RATES, _LookUp(_RATES), lookup=True)

    async def ask(self, call: RawCall) -> RawAnswer:
        return await self._http.ask(self._root, call)

    async def send(self, request: Request) -> Reply:
        if isinstance(request.payload, _LookUp):
            return await self._look_up(request.payload, request.cost)
        assert isinstance(request.payload, _Call)  # noqa: S101 (made by plan)
        answer = await self._http.get(URL(f"{self._endpoint}?{request.payload.query}", encoded=True))
        if isinstance(answer, HttpFailure):
            return answer.reply(request.accounts)
        accounts, data, cost = request.accounts, answer.data, request.cost
        return Reply(charged=cost, unread=lambda: self._read(data, accounts, cost))

    async def _look_up(self, asked: _LookUp, cost: int) -> Reply:
        versions = self._versions[asked.path]
        answer = await self._http.get(URL(f"{self._root}{versions[0]}/{asked.path}"))
        if isinstance(answer, HttpFailure):
            failure, charged = f"{answer.reason}: {answer.text}", answer.charged if cost else 0
            if answer.status == 404 and not asked.again:
                versions.reverse()
                again = Request((), cost, _LookUp(asked.path, again=True), lookup=True)
                return Reply(more=(again,), charged=charged, failure=failure)
            return Reply(charged=charged, failure=failure, pause=answer.pause)
        try:
            if asked.path == _USAGE:
                return Reply(charged=0, usage=read_usage(answer.data))
            return Reply(charged=cost, rates=read_rates(answer.data))
        except UnusableAnswerError as error:
            return Reply(charged=cost, failure=f"{MissReason.MALFORMED}: {error}")

    def _read(self, data: bytes, accounts: Sequence[Account], cost: int) -> Reply:
        try:
            with self._reading:
                found = read_mended(data, lambda body: read_answer(body, accounts, self._names))
        except UnusableAnswerError as error:
            text = str(error)
            misses = tuple(Miss(account, MissReason.MALFORMED, text) for account in accounts)
            return Reply(misses, charged=cost, failure=f"{MissReason.MALFORMED}: {text}")
        return Reply(tuple(found), charged=cost)


def _pair(account: Account) -> str:
    chain, address = account.chain, account.address
    if chain.isalnum() and address.isalnum() and chain.isascii() and address.isascii():
        return f"{chain}:{address}"  # nearly always, and quoting would be most of what planning costs
    return f"{quote(chain, safe='')}:{quote(address, safe='')}"
