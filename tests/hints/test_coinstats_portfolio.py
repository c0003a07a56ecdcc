"""`coinstats-portfolio`: one paid look over all wallets says what changed; what it costs is booked; and what
nobody has tried is said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import START, FakeClock
from tests.hints.listening import Heard, listening
from watcher.domain.credits.allowance import Allowance, CreditPlan
from watcher.domain.model import Account
from watcher.hints.coinstats_portfolio.settings import PortfolioHints
from watcher.hints.coinstats_portfolio.source import (
    PER_PAGE,
    PER_SYNC_OF_ALL,
    coins_in,
    coins_kept,
    differing,
)
from watcher.hints.kind import HintContext
from watcher.ports.hints import (
    Alive,
    ApiAccess,
    Bookmark,
    HintCallRejectedError,
    HintGap,
    HintSource,
    HintSourceError,
    Where,
)
from watcher.service.hint_looks import HintLooks
from watcher.service.metrics import Metrics
from watcher.service.throttle import SourceThrottle
from watcher.sim import Simulation
from watcher.sources.coinstats.settings import CoinStatsSettings
from watcher.store.sqlite.store import SqliteStore

ONE, TWO, THREE = ("0x" + digit * 40 for digit in "abc")
ACCOUNTS = [Account("cs", "ethereum", each) for each in (ONE, TWO, THREE)]


class Access:
    """Access to the simulated API: over real HTTP, with what was booked. `calls`: method and path of each."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.booked = 0
        self.calls: list[str] = []
        self._url, self._session = url, session
        self._changed = asyncio.Condition()

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        self.booked += cost
        headers = {"X-API-KEY": "cs-key"}
        async with self._session.request(method, self._url + path, params=query, headers=headers) as answer:
            data = await answer.read()
        async with self._changed:
            self.calls.append(f"{method} {path}")
            self._changed.notify_all()
        if answer.status in {400, 404}:
            raise HintCallRejectedError(f"answered {answer.status}")
        if answer.status != 200:
            raise HintSourceError(f"answered {answer.status}", refused=answer.status in {401, 403, 406})
        return data

    async def until(self, call: str) -> None:
        """Wait until this was called."""
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: call in self.calls)


class WatchedAccount:
    """A CoinStats account with three wallets, and looks at it every ten minutes."""

    def __init__(self, sim: Simulation, access: Access) -> None:
        self.sim, self.access, self.clock = sim, access, FakeClock()
        self.ids: dict[str, str] = {}
        for address, amount in ((ONE, "1"), (TWO, "2"), (THREE, "0.5")):
            self.hold(address, "ETH", amount)
            self.ids[address] = sim.coinstats.portfolios.connect("ethereum", address)

    def hold(self, address: str, token: str, amount: str) -> None:
        self.sim.world.set_amount(address, "ethereum", token, amount, coin_id=token.lower())

    def source(self, *, named: bool = True, api: ApiAccess | None = None, **settings: Any) -> HintSource:
        portfolios = {key: address for address, key in self.ids.items()} if named else {}
        kind = PortfolioHints.model_validate(
            {"kind": "coinstats-portfolio", "source": "cs", "every": "10m", "settle": "0s"}
            | {"portfolios": portfolios}
            | settings
        )
        return kind.build(HintContext("looks", ACCOUNTS, self.clock, api or self.access))

    async def later(self, heard: Heard, minutes: int = 10) -> None:
        """The next look, whole."""
        await self.clock.advance(minutes * 60)
        await heard.next(Bookmark)


@pytest.fixture
async def held() -> AsyncIterator[WatchedAccount]:
    async with an_account() as found:
        yield found


@asynccontextmanager
async def an_account() -> AsyncIterator[WatchedAccount]:
    async with Simulation() as sim, aiohttp.ClientSession() as session:
        yield WatchedAccount(sim, Access(f"{sim.url}/coinstats", session))


async def test_a_changed_sum_leads_to_the_wallet_that_changed(held: WatchedAccount) -> None:
    async with listening(held.source()) as heard:
        await heard.next(Alive)
        await heard.next(Bookmark)
        held.hold(TWO, "ETH", "2.25")
        await held.later(heard)
    (hint,) = heard.hints
    assert hint.where == Where("ethereum", TWO)
    assert not [each for each in heard.told if isinstance(each, HintGap)]


