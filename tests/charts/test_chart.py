"""A wallet over time, from a real store: outages are gaps, and what is unknown is no zero."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, after, alert, changed, known, plan
from tests.store.given import opened
from watcher.charts.chart import Chart, ChartLine, wallet_chart
from watcher.config.configuration import configure
from watcher.domain.credits.allowance import Booking, Grant, Purpose
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.model import Account, AccountState, Asset, Change, Quote
from watcher.ports.store import Settlement
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

BASE = Account("coinstats", "base-wallet", HOT.address)
COIN = Asset("base-wallet", "ethereum")
CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: x, credits: {{limit: 20000}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT.address}", chains: [ethereum, base-wallet], every: 10m}}
"""


async def read(store: SqliteStore, account: Account, asset: Asset, minutes: int, *moved: str | None) -> None:
    """One poll; `moved`: the amounts before and after, if it changed."""
    at = after(minutes=minutes)
    changes: tuple[Change, ...] = ()
    if moved:
        before, to = moved
        assert to is not None
        change = changed(account, asset, before, to, at)
        changes = (change._replace(before_at=None if before is None else after(minutes=minutes - 10)),)
    booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
    assert isinstance(booked, Grant)
    state = known(account, at, ethereum="1")
    conclusion = Decision(at, accounts=(state,), changes=changes, quotes={asset: Quote(Decimal(10), at)})
    await store.conclude([account], lambda *_: conclusion, Settlement(booked, at, 40))


async def miss(store: SqliteStore, account: Account, minutes: int) -> None:
    at = after(minutes=minutes)
    booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
    assert isinstance(booked, Grant)

    def missed(past: Snapshot, _: object) -> Decision:
        known = past.accounts.get(account) or AccountState(account)
        state = known._replace(last_attempt=at, misses=known.misses + 1, miss="timeout")
        return Decision(at, accounts=(state,))

    await store.conclude([account], missed, Settlement(booked, at, 40))


async def outage(store: SqliteStore) -> None:
    """Five for twenty minutes, an outage, then three."""
    await read(store, HOT, ETH, 0, None, "5")
    for minutes in (10, 20):
        await read(store, HOT, ETH, minutes)
    for minutes in (30, 40, 50, 60, 70):
        await miss(store, HOT, minutes)
    await read(store, HOT, ETH, 80, "5", "3")


def chart(folder: Path, minutes: int, span: timedelta, asset: Asset | None = None) -> Chart:
    config = folder / "watcher.yaml"
    config.write_text(CONFIG)
    with SqliteQueries(folder / "watcher.db") as reader:
        settings = configure(config, {}).settings
        return wallet_chart(settings, reader, "hot", after(minutes=minutes), span, asset)


def shown(line: ChartLine | None) -> list[list[tuple[float, int]]]:
    assert line is not None
    return [[(minute(p.at), int(p.value or 0)) for p in piece] for piece in line.segments]


def minute(at: datetime) -> float:
    return (at - NOW) / timedelta(minutes=1)


async def test_an_outage_is_a_gap_and_the_change_in_it_is_no_line(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await outage(store)
        await read(store, HOT, ETH, 90)
    found = chart(tmp_path, 95, timedelta(minutes=60), ETH)
    assert shown(found.amount) == [[(80, 3), (95, 3)]]
    found = chart(tmp_path, 95, timedelta(minutes=90), ETH)
    assert shown(found.amount) == [[(5, 5), (20, 5)], [(80, 3), (95, 3)]]
    assert shown(found.value) == [[(5, 50), (20, 50)], [(80, 30), (95, 30)]]
    assert found.exact_from is None


async def test_what_is_only_claimed_is_no_part_of_what_everything_is_worth(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        at, rich = after(minutes=10), Asset("ethereum", "0x" + "5" * 40)
        state = known(HOT, at, ethereum="1")._replace(newcomers={rich: at})
        came = changed(HOT, rich, "0", "1000000", at)
        conclusion = Decision(at, accounts=(state,), changes=(came,), quotes={rich: Quote(Decimal(10), at)})
        booked = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), plan(10**6))
        assert isinstance(booked, Grant)
        await store.conclude([HOT], lambda *_: conclusion, Settlement(booked, at, 40))
    found = chart(tmp_path, 25, timedelta(minutes=60))
    assert found.value is not None
    assert {point.value for piece in found.value.segments for point in piece} == {Decimal(50)}
    assert chart(tmp_path, 25, timedelta(minutes=60), rich).amount is not None, (
        "it can be looked at by itself"
    )


