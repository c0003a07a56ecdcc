"""The portfolio is the statement of the same time, summed: exactly, and unknown is never zero."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.letters.given import BEGIN, ETH, SPAM, USDC, Treasury, account, configured
from tests.reports.statement.test_flows import STEPS, lived
from watcher.config.configuration import Configuration
from watcher.domain.audit import Actor
from watcher.domain.values.decimals import ZERO, plus, times, total
from watcher.ports.queries import Queries
from watcher.reports import holdings
from watcher.reports.portfolio.fold import NotWanted
from watcher.reports.portfolio.portfolio import BY, TICK, Portfolio, PortfolioGroup, period_of, portfolio
from watcher.reports.statement.flows import Flow, Flows, summed_flows
from watcher.reports.statement.statement import UNTAGGED, Statement, statement
from watcher.store.memory.store import MemoryStore

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return configured(tmp_path_factory.mktemp("portfolio"))


def both(configuration: Configuration, reader: Queries, hours: int) -> tuple[Portfolio, Statement]:
    """Of the time from so many hours after the beginning until now."""
    past, now = reader.past(), configuration.settings
    until = max(state.last_reading or BEGIN for state in past.accounts.values()) + TICK
    since = min(BEGIN + HOUR * hours - timedelta(minutes=1), until - HOUR)
    return portfolio(now, reader, past, (since, until)), statement(now, reader, since, until)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, cut=st.integers(0, 30))
def test_whatever_happens_the_sums_are_those_of_the_statement(
    configuration: Configuration, steps: Any, cut: int
) -> None:
    async def live() -> None:
        store = MemoryStore()
        await lived(configuration, steps, store)
        with store.queries() as reader:
            found, stated = both(configuration, reader, cut)
            rows = holdings.balances(configuration.settings, reader.past())
        assert found.total == stated.total
        kinds: dict[str, Callable[[Flows], Iterable[str]]] = {
            "tag": lambda each: each.tags or (UNTAGGED,),
            "asset": lambda each: (f"{each.asset.chain}/{each.asset.token}",),
            "chain": lambda each: (each.asset.chain,),
            "source": lambda each: (each.account.source,),
            "wallet": lambda each: (each.wallet,),
        }
        for by, names in kinds.items():
            assert _told(found.groups[by]) == _stated(stated, names), by
        for each in (*found.groups["wallet"], *found.groups["tag"]):
            assert each.worth.explained == each.worth.closing
        counts = [Decimal(row["value_usd"]) for row in rows if row["value_usd"] and not row["claimed"]]
        assert found.total.closing == total(counts)
        claimed = [Decimal(row["value_usd"]) for row in rows if row["value_usd"] and row["claimed"]]
        assert found.claimed == total(claimed)
        _lines_end_where_the_sums_do(found)

    asyncio.run(live())


def _told(groups: Iterable[PortfolioGroup]) -> dict[str, tuple[Flow, int, int, bool]]:
    return {
        each.name if each.asset is None else f"{each.asset.chain}/{each.asset.token}": (
            each.worth,
            each.holdings,
            each.unpriced,
            each.known_before,
        )
        for each in groups
    }


def _stated(stated: Statement, names: Callable[[Flows], Iterable[str]]) -> Any:
    """The same from the holdings of the statement, one by one."""
    found: dict[str, list[Flows]] = {}
    for each in stated.counted:
        for name in names(each):
            found.setdefault(name, []).append(each)
    return {
        name: (
            summed_flows(worth for each in mine if each.price_after is not None and (worth := each.worth)),
            sum(bool(each.amounts.closing) for each in mine),
            sum(bool(each.amounts.closing) and each.price_after is None for each in mine),
            any(each.opening_known for each in mine),
        )
        for name, mine in found.items()
    }


def _lines_end_where_the_sums_do(found: Portfolio) -> None:
    for worth, course in [
        (found.total, found.course),
        *((each.worth, each.course) for by in BY for each in found.groups[by] if each.course),
    ]:
        first, last = course[0].value, course[-1].value
        assert (first or ZERO) == worth.opening
        assert (last or ZERO) == worth.closing


async def test_before_the_first_reading_nothing_is_known_and_the_line_says_so(
    configuration: Configuration,
) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    await treasury.see({account("treasury"): {ETH: Decimal(2)}}, {ETH: Decimal(100)})
    await treasury.clock.advance(3600)
    await treasury.see({account("cold"): {ETH: Decimal(5)}}, {ETH: Decimal(100)})
    with store.queries() as reader:
        until = treasury.clock.now() + TICK
        found = portfolio(configuration.settings, reader, reader.past(), (BEGIN - HOUR, until))
    values = [each.value for each in found.course]
    assert values[0] is None
    assert set(values) == {None, Decimal(200), Decimal(700)}
    assert found.total.change == 0
    assert found.total.unknown_before == Decimal(700)
    assert found.fresh == 2


async def test_what_has_no_price_is_counted_and_worth_nothing_that_anybody_knows(
    configuration: Configuration,
) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    await treasury.see({account("treasury"): {ETH: Decimal("45571")}}, {})
    with store.queries() as reader:
        until = treasury.clock.now() + TICK
        found = portfolio(configuration.settings, reader, reader.past(), (BEGIN - HOUR, until))
    (asset,) = found.groups["asset"]
    assert (asset.unpriced, asset.holdings) == (1, 1)
    assert asset.amounts is not None
    assert asset.amounts.closing == Decimal("45571")
    assert {each.value for each in found.course} == {None}
    assert [each.unpriced for each in found.groups["tag"]] == [1, 1]
    assert found.unpriced == 1


async def test_what_is_hidden_counts_nowhere_and_is_told_apart(configuration: Configuration) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    held = {account("treasury"): {ETH: Decimal(2), SPAM: Decimal(9)}}
    await treasury.see(held, {ETH: Decimal(100), SPAM: Decimal(50)})
    ann = Actor("ann", "page", treasury.clock.now())
    store.commands(ann).hide([(account("treasury"), SPAM)], "works")
    with store.queries() as reader:
        until = treasury.clock.now() + TICK
        found = portfolio(configuration.settings, reader, reader.past(), (BEGIN - HOUR, until))
    assert found.total.closing == Decimal(200)
    (claim,) = found.claims
    assert (claim.asset, claim.amount, claim.holdings, claim.value) == (SPAM, Decimal(9), 1, Decimal(450))


async def test_a_range_begins_where_data_begins(configuration: Configuration) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    with store.queries() as reader:
        since, until = period_of(reader, "1y", BEGIN)
        assert since < until
    await treasury.see({account("treasury"): {ETH: Decimal(2)}}, {ETH: Decimal(100)})
    first = treasury.clock.now()
    await treasury.clock.advance(86400 * 3)
    now = treasury.clock.now()
    with store.queries() as reader:
        assert period_of(reader, "1y", now) == (first + HOUR, now + TICK)
        assert period_of(reader, "24h", now) == (now - timedelta(days=1), now + TICK)
        assert period_of(reader, "all", now) == (first + HOUR, now + TICK)
        soon = first + timedelta(minutes=10)
        assert period_of(reader, "all", soon) == (first + timedelta(minutes=1), soon + TICK)


async def test_the_change_is_told_apart_into_what_moved_and_what_the_price_made(
    configuration: Configuration,
) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    hot = account("treasury")
    for amount, price in (("5", "100"), ("8", "110.5")):
        for _ in range(2):
            await treasury.see({hot: {ETH: Decimal(amount), USDC: ZERO}}, {ETH: Decimal(price)})
            await treasury.clock.advance(3600)
    with store.queries() as reader:
        past, until = reader.past(), treasury.clock.now() + TICK
        found = portfolio(configuration.settings, reader, past, (BEGIN + timedelta(minutes=90), until))
    total_ = found.total
    assert (total_.opening, total_.moved, total_.by_price, total_.closing) == (
        Decimal(500),
        Decimal("331.5"),
        Decimal("52.5"),
        Decimal(884),
    )
    assert plus(total_.opening, total_.change) == total_.closing == times(Decimal(8), Decimal("110.5"))


async def test_what_nobody_waits_for_any_more_is_not_worked_out(configuration: Configuration) -> None:
    store = MemoryStore()
    treasury = Treasury(configuration, store)
    await treasury.see({account("treasury"): {ETH: Decimal(2)}}, {ETH: Decimal(100)})
    with store.queries() as reader, pytest.raises(NotWanted):
        portfolio(configuration.settings, reader, reader.past(), (BEGIN, BEGIN + HOUR), lambda: False)