async def test_without_names_every_account_may_have_changed(held: WatchedAccount) -> None:
    async with listening(held.source(named=False)) as heard:
        await heard.next(Bookmark)
        held.hold(TWO, "ETH", "2.25")
        held.hold(TWO, "\x1b[31mUSDC\u202e", "7")
        await held.clock.advance(600)
        gap = await heard.next(HintGap)
        await heard.next(Bookmark)
        await held.later(heard)
    assert gap.since is not None
    assert held.clock.now() - gap.since == timedelta(minutes=20)
    assert gap.why == "the portfolio changed: [31musdc, eth"
    assert not heard.hints
    assert sum(isinstance(each, HintGap) for each in heard.told) == 1


async def test_what_is_booked_is_what_is_charged(held: WatchedAccount) -> None:
    async with listening(held.source()) as heard:
        await heard.next(Bookmark)
        assert held.access.booked == PER_SYNC_OF_ALL + 4 * PER_PAGE, "the sum, and each wallet once"
        await held.later(heard)
        assert held.access.booked == 2 * PER_SYNC_OF_ALL + 5 * PER_PAGE, "the sum is enough"
        held.hold(THREE, "ETH", "0")
        await held.later(heard)
    assert held.access.booked == held.sim.coinstats.credits_used


async def test_without_a_sync_only_the_look_is_paid_for(held: WatchedAccount) -> None:
    held.sim.coinstats.portfolios.live = True
    async with listening(held.source(named=False, sync="none")) as heard:
        await heard.next(Bookmark)
        held.hold(ONE, "ETH", "3")
        await held.later(heard)
    assert held.access.calls == ["GET /v1/portfolio/coins"] * 2
    assert held.sim.coinstats.credits_used == held.access.booked == 2 * PER_PAGE
    assert any(isinstance(each, HintGap) for each in heard.told)


async def test_a_sync_is_given_its_time_before_the_look(held: WatchedAccount) -> None:
    async with listening(held.source(named=False, settle="2m")) as heard:
        await held.access.until("PATCH /v1/portfolio/sync")
        await held.clock.advance(119)
        assert held.access.calls == ["PATCH /v1/portfolio/sync"]
        await held.clock.advance(1)
        await heard.next(Bookmark)


async def test_first_those_are_looked_at_that_held_what_changed(held: WatchedAccount) -> None:
    held.hold(ONE, "USDC", "10")
    async with listening(held.source()) as heard:
        await heard.next(Bookmark)
        asked = len(held.access.calls)
        held.hold(ONE, "USDC", "11")
        await held.later(heard)
        assert len(held.access.calls) - asked == 3, "sync, sum, and the one holder"
        held.hold(THREE, "DAI", "5")
        await held.later(heard)
        assert len(held.access.calls) - asked == 8, "sync, sum, and all: nobody held it"
    assert [hint.where.address for hint in heard.hints] == [ONE, THREE]


async def test_a_move_between_own_wallets_does_not_change_the_sum(held: WatchedAccount) -> None:
    async with listening(held.source()) as heard:
        await heard.next(Bookmark)
        held.hold(ONE, "ETH", "0.5")
        held.hold(TWO, "ETH", "2.5")
        await held.later(heard)
        assert not heard.hints, "a limit of this kind; the schedule finds it"


async def test_a_restart_loses_no_change_and_pays_for_no_look_twice(held: WatchedAccount) -> None:
    facts: dict[str, str] = {}
    async with listening(held.source()) as heard:
        facts.update((await heard.next(Bookmark)).facts)
    held.hold(TWO, "ETH", "9")
    spent = held.access.booked
    await held.clock.advance(240)
    again = held.source()
    again.remember(facts)
    async with listening(again) as heard:
        await heard.next(Alive)  # nothing is wrong while the next look is not due
        await held.clock.advance(359)
        assert held.access.booked == spent
        await held.clock.advance(1)
        await heard.next(Bookmark)
        assert [hint.where.address for hint in heard.hints] == [TWO]


async def test_a_look_that_fails_is_not_repeated_before_its_time(held: WatchedAccount) -> None:
    source = held.source()
    async with listening(source) as heard:
        await heard.next(Bookmark)
    held.hold(TWO, "ETH", "9")
    held.sim.faults.add("503", path="/coinstats/v1/portfolio/coins", times=1)
    async with listening(source) as heard:
        await held.clock.advance(600)
        assert (await heard.end()).why == "answered 503"
    asked = len(held.access.calls)
    async with listening(source) as heard:
        await held.clock.advance(599)
        assert len(held.access.calls) == asked
        await held.clock.advance(1)
        await heard.next(Bookmark)
        assert [hint.where.address for hint in heard.hints] == [TWO], "and it is told then"


