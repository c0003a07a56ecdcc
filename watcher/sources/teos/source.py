"""Source of tokenised assets: CoreLedger TEOS, counted in sparks, limited per minute and per day (TEOS docs).

One request for many pairs: `GET /odata/v1.0/Balances/GetAssetsBalances(Addresses=[…],UniqueAssetIds=[…])`.
Nobody documents whether a pair that holds nothing is left out of the answer, so a missing pair is asked
for once more, alone.

What a poll still has to ask is a list of steps in the request itself. Each answer either settles accounts or
leads to another request with what is left, so that an account's outcome comes exactly once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from yarl import URL

from watcher.domain.credits.allowance import Allowance, Window
from watcher.domain.model import Account, MissReason, Outcome
from watcher.domain.readings.fault_isolation import EVERYBODY
from watcher.domain.records import replace
from watcher.ports.source import RawAnswer, RawCall, Reply, Request
from watcher.sources.http import Http, HttpFailure
from watcher.sources.json_repair import UnusableAnswerError
from watcher.sources.kind import WatchedWallet
from watcher.sources.teos.assets import Assets, Stated
from watcher.sources.teos.lookups import REFUSALS, Lookup, Lookups, read_teos
from watcher.sources.teos.refusals import Refused, named
from watcher.sources.teos.steps import Bulk, NextPage, Sample, Single, Step, TeosPoll, halved, merge
from watcher.sources.teos.urls import MOST_ROWS, Urls
from watcher.sources.teos.wire import BalancePage, Pair, address_key, asset_number, read_balances

_MOST_FAILURES = 8
"""Failures in a row after which a question is split no further: nothing can be read, whatever is asked."""

_AFTER_SILENCE = timedelta(minutes=10)
_SILENT = (MissReason.OMITTED, "TEOS does not report it, not even when it is asked for alone")


class TeosSource:
    """Source behind one TEOS key. Owns its HTTP session and what it learnt of assets and pairs."""

    def __init__(
        self,
        name: str,
        root: str,
        odata: str,
        http: Http,
        windows: tuple[Window, Window],
        stated: Mapping[int, Stated],
        wallets: Iterable[WatchedWallet],
        *,
        max_url_bytes: int,
    ) -> None:
        """`root`: the address of the API; `odata`: what follows it in polls, up to the version; `windows`:
        calls of a minute and of a day."""
        self.name = name
        self.spacing = windows[0].seconds / windows[0].calls
        self.allowance = Allowance(None, windows)
        self._root, self._http = root, http
        self._assets = Assets(stated)
        spelled: dict[int, str] = {}
        self._watched: dict[str, set[int]] = {}
        for wallet in wallets:
            numbers = self._watched.setdefault(address_key(wallet.address), set())
            for text in wallet.assets:
                spelled.setdefault(asset_number(text), text.strip())
                numbers.add(asset_number(text))
        self._urls = Urls(f"{root}{odata}", spelled)
        self._room = max_url_bytes - len(str(self._urls.many((), ())))
        self._lookups = Lookups(http, self._urls, self._assets, max_url_bytes)
        self._zeros: set[Pair] = set()
        self._silent: dict[Pair, datetime] = {}
        self._refused = Refused()
        self._failures = 0
        self._page = MOST_ROWS
        """Pairs that one page holds, as far as pages that lead nowhere have taught it."""

    async def close(self) -> None:
        await self._http.close()

    def cost(self, account: Account) -> int:  # noqa: ARG002
        """TEOS takes no credits; each request is one call."""
        return 0

    def usage(self) -> None:
        """TEOS sells no credits."""

    def rates(self) -> None:
        """TEOS tells no exchange rates."""

    def remember(self, facts: Mapping[str, str]) -> None:
        self._assets.remember(facts)
        self._refused.remember(facts, self._watched)

    # Planning

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        """Accounts with the same assets together. A look-up goes first if no amount can do without it."""
        together: dict[tuple[int, ...], list[Account]] = {}
        refused: dict[tuple[int, ...], list[Account]] = {}
        apart: list[TeosPoll] = []
        sampled: set[int] = set()
        for account in dict.fromkeys(accounts):
            key = address_key(account.address)
            watched = tuple(sorted(self._watched.get(key, ())))
            known = {n: found for n in watched if (found := self._refused.get((key, n))) is not None}
            fine = tuple(number for number in watched if number not in known)
            again = {n for n in known if not known[n].waits(now) and n not in sampled}
            if not fine and all(map(self._refused.everywhere, watched)):
                refused.setdefault(watched, []).append(account)
            elif not fine or again:
                sampled |= {number for number in again if self._refused.everywhere(number)}
                ids = watched if not fine else tuple(sorted({*fine, *again}))
                apart += self._polls([account], ids, now)
            else:
                together.setdefault(fine, []).append(account)
        polls = [poll for ids, group in together.items() for poll in self._polls(group, ids, now)]
        polls += apart
        polls += [TeosPoll(tuple(group), (Sample(ids),), now) for ids, group in refused.items() if ids]
        first, last = self._lookups.plan((n for poll in polls for step in poll.steps for n in step.ids), now)
        return [*first, *(replace(poll.request(), part=_part(poll)) for poll in polls), *last]

    def _polls(self, accounts: Sequence[Account], ids: tuple[int, ...], now: datetime) -> Iterator[TeosPoll]:
        room = self._room
        sizes = [self._urls.size(number) for number in ids]
        longest = max(self._urls.address_size(account.address) for account in accounts)
        if len(ids) > self._page or sum(sizes) + longest > room:
            most = max(1, min(self._page, (room - longest) // max(sizes)))
            steps = tuple(Bulk(ids[i : i + most]) for i in range(0, len(ids), most))
            yield from (TeosPoll((account,), steps, now) for account in accounts)
            return
        most = max(1, min(self._page // len(ids), (room - sum(sizes)) // longest))
        for i in range(0, len(accounts), most):
            yield TeosPoll(tuple(accounts[i : i + most]), (Bulk(ids),), now)

    # Sending

    def _url(self, poll: TeosPoll, step: Step) -> URL:
        match step:
            case NextPage(url=url):
                return url
            case Bulk(ids=ids):
                return self._urls.many([account.address for account in poll.accounts], ids)
            case Sample(ids=ids):
                return self._urls.many([poll.accounts[0].address], ids)
            case Single(ids=(number,)):
                return self._urls.single(poll.accounts[0].address, number)

    async def ask(self, call: RawCall) -> RawAnswer:
        return await self._http.ask(self._root, call)

    async def send(self, request: Request) -> Reply:
        if isinstance(request.payload, Lookup):
            return await self._lookups.send(request.payload)
        poll = request.payload
        assert isinstance(poll, TeosPoll)  # noqa: S101 (made by plan)
        reply = await self._ask(poll, poll.steps[0])
        facts = self._refused.facts()
        return replace(reply, facts={**reply.facts, **facts}, refused=self._refused.assets)

    async def _ask(self, poll: TeosPoll, step: Step) -> Reply:
        answer = await self._http.get(self._url(poll, step))
        if isinstance(answer, HttpFailure):
            return self._failed(poll, step, answer)
        only = (address_key(poll.accounts[0].address), step.ids[0]) if isinstance(step, Single) else None
        try:
            page = await read_teos(answer.data, lambda data: read_balances(data, only))
        except UnusableAnswerError as error:
            return self._failed(poll, step, HttpFailure(MissReason.MALFORMED, str(error), 200))
        self._failures = 0
        open_before = len(poll.missing(step.ids))
        poll = replace(merge(poll, step, page), steps=poll.steps[1:])
        self._refused.read(page.sparks)
        if only is not None:
            return self._go_on(self._confirmed(poll, only))
        if isinstance(step, Sample):  # it is given again: to all of them
            return self._go_on(replace(poll, steps=(Bulk(step.ids), *poll.steps)))
        return self._page_read(poll, step, page, open_before)  # type: ignore[arg-type]

    def _confirmed(self, poll: TeosPoll, pair: Pair) -> TeosPoll:
        """A pair that was left out has been asked for alone."""
        if poll.sparks.get(pair) == 0:
            self._zeros.add(pair)
        elif pair not in poll.sparks and pair not in poll.unclear:
            self._silent[pair] = poll.now
            return replace(poll, failed={**poll.failed, pair: _SILENT})
        return poll

    def _page_read(self, poll: TeosPoll, step: Bulk | NextPage, page: BalancePage, before: int) -> Reply:
        """`before`: pairs that were open before this page."""
        self._zeros.difference_update(pair for pair, sparks in poll.sparks.items() if sparks)
        missing = poll.missing(step.ids)
        if missing and page.next_link:
            link = self._urls.next_page(page.next_link)
            seen = (*step.seen, step.url) if isinstance(step, NextPage) else (self._url(poll, step),)
            asked = step.asked or before
            nothing_new = isinstance(step, NextPage) and len(missing) == before
            if link is None or link in seen or nothing_new:
                return self._without_pages(poll, step, asked)
            return self._go_on(replace(poll, steps=(NextPage(step.ids, link, seen, asked), *poll.steps)))
        return self._ask_each_alone(poll, step)

    def _without_pages(self, poll: TeosPoll, step: Bulk | NextPage, asked: int, failure: str = "") -> Reply:
        """The next page leads nowhere: what is missing is asked for again by itself, and from then on no
        request asks for more than one page has brought."""
        missing = poll.missing(step.ids)
        if not 0 < len(missing) < (asked or len(missing)):
            return self._ask_each_alone(poll, step, failure)
        self._page = max(1, min(self._page, asked - len(missing)))
        rest = {address for address, _ in missing}
        done = [account for account in poll.accounts if address_key(account.address) not in rest]
        left = tuple(account for account in poll.accounts if account not in done)
        again = replace(poll, accounts=left, steps=(Bulk(step.ids), *poll.steps))
        settled = tuple(self._outcome(account, replace(poll, accounts=(account,))) for account in done)
        return Reply(settled, (again.request(),), charged=0, failure=failure)

    def _ask_each_alone(self, poll: TeosPoll, step: Step, failure: str = "") -> Reply:
        """Left out before, and zero when asked for alone: zero again. The others are asked for alone."""
        zeros = dict.fromkeys(self._zeros.intersection(poll.missing(step.ids)), 0)
        poll = replace(poll, sparks={**poll.sparks, **zeros})
        if len(poll.accounts) == 1:
            return self._go_on(self._ask_alone(poll, step), failure)
        # Those with nothing missing are settled; the others go on by themselves.
        parts = [self._ask_alone(replace(poll, accounts=(account,)), step) for account in poll.accounts]
        return Reply(
            outcomes=tuple(self._outcome(part.accounts[0], part) for part in parts if not part.steps),
            more=tuple(part.request() for part in parts if part.steps),
            charged=0,
            failure=failure,
        )

    def _ask_alone(self, poll: TeosPoll, step: Step) -> TeosPoll:
        missing = poll.missing(step.ids)
        # Asked for alone a moment ago and not told: the calls are better spent on others.
        lately = poll.now - _AFTER_SILENCE
        silent = {pair for pair in missing if pair in self._silent and self._silent[pair] > lately}
        alone = tuple(Single((pair[1],)) for pair in missing if pair not in silent)
        failed = {**poll.failed, **dict.fromkeys(silent, _SILENT)}
        return replace(poll, steps=(*alone, *poll.steps), failed=failed)

    def _go_on(
        self, poll: TeosPoll, failure: str = "", pause: timedelta | None = None, part: str = ""
    ) -> Reply:
        if poll.steps:
            return Reply(more=(poll.request(),), charged=0, failure=failure, pause=pause)
        outcomes = tuple(self._outcome(account, poll) for account in poll.accounts)
        return Reply(outcomes, charged=0, failure=failure, pause=pause, part=part)

    def _failed(self, poll: TeosPoll, step: Step, failure: HttpFailure) -> Reply:
        text = f"{failure.reason}: {failure.text}"
        refused, self._failures = failure.status in REFUSALS, self._failures + 1
        if isinstance(step, NextPage):
            return self._without_pages(replace(poll, steps=poll.steps[1:]), step, step.asked, text)
        addresses = [account.address for account in poll.accounts]
        blamed = named(failure.text, step.ids, addresses) if refused else None
        part = ""
        if blamed is not None:
            self._refused.note_asset(blamed, poll.now)
            if len(step.ids) > 1 and isinstance(step, Bulk):
                poll = poll.fail([Bulk((blamed,))], failure.reason, failure.text)
                rest = tuple(number for number in step.ids if number != blamed)
                return self._go_on(replace(poll, steps=(Bulk(rest), *poll.steps[1:])), text)
            part = f"asset {blamed:#x}"
        elif isinstance(step, Bulk):
            # One asset that is refused must not cost the others.
            worth = self._failures <= _MOST_FAILURES and failure.reason not in EVERYBODY
            parts = halved(poll, step) if worth else None
            if parts is not None:
                return self._go_on(parts, f"{text}; asked again in two halves")
            if refused and len(step.ids) == len(poll.accounts) == 1:
                self._refused.note((address_key(addresses[0]), step.ids[0]), poll.now)
        elif isinstance(step, Sample) and refused:
            for number in step.ids:
                self._refused.note_asset(number, poll.now)
            part = _part(poll)
        if refused and isinstance(step, Single):
            self._silent.update(dict.fromkeys(poll.missing(step.ids), poll.now))
        # A failure that concerns one asset concerns this step alone; after many in a row the rest fails too.
        alone = refused or (len(poll.accounts) == 1 and self._failures <= _MOST_FAILURES)
        steps = [step] if alone else list(poll.steps)
        return self._go_on(poll.fail(steps, failure.reason, failure.text), text, failure.pause, part)

    def _outcome(self, account: Account, poll: TeosPoll) -> Outcome:
        key = address_key(account.address)
        if poll.failed and any(pair[0] == key for pair in poll.sparks):  # others of its assets are read
            for pair, (reason, _) in poll.failed.items():
                if pair[0] != key or reason is MissReason.OMITTED or self._refused.lately(pair, poll.now):
                    continue
                self._refused.note(pair, poll.now)
        return self._assets.outcome(account, self._watched.get(key, ()), poll)


def _part(poll: TeosPoll) -> str:
    """What a sample is taken of; empty if it is none."""
    step = poll.steps[0]
    return f"asset {', '.join(map(hex, step.ids))}" if isinstance(step, Sample) else ""
