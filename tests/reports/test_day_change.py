"""What everything is worth and how a day has changed it, against the same worked out the long way."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import ETH, HOT, NOW, changed, keep, known
from tests.store.given import opened
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.model import Account, AccountState, Asset, Quote
from watcher.domain.records import replace
from watcher.reports.day_change import MOST_NAMED, DayChange, Holdings, Unpriced, Worth, believed, day, few
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

OTHER = HOT._replace(address="0x02")
POL = Asset("ethereum", "pol")


def quoted(price: str, hours: float) -> Quote:
    return Quote(Decimal(price), NOW - timedelta(hours=hours))


def old(account: Account, at: datetime, amount: str) -> AccountState:
    return known(account, at, ethereum=amount)._replace(watched_since=NOW - timedelta(hours=30))


async def conclude(store: SqliteStore, hours: float, conclusion: Decision) -> None:
    accounts = [state.account for state in conclusion.accounts]
    await store.conclude(accounts, lambda *_: replace(conclusion, at=NOW - timedelta(hours=hours)))


def today(path: Path) -> DayChange | None:
    with SqliteQueries(path) as reader:
        past = reader.past()
        watched = (HOT, OTHER)
        return day(reader, Holdings(watched).totals(past), past, watched, NOW)


async def test_a_day_tells_amounts_and_prices_and_leaves_out_what_is_read_for_the_first_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        at = NOW - timedelta(hours=30)
        first = changed(HOT, ETH, None, "5", at)
        await conclude(
            store,
            30,
            Decision(at, (old(HOT, at, "5"),), (first,), quotes={ETH: quoted("10", 30)}),
        )
        later = NOW - timedelta(hours=2)
        moved = (changed(HOT, ETH, "5", "7", later - timedelta(hours=9)), changed(HOT, ETH, "7", "4", later))
        fresh = changed(OTHER, ETH, None, "100", later)
        states = (old(HOT, later, "4"), known(OTHER, later, ethereum="100"))
        await conclude(store, 2, Decision(later, states, (*moved, fresh), quotes={ETH: quoted("20", 2)}))
    assert today(path) == DayChange(NOW - timedelta(days=1), Decimal(50), Decimal(30), 1)


async def test_of_a_store_that_is_younger_than_a_day_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="5"),), changes=(changed(HOT, ETH, None, "5"),),
                   quotes={ETH: Quote(Decimal(3), NOW)})  # fmt: skip
    assert today(path) is None


def test_what_is_held_follows_each_look_exactly() -> None:
    big = Decimal("123456789012345678901.234567891234567890")

    def past(*states: AccountState) -> Snapshot:
        return Snapshot({state.account: state for state in states}, {}, {ETH: quoted("2", 0)}, {})

    holdings = Holdings((HOT, OTHER))
    one = AccountState(HOT, {ETH: big, POL: Decimal(1)})
    assert holdings.totals(past(one)).worth(past(one)) == Worth(
        Decimal("246913578024691357802.469135782469135780"),
        1,
        Decimal(0),
        (Unpriced("pol", Decimal(1)),),
    )
    both = past(one, AccountState(OTHER, {ETH: Decimal("0.1")}))
    assert holdings.totals(both).sums[ETH] == Decimal("123456789012345678901.334567891234567890")
    less = past(
        AccountState(HOT, {ETH: Decimal(1), POL: Decimal(0)}), AccountState(OTHER, {ETH: Decimal("0.1")})
    )
    found = holdings.totals(less)
    assert found.sums[ETH] == Decimal("1.1")
    assert found.worth(less) == Worth(Decimal("2.2"), 0, Decimal(0))
    for each in (past(one), both, less):
        assert believed([HOT, OTHER], each) == Holdings((HOT, OTHER)).totals(each).worth(each).value


def test_what_has_no_price_is_named_where_that_is_no_list() -> None:
    found = [Unpriced(f"T{number}", Decimal(number)) for number in range(MOST_NAMED + 1)]
    assert few(found[:MOST_NAMED]) == tuple(found[:MOST_NAMED])
    assert few(found) == ()