async def test_a_look_that_fails_halfway_tells_the_rest_the_next_time(held: WatchedAccount) -> None:
    source = held.source()
    async with listening(source) as heard:
        await heard.next(Bookmark)
    for address in (ONE, TWO, THREE):
        held.hold(address, "ETH", "7")
    path = f"portfolioId={held.ids[TWO]}"
    held.sim.faults.add("429", path=path, times=1)
    found = []
    for _ in range(2):
        async with listening(source) as heard:
            await held.clock.advance(600)
            with suppress(HintSourceError):
                await heard.next(Bookmark)
            found += [hint.where.address for hint in heard.hints]
    assert sorted(found) == sorted([ONE, TWO, THREE])


async def test_credits_that_are_gone_end_the_look(held: WatchedAccount) -> None:
    held.sim.coinstats.credits_limit = 100
    async with listening(held.source()) as heard:
        error = await heard.end()
        assert error.why == "answered 406"
    assert held.access.calls == ["PATCH /v1/portfolio/sync"]


async def test_no_coin_at_all_is_believed_only_the_second_time(held: WatchedAccount) -> None:
    source = held.source()
    async with listening(source) as heard:
        await heard.next(Bookmark)
    connected, held.sim.coinstats.portfolios.connected = held.sim.coinstats.portfolios.connected, {}
    async with listening(source) as heard:
        await held.clock.advance(600)
        assert "no coin" in (await heard.end()).why
    held.sim.coinstats.portfolios.connected = connected
    async with listening(source) as heard:
        await held.later(heard)
        assert not heard.hints
        for address in (ONE, TWO, THREE):
            held.sim.world.drain(address, "ethereum")
        await held.clock.advance(600)
        assert "no coin" in (await heard.end()).why
    async with listening(source) as heard:
        await held.later(heard)
        assert {hint.where.address for hint in heard.hints} == {ONE, TWO, THREE}


@pytest.mark.parametrize("longest_page", [100, 20, 7])
async def test_coins_on_later_pages_are_seen_too(held: WatchedAccount, longest_page: int) -> None:
    for number in range(45):
        held.hold(ONE, f"T{number}", "1")
    held.sim.coinstats.portfolios.longest_page = longest_page
    async with listening(held.source()) as heard:
        await heard.next(Bookmark)
        held.hold(ONE, "T44", "2")
        await held.later(heard)
    assert bool(heard.hints) == (longest_page >= 20), "no page is shorter than the documented default"
    assert held.access.booked == held.sim.coinstats.credits_used


async def test_paths_without_their_version_are_tried_once(held: WatchedAccount) -> None:
    held.sim.faults.add("404", path="/coinstats/v1/portfolio")
    facts: dict[str, str] = {}
    async with listening(held.source()) as heard:
        facts.update((await heard.next(Bookmark)).facts)
    assert held.access.calls.count("PATCH /v1/portfolio/sync") == 1
    again = held.source()
    again.remember(facts)
    async with listening(again) as heard:
        await held.later(heard)
    assert held.access.calls.count("PATCH /v1/portfolio/sync") == 1
    assert held.access.calls.count("PATCH /portfolio/sync") == 2


async def test_a_portfolio_that_nobody_knows_costs_the_others_nothing(
    held: WatchedAccount, caplog: pytest.LogCaptureFixture
) -> None:
    source = held.source(portfolios={"gone": THREE, held.ids[ONE]: ONE})
    async with listening(source) as heard:
        await heard.next(Bookmark)
        for amount in ("3", "4"):
            held.hold(ONE, "ETH", amount)
            await held.later(heard)
    assert [hint.where.address for hint in heard.hints] == [ONE, ONE]
    assert caplog.text.count("portfolio gone cannot be looked at: answered 404") == 1