async def test_an_outage_is_a_gap_also_when_the_poll_log_has_forgotten_it(tmp_path: Path) -> None:
    """Nothing changed in it: the line would go through as if somebody had looked."""
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        await read(store, HOT, ETH, 10)
        for minutes in (400, 800, 1200):
            await miss(store, HOT, minutes)
        await read(store, HOT, ETH, 1440)
        later = 60 * 1440
        await store.running(NOW, after(minutes=later))
        for minutes in (10, 0):
            await read(store, HOT, ETH, later - minutes)
        while await store.tidy(after(minutes=later)):
            pass
    found = chart(tmp_path, later, timedelta(days=90), ETH)
    assert found.exact_from == after(minutes=later - 10)
    assert shown(found.amount)[:2] == [[(0, 5), (10, 5)], [(1440, 5), (later, 5)]]


async def test_before_the_first_reading_there_is_neither_a_line_nor_a_gap(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        await read(store, HOT, ETH, 10)
    found = chart(tmp_path, 15, timedelta(days=1))
    assert found.amount is None
    assert shown(found.value) == [[(0, 50), (15, 50)]]
    assert found.value.gaps == ()


async def test_the_value_of_a_wallet_is_unknown_while_a_part_of_it_is_not_read(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        await read(store, BASE, COIN, 0, None, "2")
        for minutes in (10, 20, 30, 40, 50, 60):
            await read(store, HOT, ETH, minutes)
            await (miss if 20 <= minutes <= 40 else _again)(store, BASE, minutes)
    found = chart(tmp_path, 60, timedelta(minutes=59))
    assert shown(found.value) == [[(1, 70), (10, 70)], [(50, 70), (60, 70)]]
    assert shown(chart(tmp_path, 60, timedelta(minutes=59), ETH).amount) == [[(1, 5), (60, 5)]]


async def _again(store: SqliteStore, account: Account, minutes: int) -> None:
    await read(store, account, COIN, minutes)


async def test_an_empty_asset_that_is_not_read_hides_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        await read(store, BASE, COIN, 0, None, "0")
        for minutes in range(10, 70, 10):
            await read(store, HOT, ETH, minutes)
            await miss(store, BASE, minutes)
    assert shown(chart(tmp_path, 60, timedelta(minutes=59)).value) == [[(1, 50), (60, 50)]]


async def test_a_chart_knows_its_changes_and_what_was_told(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await read(store, HOT, ETH, 0, None, "5")
        await read(store, HOT, ETH, 10, "5", "7")
        await store.conclude([], lambda *_: Decision(NOW, alerts=(alert(),)))
    found = chart(tmp_path, 15, timedelta(hours=1), ETH)
    assert found.amount is not None
    assert [(minute(point.at), str(point.value)) for point in found.amount.changes] == [(10, "7")]
    assert [told.rule for told in found.alert_marks] == ["gas-low"]


async def test_a_wallet_that_is_not_configured_is_a_mistake(tmp_path: Path) -> None:
    async with opened(tmp_path / "watcher.db"):
        pass
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    settings = configure(tmp_path / "watcher.yaml", {}).settings
    with SqliteQueries(tmp_path / "watcher.db") as reader, pytest.raises(KeyError):
        wallet_chart(settings, reader, "cold", NOW, timedelta(days=1))
