"""A statement adds up: opening, what came and went, and prices make the closing figure, exactly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.letters.given import BEGIN, ETH, SPAM, TOKEN, USDC, Treasury, account, configured
from watcher.config.configuration import Configuration
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account, AccountState, Asset, Change, PriceSuspicion, Quote
from watcher.domain.records import replace
from watcher.domain.values.decimals import ZERO, minus, size, times, total
from watcher.ports.period import StatementData
from watcher.reports import holdings
from watcher.reports.statement.flows import COUNTED_ANEW, FIRST_SEEN, Flow, Flows, flows_of, summed_flows
from watcher.reports.statement.statement import Statement, statement
from watcher.store.memory.store import MemoryStore

HOT = account("treasury")
AT = BEGIN
UNTIL = AT + timedelta(days=30)
QUOTED = {ETH: Quote(Decimal(100), AT)}


def change(before: str | None, to: str, hours: int = 1, *, drift: bool = False) -> Change:
    was = None if before is None else Decimal(before)
    at = AT + timedelta(hours=hours)
    return Change(HOT, ETH, "ETH", was, Decimal(to), None if was is None else AT, at, drift=drift)


def flows(
    *changes: Change,
    held: str | None = None,
    before: Mapping[Asset, Quote] = QUOTED,
    after: Mapping[Asset, Quote] = QUOTED,
    state: AccountState | None = None,
    unread: Mapping[Account, datetime] | None = None,
    doubt: PriceSuspicion | None = None,
) -> Flows:
    known = {(HOT, ETH): Decimal(held)} if held is not None else {}
    data = StatementData(known, changes, dict(before), dict(after))
    doubts = {ETH: doubt} if doubt is not None else {}
    past = Snapshot({HOT: state or AccountState(HOT)}, symbols={ETH: "ETH"}, doubts=doubts)
    (found,) = flows_of(data, past, {HOT: ("hot", ("own",))}, unread or {}, UNTIL)
    assert found.amounts.explained == found.amounts.closing
    if found.worth is not None:
        assert found.worth.explained == found.worth.closing
    return found


def test_what_came_and_went_makes_the_difference() -> None:
    found = flows(change("5", "8"), change("8", "2", 2), held="5")
    assert found.amounts == Flow(Decimal(5), ZERO, Decimal(3), Decimal(6), ZERO, Decimal(2))
    assert found.opening_known
    assert found.notes == ()


def test_a_first_reading_is_no_transfer_and_its_opening_is_unknown() -> None:
    found = flows(change(None, "8"), change("8", "9", 2))
    assert found.amounts == Flow(ZERO, Decimal(8), Decimal(1), ZERO, ZERO, Decimal(9))
    assert not found.opening_known
    assert found.notes == (FIRST_SEEN,)
    assert found.worth is not None
    assert found.worth.unknown_before == Decimal(800)


def test_what_appears_in_an_account_that_is_known_came_in() -> None:
    found = flows(change("0", "8"))
    assert found.opening_known
    assert found.amounts.came == Decimal(8)


def test_a_count_in_another_unit_is_no_transfer() -> None:
    found = flows(change("5", "6"), change(None, "6000", 2), change("6000", "5900", 3), held="5")
    assert found.amounts == Flow(Decimal(5), Decimal(5994), Decimal(1), Decimal(100), ZERO, Decimal(5900))
    assert found.notes == (COUNTED_ANEW,)


def test_interest_is_among_what_came_and_is_told() -> None:
    found = flows(change("5", "5.1", drift=True), change("5.1", "7.1", 2), held="5")
    assert found.amounts.came == Decimal("2.1")
    assert found.interest == Decimal("0.1")


def test_the_worth_is_split_into_what_moved_and_what_the_price_made() -> None:
    found = flows(change("5", "8"), held="5", after={ETH: Quote(Decimal("110.5"), AT)})
    assert found.worth == Flow(Decimal(500), ZERO, Decimal("331.5"), ZERO, Decimal("52.5"), Decimal(884))


def test_a_price_that_became_known_makes_nothing_dearer() -> None:
    found = flows(held="5", before={})
    assert found.worth == Flow(ZERO, Decimal(500), ZERO, ZERO, ZERO, Decimal(500))
    assert found.notes == ("no price was known at the beginning",)


def test_without_a_price_there_is_no_worth_and_never_a_zero() -> None:
    found = flows(held="5", before={}, after={})
    assert found.worth is None
    assert found.notes == ("no price is known",)


def test_what_nobody_asked_for_counts_in_no_sum() -> None:
    found = flows(held="5", state=AccountState(HOT, newcomers={ETH: AT}))
    assert found.worth is None
    assert found.apart


def test_a_closing_figure_that_is_older_than_the_end_says_so() -> None:
    day = AT + timedelta(days=1)
    (note,) = flows(held="5", unread={HOT: day}).notes
    assert note == "not read after 2026-10-21 00:00:00 UTC: the closing amount is of then"
    (note,) = flows(held="5", state=AccountState(HOT, stale={ETH: day})).notes
    assert note == "what was read after 2026-10-21 00:00:00 UTC is in doubt: the closing amount is of then"
    assert flows(held="5", state=AccountState(HOT, stale={ETH: UNTIL})).notes == ()


def test_a_price_in_doubt_is_told_with_since_when() -> None:
    odd = PriceSuspicion(Decimal(1), AT + timedelta(days=1), "odd")
    (note,) = flows(held="5", doubt=odd).notes
    assert note == "its price is in doubt since 2026-10-21 00:00:00 UTC: the one of before is taken"
    assert flows(held="5", doubt=replace(odd, since=UNTIL)).notes == ()


AMOUNTS = st.decimals(0, 10**6, places=3)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["treasury", "payroll", "cold"]),
        st.sampled_from([ETH, USDC, TOKEN, SPAM]),
        AMOUNTS,
        st.sampled_from(["0.9", "1", "1.07", "1.1"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


async def lived(configuration: Configuration, steps: Any, store: MemoryStore) -> Treasury:
    """Whatever the steps say is seen, twice each, so that what is odd is confirmed."""
    treasury = Treasury(configuration, store)
    held: dict[Account, dict[Asset, Decimal]] = {account("treasury"): {ETH: Decimal(7), USDC: Decimal(100)}}
    prices = {ETH: Decimal(3000), USDC: Decimal(1), SPAM: Decimal(50)}
    for name, asset, amount, factor, fails in steps:
        held.setdefault(account(name), {})[asset] = amount
        prices[ETH] = times(prices[ETH], Decimal(factor))
        away = [account(name)] if fails else []
        for _ in range(2):
            await treasury.see({who: dict(what) for who, what in held.items()}, prices, *away)
            await treasury.clock.advance(3600)
    return treasury


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    return configured(tmp_path_factory.mktemp("statement"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, cut=st.integers(0, 30), length=st.integers(1, 30))
def test_whatever_happens_the_sums_are_those_of_the_history_and_of_the_balances(
    configuration: Configuration, steps: Any, cut: int, length: int
) -> None:
    asyncio.run(_compare(configuration, steps, cut, length))


async def _compare(configuration: Configuration, steps: Any, cut: int, length: int) -> None:
    store = MemoryStore()
    now = (await lived(configuration, steps, store)).clock.now()
    since = min(BEGIN + timedelta(hours=cut, minutes=-1), now - timedelta(hours=1))
    middle = min(since + timedelta(hours=length), now - timedelta(minutes=1))
    with store.queries() as reader:
        spans = (since, middle), (middle, now), (since, now)
        first, second, whole = (statement(configuration.settings, reader, *span) for span in spans)
        history, past = reader.history(10**6), reader.past()
    for found in (first, second, whole):
        _adds_up(found)
        _moved_as_history_says(found, history)
    closing = {(each.account, each.asset): each for each in whole.holdings}
    rows = holdings.balances(configuration.settings, past)
    for row in rows:
        key = Account(row["source"], "ethereum", row["address"]), Asset(row["chain"], row["asset"])
        assert closing[key].amounts.closing == Decimal(row["amount"])
        assert bool(closing[key].apart) == row["claimed"]
    counts = [Decimal(row["value_usd"]) for row in rows if row["value_usd"] and not row["claimed"]]
    assert whole.total.closing == total(counts)
    assert first.total.closing == second.total.opening
    assert _ends(first, "closing") == _ends(second, "opening")


def _moved_as_history_says(found: Statement, history: Sequence[Change]) -> None:
    moved = [
        minus(each.after, each.before)
        for each in history
        if each.before is not None and found.since <= each.after_at < found.until
    ]
    assert total(each.amounts.came for each in found.holdings) == total(each for each in moved if each > 0)
    assert total(each.amounts.went for each in found.holdings) == size(
        total(each for each in moved if each < 0)
    )


def _ends(found: Statement, end: str) -> dict[tuple[Account, Asset], Decimal]:
    held = {(each.account, each.asset): getattr(each.amounts, end) for each in found.holdings}
    return {key: amount for key, amount in held.items() if amount}


def _adds_up(found: Statement) -> None:
    for each in found.holdings:
        assert each.amounts.explained == each.amounts.closing
    for worth in (found.total, *(each.worth for each in (*found.wallets, *found.tags))):
        assert worth.explained == worth.closing
    assert summed_flows(each.worth for each in found.wallets) == found.total
    assert summed_flows(each.worth for each in found.assets if each.worth is not None) == found.total
    assert not any(each.amounts.by_price for each in found.holdings)