async def test_looks_never_pass_the_allowance(held: WatchedAccount, tmp_path: Path) -> None:
    settings = {"kind": "coinstats", "api_key": "cs-key", "base_url": f"{held.sim.url}/coinstats"}
    bought = CoinStatsSettings.model_validate(settings | {"credits": {"limit": 720, "reserve": "10%"}})
    source = bought.build("cs", ())
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    throttle = SourceThrottle(source, held.clock, Metrics(START))
    looks = HintLooks(throttle, store, held.clock)
    try:
        async with listening(held.source(named=False, api=looks)) as heard:
            await held.clock.advance(60)
            await heard.next(Bookmark)
            await held.clock.advance(600)
            await heard.next(Bookmark)
            await held.clock.advance(600)
            assert "credits" in (await heard.end()).why
        assert held.sim.coinstats.credits_used == 2 * (PER_SYNC_OF_ALL + PER_PAGE)
        assert await store.spent("cs", START) == held.sim.coinstats.credits_used
        with store.queries() as queries:
            assert {each.purpose for each in queries.requests(9)} == {"hinting"}
    finally:
        await source.close()
        await store.close()


async def test_what_was_not_tried_is_said_once(
    held: WatchedAccount, caplog: pytest.LogCaptureFixture
) -> None:
    source = held.source()
    for _ in range(2):
        async with listening(source) as heard:
            await held.clock.advance(600)
            await heard.next(Bookmark)
    (said,) = [record.getMessage() for record in caplog.records if record.name.startswith("watcher")]
    assert said.startswith("looks: what it costs was read in the documents and not tried:")


def a_kind(**settings: Any) -> PortfolioHints:
    return PortfolioHints.model_validate(
        {"kind": "coinstats-portfolio", "source": "cs", "every": "15m", **settings}
    )


def said(kind: PortfolioHints, plan: CreditPlan | None = None) -> list[str]:
    return [str(advice) for advice in kind.warnings(ACCOUNTS, Allowance(plan))]


def test_looks_that_take_much_of_the_plan_are_warned_of() -> None:
    first, second = said(a_kind(), CreditPlan(1_000_000))
    assert "not tried" in first
    assert second == (
        "a look every 15m takes 887,040 credits a month, 89% of the plan; "
        "look less often, or without a sync (sync: none)"
    )
    assert len(said(a_kind(every="1h"), CreditPlan(1_000_000))) == 1
    assert len(said(a_kind(sync="none"), CreditPlan(100_000))) == 1
    assert "a day" in said(a_kind(sync="none"), CreditPlan(1000, "day"))[1]


def test_a_portfolio_of_no_wallet_is_warned_of() -> None:
    kind = a_kind(portfolios={"a": f"ethereum:{ONE.upper().replace('X', 'x')}", "b": "polygon:" + TWO})
    assert said(kind)[1:] == [f"no wallet of cs is polygon:{TWO}; check its address"]
    assert [each for each in ACCOUNTS if kind.covers(each)] == [ACCOUNTS[0]]
    assert not a_kind().covers(Account("other", "ethereum", ONE))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"every": "30s"}, "1m to 1d"),
        ({"every": "2d"}, "1m to 1d"),
        ({"settle": "15m"}, "settle must be less"),
        ({"portfolios": {"a b": ONE}}, "portfolios"),
        ({"sync": "one"}, "sync"),
    ],
)
def test_a_slip_in_the_settings_is_named(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        a_kind(**wrong)


async def test_facts_out_of_shape_are_forgotten(held: WatchedAccount) -> None:
    source = held.source()
    source.remember({"total": "[1", "looked": "yesterday", f"of {held.ids[ONE]}": '{"eth": 1}'})
    async with listening(source) as heard:
        await heard.next(Bookmark)
        assert not heard.hints


@given(st.dictionaries(st.text(max_size=8), st.decimals(allow_nan=False, allow_infinity=False), max_size=5))
def test_coins_are_kept_as_they_were_read(coins: dict[str, Any]) -> None:
    rows = [{"count": str(amount), "coin": {"identifier": name}} for name, amount in coins.items()]
    found = coins_in(json.dumps({"result": rows}).encode())
    assert found.keys() == coins.keys()
    kept = coins_kept(json.dumps(found))
    assert kept is not None
    assert not differing(found, kept)


def test_the_last_digits_of_a_sum_of_binary_fractions_do_not_count() -> None:
    pages = [b'{"result":[{"count":%s,"coin":{"identifier":"eth"}}]}' % count for count in
             (b"0.30000000000000004", b"0.3", b'"3e-1"', b"0.3000000000")]  # fmt: skip
    assert len({coins_in(page)["eth"] for page in pages}) == 1
    assert differing({"a": "0"}, {}) == set()
    assert differing({"a": "1"}, {"b": "0"}) == {"a"}
