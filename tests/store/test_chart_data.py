"""What charts are made of, from a real file: amounts, prices, readings, what was told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import COLD, ETH, HOT, NOW, USDC, after, alert, changed, known, plan
from tests.store.given import opened
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision
from watcher.domain.history.reconstruction import DaemonRun
from watcher.domain.history.timeline import Gap, Point
from watcher.domain.model import AccountState, Quote, Suspect
from watcher.domain.records import replace
from watcher.ports.queries import ChartData, ChartQuery, Partial, ReadingTimes
from watcher.ports.store import Settlement
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore


async def poll(store: SqliteStore, conclusion: Decision) -> None:
    booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, conclusion.at), plan(10**6))
    assert isinstance(booked, Grant)
    accounts = [state.account for state in conclusion.accounts]
    await store.conclude(accounts, lambda *_: conclusion, Settlement(booked, conclusion.at, 40))


def tracks(path: Path, wanted: ChartQuery) -> ChartData:
    with SqliteQueries(path) as reader:
        return reader.tracks(wanted)


async def test_a_holding_has_what_was_held_before_and_each_change_since(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        for hours, before, to in ((0, None, "1"), (2, "1", "3"), (4, "3", "2")):
            state = known(HOT, after(hours=hours), ethereum=to)
            change = changed(HOT, ETH, before, to, after(hours=hours))._replace(
                before_at=None if before is None else after(hours=hours - 1)
            )
            quotes = {ETH: Quote(Decimal(100 + hours), after(hours=hours))}
            await poll(
                store, Decision(after(hours=hours), accounts=(state,), changes=(change,), quotes=quotes)
            )
        await store.running(NOW, after(hours=4))
    found = tracks(path, ChartQuery((HOT, COLD), after(hours=1), after(hours=5)))
    (track,) = found.tracks
    assert (track.account, track.asset) == (HOT, ETH)
    assert track.amounts == (
        Point(NOW, Decimal(1)), Point(after(hours=2), Decimal(3)), Point(after(hours=4), Decimal(2)),
    )  # fmt: skip
    assert track.spans == (Gap(after(hours=1), after(hours=2)), Gap(after(hours=3), after(hours=4)))
    assert [price.value for price in found.prices[ETH]] == [100, 102, 104]
    assert found.looked == {HOT: ReadingTimes(NOW, NOW, (NOW, after(hours=2), after(hours=4)))}
    assert found.runs == (DaemonRun(NOW, after(hours=4)),)


async def test_a_token_that_turned_up_later_was_held_as_nothing_until_then(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        change = changed(HOT, ETH, "0", "5", after(hours=2))
        await poll(store, Decision(after(hours=2), accounts=(known(HOT, ethereum="5"),), changes=(change,)))
    (track,) = tracks(path, ChartQuery((HOT,), NOW, after(hours=3), ETH)).tracks
    assert track.amounts == (Point(NOW, Decimal(0)), Point(after(hours=2), Decimal(5)))


async def test_only_requests_that_read_the_account_are_its_readings(tmp_path: Path) -> None:
    """Ids 1 and 11 to 13 are not mistaken for one another; a miss is no reading."""
    path = tmp_path / "watcher.db"
    others = [HOT._replace(address=f"0x{n:040x}") for n in range(2, 14)]
    async with opened(path) as store:
        every = tuple(known(each, ethereum="1") for each in (HOT, *others))
        changes = tuple(changed(each.account, ETH, None, "1") for each in every)
        await poll(store, Decision(NOW, accounts=every, changes=changes))
        for minutes, group in ((1, others[9:]), (2, [HOT]), (3, others)):
            states = tuple(known(each, after(minutes=minutes), ethereum="1") for each in group)
            await poll(store, Decision(after(minutes=minutes), accounts=states))
        missed = AccountState(HOT, last_attempt=after(minutes=4), misses=1, miss="timeout")
        await poll(store, Decision(after(minutes=4), accounts=(missed,)))
    looked = tracks(path, ChartQuery((HOT, others[-1]), after(minutes=-1), after(minutes=9), ETH)).looked
    assert looked[HOT].readings == (NOW, after(minutes=2))
    assert looked[others[-1]].readings == (NOW, after(minutes=1), after(minutes=3))


async def test_what_a_reading_left_open_is_told_with_it(tmp_path: Path) -> None:
    path, later = tmp_path / "watcher.db", after(minutes=5)
    first = AccountState(COLD, {ETH: Decimal(1), USDC: Decimal(2)}, {"ethereum": NOW, "base-wallet": NOW})
    odd = AccountState(
        COLD, first.amounts, {"ethereum": later, "base-wallet": NOW}, stale={ETH: NOW},
        held={ETH: Suspect(Decimal(0), later, "zero")}, omitted={"base-wallet": 1},
    )  # fmt: skip
    async with opened(path) as store:
        changes = (changed(COLD, ETH, None, "1"), changed(COLD, USDC, None, "2"))
        await poll(store, Decision(NOW, accounts=(first,), changes=changes))
        await poll(store, Decision(later, accounts=(odd,)))
    looked = tracks(path, ChartQuery((COLD,), NOW, after(minutes=9))).looked[COLD]
    assert looked.readings == (NOW,)
    assert looked.partial == (Partial(later, frozenset({"base-wallet"}), frozenset({ETH, USDC})),)


async def test_a_long_history_is_thinned_and_keeps_its_extremes(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    count, step = 6000, timedelta(seconds=10)
    amounts = [1000 + number % 7 for number in range(count)]
    amounts[1234], amounts[4321] = 1, 10**25
    async with opened(path) as store:
        changes = tuple(
            changed(HOT, ETH, str(was), str(now), NOW + step * number)._replace(before_at=None)
            for number, (was, now) in enumerate(zip([1, *amounts], amounts, strict=False))
        )
        quotes = {ETH: Quote(Decimal(3), NOW)}
        await poll(store, Decision(NOW, accounts=(known(HOT),), changes=changes, quotes=quotes))
    (track,) = tracks(path, ChartQuery((HOT,), after(minutes=-1), NOW + step * count)).tracks
    values = [point.value for point in track.amounts]
    assert len(values) < 3100
    assert min(v for v in values if v) == 1
    assert max(v for v in values if v) == 10**25
    assert values[-1] == amounts[-1]
    assert list(track.amounts) == sorted(track.amounts)


async def test_alerts_of_the_wallet_that_fired_in_this_time_are_told(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        accounts = (known(HOT, ethereum="1"),)
        edited = alert("edited", subject="b", state=AlertState.RESOLVED, closed=True)
        untold = replace(edited, id="untold", told_at=None)
        await poll(store, Decision(NOW, accounts=accounts, alerts=(alert(), edited, untold)))
    found = tracks(path, ChartQuery((HOT,), after(hours=-1), after(hours=1), wallet="hot")).told
    assert {each.alert for each in found} == {"a1", "edited"}
    (told,) = (each for each in found if each.alert == "a1")
    assert (told.at, told.rule, told.alert, told.text) == (NOW, "gas-low", "a1", "0.4 is below 0.5")
    assert tracks(path, ChartQuery((HOT,), after(hours=1), after(hours=2), wallet="hot")).told == ()
    assert tracks(path, ChartQuery((HOT,), after(hours=-1), after(hours=1), wallet="cold")).told == ()


async def test_in_a_short_history_every_reading_counts_however_long_the_chart(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        for number in range(20):
            at = NOW + timedelta(seconds=2 * number)
            state = known(HOT, at, ethereum="1")
            first = (changed(HOT, ETH, None, "1", at),) if not number else ()
            await poll(store, Decision(at, accounts=(state,), changes=first))
    until = NOW + timedelta(seconds=39)
    found = tracks(path, ChartQuery((HOT,), until - timedelta(days=365), until))
    assert len(found.looked[HOT].readings) == 20
