"""What grows stands in tables by month and by week, which go as a whole; the rest goes in small steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.contract.given import ETH, HOT, NOW, USDC, after, alert, book, changed, delivery, keep, known, plan
from tests.store.postgres.given import opened, rows
from tests.store.test_retention import tidied
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.model import Asset, Quote
from watcher.domain.records import replace
from watcher.ports.store import Settlement
from watcher.store.postgres.partitions import partition_of
from watcher.store.postgres.store import PostgresStore

HOUR = NOW.replace(minute=0, second=0, microsecond=0)
MARCH, WEEK = partition_of("changes", NOW).name, partition_of("requests", NOW).name


@pytest.fixture
async def store(store_database: str) -> AsyncIterator[PostgresStore]:
    async with opened(store_database) as store:
        yield store


def tables(url: str, table: str) -> list[str]:
    """In which tables the rows of one stand."""
    return [name for (name,) in rows(url, f"SELECT DISTINCT tableoid::regclass::text FROM {table}")]  # noqa: S608


def count(url: str, table: str) -> int:
    return int(rows(url, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608


async def test_what_there_was_no_table_for_moves_to_one_as_soon_as_there_is(
    store: PostgresStore, store_database: str
) -> None:
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
    await book(store, 1, plan(100))
    assert tables(store_database, "changes") == ["changes_rest"]

    await store.tidy(NOW)
    await book(store, 1, plan(100))

    assert tables(store_database, "changes") == [MARCH]
    assert tables(store_database, "requests") == [WEEK]
    assert count(store_database, "requests") == 2


async def test_the_table_of_next_month_is_there_before_it_begins(
    store: PostgresStore, store_database: str
) -> None:
    await store.tidy(NOW)

    await keep(store, accounts=(known(HOT),), changes=(changed(HOT, ETH, None, "1", after(days=31)),))

    assert tables(store_database, "changes") == [partition_of("changes", after(days=31)).name]


async def test_members_that_make_the_same_tables_at_once_do_not_disturb_each_other(
    store: PostgresStore, store_database: str
) -> None:
    async with opened(store_database) as other:
        await asyncio.gather(*(each.tidy(NOW) for each in (store, other, store, other)))

    assert rows(store_database, "SELECT to_regclass(%s) IS NOT NULL", MARCH) == [(True,)]


async def test_an_old_week_of_the_poll_log_goes_as_a_whole_and_the_credits_stay(
    store: PostgresStore, store_database: str
) -> None:
    await store.tidy(NOW)
    grant = await book(store, 10, plan(10_000))
    assert grant is not None
    await store.fail(Settlement(grant, NOW, 7))
    await book(store, 10, plan(10_000), after(days=20))

    await tidied(store, after(days=35))
    assert count(store_database, "requests") == 2
    await tidied(store, after(days=35 + 7))

    assert count(store_database, "requests") == 1
    assert rows(store_database, "SELECT to_regclass(%s)", WEEK) == [(None,)]
    assert await store.spent("coinstats", NOW) == 17


async def test_what_stands_in_no_week_goes_in_small_steps(store: PostgresStore, store_database: str) -> None:
    rows(
        store_database,
        "INSERT INTO requests (source, purpose, accounts, cost, reserved_at)"
        " SELECT 'coinstats', 'scheduled', 1, 1, %s FROM generate_series(1, 1200)",
        int(NOW.timestamp() * 1000),
    )

    assert await store.tidy(after(days=50))
    assert count(store_database, "requests") == 700
    await tidied(store, after(days=50))

    assert count(store_database, "requests") == 0


async def test_history_is_kept_for_ever(store: PostgresStore, store_database: str) -> None:
    await store.tidy(NOW)
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))

    await tidied(store, after(days=5000))

    assert tables(store_database, "changes") == [MARCH]


async def test_prices_of_an_old_month_are_thinned_once_to_the_last_of_each_hour(
    store: PostgresStore, store_database: str
) -> None:
    await store.tidy(NOW)
    for minute in range(0, 180, 20):
        at = HOUR + timedelta(minutes=minute)
        await keep(store, quotes={ETH: Quote(Decimal(minute + 1), at), USDC: Quote(Decimal(1), at)})

    await tidied(store, after(days=35))
    assert count(store_database, "prices") == 18, "the month is not all old"
    await tidied(store, after(days=35 + 22))

    kept = rows(store_database, "SELECT price_usd FROM v_prices WHERE asset = 'ethereum' ORDER BY at")
    assert kept == [(Decimal(41),), (Decimal(101),), (Decimal(161),)]
    assert count(store_database, "prices") == 6
    assert await tidied(store, after(days=35 + 22)) == 1


async def test_prices_of_many_assets_are_thinned_in_steps(store: PostgresStore) -> None:
    await store.tidy(NOW)
    quotes = {Asset("ethereum", f"0x{number}"): Quote(Decimal(1), NOW) for number in range(45)}
    await keep(store, quotes=quotes)
    while await store.tidy(after(days=56)):
        pass

    assert await tidied(store, after(days=57)) == 4, "three steps, and nothing more"


async def test_the_last_price_is_known_when_its_month_is_gone(
    store: PostgresStore, store_database: str
) -> None:
    await store.tidy(NOW)
    await keep(store, quotes={ETH: Quote(Decimal(2), NOW)})

    await tidied(store, after(days=1000))

    assert count(store_database, "prices") == 0
    async with opened(store_database) as other:
        assert (await other.load([])).quotes == {ETH: Quote(Decimal(2), NOW)}


async def test_what_is_still_owed_or_firing_is_never_dropped_and_the_rest_at_its_age(
    store: PostgresStore, store_database: str
) -> None:
    gone, stays = delivery("d1"), replace(delivery("d2"), channel="mail")
    over = replace(alert("a2"), state=AlertState.RESOLVED, resolved_at=NOW)
    await keep(store, deliveries=(gone, stays), alerts=(alert("a1"), over))
    await store.settle([replace(gone, state=DeliveryState.SENT, sent=NOW)])

    await tidied(store, after(days=91))
    assert rows(store_database, "SELECT id FROM deliveries") == [("d2",)]
    assert count(store_database, "alerts") == 2
    await tidied(store, after(days=401))

    assert rows(store_database, "SELECT id FROM alerts") == [("a1",)]
    assert await store.due("mail", after(days=401), 9) == [stays]
