"""CoreLedger TEOS: tokenised assets counted in sparks, limited per minute and per day (TEOS docs).

One request for many pairs: `GET /odata/v1.0/Balances/GetAssetsBalances(Addresses=[…],UniqueAssetIds=[…])`.
Nobody documents whether a pair that holds nothing is left out of the answer, so a missing pair is asked
for once more, alone.

What a poll still has to ask is a list of steps in the request itself. Each answer either settles accounts or
leads to another request with what is left, so that an account's outcome comes exactly once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field
from yarl import URL

from watcher.domain.credits import Allowance, Window
from watcher.domain.model import TEOS_CHAIN, Account, MissReason, Outcome
from watcher.ports import Reply, Request
from watcher.sources._common import (
    ApiKey,
    ApiSettings,
    BaseUrl,
    Concurrency,
    Duration,
    Fairness,
    UrlBytes,
    WatchedWallet,
    check_address,
)
from watcher.sources._http import Failure, Http, Limits
from watcher.sources._teos_answer import (
    AT_ONCE,
    Page,
    Pair,
    UnusableAnswerError,
    address_key,
    asset_number,
    read_assets,
    read_balances,
)
from watcher.sources._teos_assets import Assets
from watcher.sources._teos_poll import Bulk, NextPage, Poll, Single, Step, halves, merge
from watcher.sources._teos_settings import CallLimits, Units
from watcher.sources._teos_urls import Urls

_Read = TypeVar("_Read")

_MOST_PAIRS = 50
"""Addresses × assets of a request: TEOS pages its collections at 50 rows."""

_MOST_PAGES = 40
_MOST_REFUSALS = 20
_AFTER_REFUSAL = timedelta(hours=1)
_AFTER_SILENCE = timedelta(minutes=10)
_SILENT = (MissReason.OMITTED, "TEOS does not report it, not even when it is asked for alone")
_SPLITTABLE = frozenset({400, 404, 414})


def _version(value: Any) -> Any:
    if isinstance(value, float | int):
        raise ValueError('must be written in quotes, as in "1.0"')  # noqa: TRY004
    return value


class TeosSettings(ApiSettings):
    """A TEOS access as configured."""

    kind: Literal["teos"]
    api_key: ApiKey
    base_url: BaseUrl = "https://teosapi.coreledger.net"
    api_version: Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$"), BeforeValidator(_version)] = "1.0"
    limits: CallLimits = CallLimits()
    units: Units = Field(default_factory=dict)
    fairness: Fairness = 1.0
    concurrency: Concurrency = 1
    max_url_bytes: UrlBytes = 6000
    timeout: Duration = timedelta(seconds=30)
    connect_timeout: Duration = timedelta(seconds=10)

    def accounts(self, name: str, wallet: WatchedWallet) -> list[Account]:
        """The one account of a wallet on the source `name`; ValueError says what is wrong with the wallet."""
        address = check_address(wallet)
        if wallet.chains:
            raise ValueError(f"wallet {wallet.name}: `chains` is for CoinStats; TEOS needs `assets`")
        if not wallet.assets:
            raise ValueError(f"wallet {wallet.name} needs `assets`: the UniqueAssetIds to watch, as 0x…")
        for asset in wallet.assets:
            try:
                asset_number(asset)
            except ValueError as error:
                raise ValueError(f"wallet {wallet.name}: {error}") from None
        return [Account(name, TEOS_CHAIN, _normal(address))]

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> Teos:
        """The source. Of the wallets it takes which assets each address is watched for."""
        return Teos(name, self, wallets)


def _normal(address: str) -> str:
    """Lower case with `0x` for an EVM address, however it is written; every other format as it is."""
    key = address_key(address)
    is_evm = len(key) == 40 and not key.strip("0123456789abcdef")
    return f"0x{key}" if is_evm else address


@dataclass(frozen=True, slots=True)
class _Lookup:
    ids: tuple[int, ...]
    now: datetime
    alone: bool = False

    def request(self) -> Request:
        return Request((), 0, self, lookup=True)

    def each_alone(self) -> tuple[Request, ...]:
        """The same question by key, one asset a request; none if it was asked that way already."""
        if self.alone:
            return ()
        return tuple(_Lookup((number,), self.now, alone=True).request() for number in self.ids)


class Teos:
    """The source behind one TEOS key. Owns its HTTP session and what it learnt of assets and pairs."""

    def __init__(self, name: str, settings: TeosSettings, wallets: Iterable[WatchedWallet]) -> None:
        key = settings.api_key.get_secret_value()
        self._name = name
        self._settings = settings
        self._assets = Assets({asset_number(text): unit.stated() for text, unit in settings.units.items()})
        spelled: dict[int, str] = {}
        self._watched: dict[str, set[int]] = {}
        for wallet in wallets:
            numbers = self._watched.setdefault(address_key(wallet.address), set())
            for text in wallet.assets:
                spelled.setdefault(asset_number(text), text.strip())
                numbers.add(asset_number(text))
        self._urls = Urls(f"{settings.base_url}/odata/v{settings.api_version}", spelled)
        self._zeros: set[Pair] = set()
        self._silent: dict[Pair, datetime] = {}
        self._refused: dict[Pair, datetime] = {}
        self._refusals = 0
        limits = Limits(
            settings.timeout,
            settings.connect_timeout,
            settings.concurrency,
            max_body=2 * 1024 * 1024,
            # Calls made while TEOS blocks lengthen the block (TEOS docs).
            throttle_pause=timedelta(minutes=1),
        )
        self._http = Http({"Authorization": f"Bearer {key}"}, key, limits, settings.proxy)
        calls = settings.limits
        self._allowance = Allowance(None, (Window(calls.per_minute, 60), Window(calls.per_day, 86_400)))

    @property
    def name(self) -> str:
        return self._name

    @property
    def allowance(self) -> Allowance:
        return self._allowance

    @property
    def spacing(self) -> float:
        return 60 / self._settings.limits.per_minute

    async def close(self) -> None:
        await self._http.close()

    def cost(self, account: Account) -> int:  # noqa: ARG002
        """TEOS takes no credits; each request is one call."""
        return 0

    def usage(self) -> None:
        """TEOS sells no credits."""

    def remember(self, facts: Mapping[str, str]) -> None:
        self._assets.remember(facts)

    # Planning

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        """Look-ups of spark factors first, then accounts with the same assets together."""
        together: dict[tuple[int, ...], list[Account]] = {}
        for account in dict.fromkeys(accounts):
            ids = self._to_ask(account, now)
            if ids:
                together.setdefault(ids, []).append(account)
        numbers = (number for ids in together for number in ids)
        requests = [lookup.request() for lookup in self._lookups(numbers, now)]
        for ids, group in together.items():
            requests += (poll.request() for poll in self._polls(group, ids, now))
        return requests

    def _to_ask(self, account: Account, now: datetime) -> tuple[int, ...]:
        """The account's assets, without those that TEOS refused lately, if others are left."""
        key = address_key(account.address)
        watched = sorted(self._watched.get(key, ()))
        fine = [
            number
            for number in watched
            if not self._lately(self._refused.get((key, number)), now, _AFTER_REFUSAL)
        ]
        return tuple(fine or watched)

    @staticmethod
    def _lately(then: datetime | None, now: datetime, age: timedelta) -> bool:
        return then is not None and now - then < age

    def _polls(self, accounts: Sequence[Account], ids: tuple[int, ...], now: datetime) -> Iterator[Poll]:
        room = self._settings.max_url_bytes - len(str(self._urls.many((), ())))
        sizes = [self._urls.size(number) for number in ids]
        longest = max(self._urls.address_size(account.address) for account in accounts)
        if len(ids) > _MOST_PAIRS or sum(sizes) + longest > room:
            most = max(1, min(_MOST_PAIRS, (room - longest) // max(sizes)))
            steps = tuple(Bulk(ids[i : i + most]) for i in range(0, len(ids), most))
            yield from (Poll((account,), steps, now) for account in accounts)
            return
        most = max(1, min(_MOST_PAIRS // len(ids), (room - sum(sizes)) // longest))
        for i in range(0, len(accounts), most):
            yield Poll(tuple(accounts[i : i + most]), (Bulk(ids),), now)

    def _lookups(self, numbers: Iterable[int], now: datetime) -> Iterator[_Lookup]:
        due = self._assets.due(numbers, now)
        size = max(map(self._urls.size, due), default=1)
        most = max(
            1, min(_MOST_PAIRS, (self._settings.max_url_bytes - len(str(self._urls.assets(())))) // size)
        )
        for i in range(0, len(due), most):
            yield _Lookup(tuple(due[i : i + most]), now)

    # Sending

    def _url(self, poll: Poll, step: Step) -> URL:
        match step:
            case NextPage(url=url):
                return url
            case Bulk(ids=ids):
                return self._urls.many([account.address for account in poll.accounts], ids)
            case Single(ids=(number,)):
                return self._urls.single(poll.accounts[0].address, number)

    async def send(self, request: Request) -> Reply:
        if isinstance(request.payload, _Lookup):
            return await self._look_up(request.payload)
        poll = request.payload
        assert isinstance(poll, Poll)  # noqa: S101 (made by plan)
        step = poll.steps[0]
        answer = await self._http.get(self._url(poll, step))
        if isinstance(answer, Failure):
            return self._failed(poll, step, answer)
        only = (address_key(poll.accounts[0].address), step.ids[0]) if isinstance(step, Single) else None
        try:
            page = await _read(answer.data, lambda data: read_balances(data, only))
        except UnusableAnswerError as error:
            return self._failed(poll, step, Failure(MissReason.MALFORMED, str(error), 200))
        self._refusals = 0
        poll = replace(merge(poll, step, page), steps=poll.steps[1:])
        if only is not None:
            return self._go_on(self._confirmed(poll, only))
        return self._page_read(poll, step, page)

    def _confirmed(self, poll: Poll, pair: Pair) -> Poll:
        """A pair that was left out has been asked for alone."""
        if poll.sparks.get(pair) == 0:
            self._zeros.add(pair)
        elif pair not in poll.sparks and pair not in poll.unclear:
            self._silent[pair] = poll.now
            return replace(poll, failed={**poll.failed, pair: _SILENT})
        return poll

    def _page_read(self, poll: Poll, step: Step, page: Page) -> Reply:
        self._zeros.difference_update(pair for pair, sparks in poll.sparks.items() if sparks)
        missing = poll.missing(step.ids)
        if missing and page.next_link:
            link = self._urls.next_page(page.next_link)
            number = step.number + 1 if isinstance(step, NextPage) else 2
            if link is None or number > _MOST_PAGES:
                why = "the next page lies at another address" if link is None else "there are too many pages"
                return self._go_on(poll.fail([step], MissReason.MALFORMED, why), failure=why)
            return self._go_on(replace(poll, steps=(NextPage(step.ids, link, number), *poll.steps)))
        # Left out before, and zero when asked for alone: zero again.
        zeros = dict.fromkeys(self._zeros.intersection(missing), 0)
        poll = replace(poll, sparks={**poll.sparks, **zeros})
        if len(poll.accounts) == 1:
            return self._go_on(self._ask_alone(poll, step))
        # Those with nothing missing are settled; the others go on by themselves.
        parts = [self._ask_alone(replace(poll, accounts=(account,)), step) for account in poll.accounts]
        return Reply(
            outcomes=tuple(self._outcome(part.accounts[0], part) for part in parts if not part.steps),
            more=tuple(part.request() for part in parts if part.steps),
            charged=0,
        )

    def _ask_alone(self, poll: Poll, step: Step) -> Poll:
        missing = poll.missing(step.ids)
        # Asked for alone a moment ago and not told: the calls are better spent on others.
        silent = {pair for pair in missing if self._lately(self._silent.get(pair), poll.now, _AFTER_SILENCE)}
        alone = tuple(Single((pair[1],)) for pair in missing if pair not in silent)
        failed = {**poll.failed, **dict.fromkeys(silent, _SILENT)}
        return replace(poll, steps=(*alone, *poll.steps), failed=failed)

    def _go_on(self, poll: Poll, failure: str = "", pause: timedelta | None = None) -> Reply:
        if poll.steps:
            return Reply(more=(poll.request(),), charged=0, failure=failure, pause=pause)
        outcomes = tuple(self._outcome(account, poll) for account in poll.accounts)
        return Reply(outcomes, charged=0, failure=failure, pause=pause)

    def _failed(self, poll: Poll, step: Step, failure: Failure) -> Reply:
        text = f"{failure.reason}: {failure.text}"
        refused = failure.status in _SPLITTABLE
        if refused and isinstance(step, Bulk):
            self._refusals += 1
            # One asset or address that TEOS refuses must not blind the others. But when everything
            # is refused, the address of the API is wrong: no flood of ever smaller requests.
            parts = halves(poll, step)
            if parts and self._refusals <= _MOST_REFUSALS:
                more = tuple(part.request() for part in parts)
                return Reply(more=more, charged=0, failure=f"{text}; asked again in two halves")
            if not parts:
                self._refused.update(dict.fromkeys(poll.missing(step.ids), poll.now))
        if refused and isinstance(step, Single):
            self._silent.update(dict.fromkeys(poll.missing(step.ids), poll.now))
        # A refusal concerns this step alone; after anything else the rest would fail as well.
        steps = [step] if refused and not isinstance(step, NextPage) else list(poll.steps)
        return self._go_on(poll.fail(steps, failure.reason, failure.text), text, failure.pause)

    def _outcome(self, account: Account, poll: Poll) -> Outcome:
        watched = self._watched.get(address_key(account.address), ())
        return self._assets.outcome(account, watched, poll)

    async def _look_up(self, lookup: _Lookup) -> Reply:
        urls = self._urls
        url = urls.asset(lookup.ids[0]) if lookup.alone else urls.assets(lookup.ids)
        self._assets.asking(lookup.ids, lookup.now)
        answer = await self._http.get(url)
        if isinstance(answer, Failure):
            more = lookup.each_alone() if answer.status in _SPLITTABLE else ()
            if answer.status not in _SPLITTABLE:
                self._assets.not_answered(lookup.ids)
            text = f"{answer.reason}: {answer.text}"
            return Reply(more=more, charged=0, failure=text, pause=answer.pause)
        try:
            found = await _read(answer.data, lambda data: list(read_assets(data)))
        except UnusableAnswerError as error:
            self._assets.not_answered(lookup.ids)
            return Reply(charged=0, failure=f"{MissReason.MALFORMED}: {error}")
        told = {number: facts for number, facts in found if number in lookup.ids}
        facts = self._assets.learn(told, lookup.now)
        left = tuple(number for number in lookup.ids if number not in told)
        # The filter may compare ids as text, leading zeros included: ask by key as well.
        more = replace(lookup, ids=left).each_alone() if left else ()
        return Reply(more=more, charged=0, facts=facts)


async def _read(data: bytes, reading: Callable[[bytes], _Read]) -> _Read:
    """What a body says; beside the loop if it is long."""
    return reading(data) if len(data) <= AT_ONCE else await asyncio.to_thread(reading, data)
