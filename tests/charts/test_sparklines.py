"""Many accounts' values over the last days at once: honest about what was not read or had no price."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import ETH, HOT, NOW, changed, keep, known, plan
from tests.store.given import opened
from watcher.charts.sparklines import SPAN, sparklines, sparks_since
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.history.timeline import Segment
from watcher.domain.model import Account, AccountState, Asset, Change, Quote
from watcher.ports.store import Settlement
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

OTHER = HOT._replace(address="0x02")
DUST = Asset("ethereum", "0xdd")


async def read(store: SqliteStore, hours: float, *found: tuple[Account, str | None, str]) -> None:
    """One poll so many hours ago; accounts with their amount before and now."""
    at = NOW - timedelta(hours=hours)
    booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
    assert isinstance(booked, Grant)
    states = tuple(
        AccountState(account, {ETH: Decimal(to)}, {"ethereum": at}, last_attempt=at)
        for account, _, to in found
    )
    changes: tuple[Change, ...] = tuple(
        changed(account, ETH, before, to, at)._replace(before_at=None)
        for account, before, to in found
        if before != to
    )
    quotes = {ETH: Quote(Decimal(10), at)}
    conclusion = Decision(at, accounts=states, changes=changes, quotes=quotes)
    settlement = Settlement(booked, at, 40, readings=len(states))
    await store.conclude([account for account, _, _ in found], lambda *_: conclusion, settlement)


def lines(path: Path, *accounts: Account, interval: float = 36_000) -> dict[Account, list[Segment]]:
    with SqliteQueries(path) as reader:
        groups = [{account: interval} for account in accounts]
        return dict(zip(accounts, sparklines(reader, reader.past(), groups, NOW - SPAN, NOW), strict=True))


def shown(line: list[Segment]) -> list[list[tuple[int, int]]]:
    """Hours before now, and values."""
    return [[(round((NOW - p.at) / timedelta(hours=1)), int(p.value or 0)) for p in piece] for piece in line]


async def test_the_line_follows_the_value_and_knows_nothing_before_the_first_reading(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        await read(store, 48, (HOT, None, "5"), (OTHER, None, "1"))
        for hours in (40, 32):
            await read(store, hours, (HOT, "5", "5"))
        await read(store, 23, (HOT, "5", "7"))
        for hours in (16, 8, 0):
            await read(store, hours, (HOT, "7", "7"))
    found = lines(path, HOT, OTHER)
    (piece,) = shown(found[HOT])
    assert piece[0] == (48, 50)
    assert {value for hours, value in piece if hours >= 24} == {50}
    assert {value for hours, value in piece if hours < 24} == {70}
    assert piece[-1] == (0, 70)


async def test_nothing_is_drawn_while_the_source_was_not_read(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        await read(store, 100, (HOT, None, "5"))
        for hours in (92, 84, 36, 28, 20, 12, 4):
            await read(store, hours, (HOT, "5", "5"))
    first, second = shown(lines(path, HOT)[HOT])
    assert 83 <= first[-1][0] <= 85
    assert 35 <= second[0][0] <= 37


async def test_an_account_that_is_read_no_more_ends_where_it_was_read_last(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        await read(store, 100, (HOT, None, "5"), (OTHER, None, "3"))
        for hours in range(92, -1, -8):
            await read(store, hours, (OTHER, "3", "3"))
    found = lines(path, HOT, OTHER)
    assert [piece[-1][0] for piece in shown(found[HOT])] == [100]
    assert [piece[-1][0] for piece in shown(found[OTHER])] == [0]


async def test_an_account_without_a_price_or_a_reading_has_no_line(tmp_path: Path) -> None:
    path = tmp_path / "watcher.db"
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, DUST, None, "1"),))
    assert lines(path, HOT, OTHER) == {HOT: [], OTHER: []}


def test_lines_begin_where_the_oldest_account_does_and_at_most_seven_days_ago() -> None:
    def since(*hours: float | None) -> float:
        accounts = [HOT._replace(address=str(number)) for number in range(len(hours))]
        states = {
            account: AccountState(account, watched_since=None if age is None else NOW - timedelta(hours=age))
            for account, age in zip(accounts, hours, strict=True)
        }
        return (NOW - sparks_since(Snapshot(states, {}, {}, {}), accounts, NOW)) / timedelta(hours=1)

    assert since(20, 5) == 20
    assert since(2000, 5) == 24 * 7
    assert since(None) == 24 * 7, "nobody knows"
    assert since(0.1) == since() == 1
