"""What is dropped with age, and what never is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.contract.given import (
    ETH,
    HOT,
    NOW,
    USDC,
    after,
    alert,
    book,
    changed,
    delivery,
    keep,
    known,
    message,
    plan,
)
from tests.store.given import opened, rows
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.messages.delivery import DeliveryState
from watcher.domain.messages.message import Kind
from watcher.domain.model import Asset, Quote
from watcher.domain.records import replace
from watcher.ports.store import Settlement, Store


async def tidied(store: Store, now: datetime) -> int:
    """Tidy until there is no more; how many steps that took."""
    steps = 1
    while await store.tidy(now):
        steps += 1
        assert steps < 500, "tidying never ends"
    return steps


def count(path: Path, table: str) -> int:
    number: int = rows(path, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
    return number


async def test_the_poll_log_goes_and_the_credits_stay(path: Path) -> None:
    async with opened(path) as store:
        for day in range(40):
            grant = await book(store, 10, plan(10_000), after(days=day))
            assert grant
            if day % 2:
                await store.fail(Settlement(grant, after(days=day), 7))
        spent = await store.spent("coinstats", NOW)

        await tidied(store, after(days=39, seconds=1))

        assert await store.spent("coinstats", NOW) == spent == 20 * 10 + 20 * 7
    assert count(path, "requests") == 35


async def test_a_long_log_goes_in_small_steps(path: Path) -> None:
    async with opened(path) as store:
        for _ in range(1200):
            await book(store, 1, plan(10_000))

        assert await store.tidy(after(days=36))
        assert count(path, "requests") == 700
        assert await tidied(store, after(days=36)) == 3
    assert count(path, "requests") == 0


async def test_history_and_balances_are_kept_for_ever(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))

        await tidied(store, after(days=5000))

        assert (await store.load([HOT])).accounts
    assert count(path, "changes") == 1


async def test_what_is_still_owed_or_firing_is_never_dropped(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, deliveries=(delivery("d1"),), alerts=(alert("a1"),))

        await tidied(store, after(days=5000))

        assert len(await store.due("ops", after(days=5000), 9)) == 1
        assert len(await store.live_alerts()) == 1


async def test_deliveries_go_ninety_days_after_and_their_messages_with_them(path: Path) -> None:
    gone, stays = delivery("d1"), delivery("d2", created=after(days=1))
    async with opened(path) as store:
        await keep(store, deliveries=(gone, stays))
        await store.settle([replace(each, state=DeliveryState.SENT, sent=NOW) for each in (gone, stays)])

        await tidied(store, after(days=90, hours=1))

    assert rows(path, "SELECT id FROM deliveries") == [("d2",)]
    assert count(path, "messages") == 1


async def test_a_message_stays_while_one_channel_still_waits_for_it(path: Path) -> None:
    shared = delivery("d1")
    waiting = replace(shared, id="d2", channel="mail")
    async with opened(path) as store:
        await keep(store, deliveries=(shared, waiting))
        await store.settle([replace(shared, state=DeliveryState.SENT, sent=NOW)])

        await tidied(store, after(days=91))

        assert await store.due("mail", after(days=91), 9) == [waiting]


async def test_resolved_alerts_go_after_a_long_time(path: Path) -> None:
    over = replace(alert("a1"), state=AlertState.RESOLVED, resolved_at=NOW)
    async with opened(path) as store:
        await keep(store, alerts=(over,))

        await tidied(store, after(days=399))
        assert count(path, "alerts") == 1
        await tidied(store, after(days=401))

    assert count(path, "alerts") == count(path, "happenings") == 0


async def test_an_event_is_listed_as_long_as_one_message_of_it_is_kept(path: Path) -> None:
    first, second = (
        replace(
            delivery(f"d{day}"), message=message("e1", Kind.EVENT, after(days=day)), created=after(days=day)
        )
        for day in (0, 2)
    )
    async with opened(path) as store:
        await keep(store, deliveries=(first, second))
        await store.settle([replace(each, state=DeliveryState.SENT, sent=NOW) for each in (first, second)])

        await tidied(store, after(days=91))
        with store.queries() as reader:
            (event,) = reader.happened(AlertFilter(), 9)
            assert event.id == "e1"
        await tidied(store, after(days=93))

    assert count(path, "happenings") == 0


async def test_old_prices_are_thinned_to_the_last_of_each_hour(path: Path) -> None:
    start = NOW.replace(minute=0, second=0, microsecond=0)
    async with opened(path) as store:
        for minute in range(0, 180, 5):
            at = start + timedelta(minutes=minute)
            await keep(store, quotes={ETH: Quote(Decimal(minute + 1), at), USDC: Quote(Decimal(1), at)})

        await tidied(store, start + timedelta(days=34))
        assert count(path, "prices") == 72
        await tidied(store, start + timedelta(days=36))

    kept = rows(path, "SELECT price_usd FROM v_prices WHERE asset = 'ethereum' ORDER BY at")
    assert kept == [("56",), ("116",), ("176",)]
    assert count(path, "prices") == 6


async def test_prices_are_thinned_as_they_age_also_in_a_process_that_runs_for_months(path: Path) -> None:
    start = NOW.replace(minute=0, second=0, microsecond=0)
    async with opened(path) as store:
        for day in range(60):
            for minute in (0, 20, 40):
                at = start + timedelta(days=day, minutes=minute)
                await keep(store, quotes={ETH: Quote(Decimal(day * 60 + minute + 1), at)})
            await tidied(store, start + timedelta(days=day, hours=2))

    assert count(path, "prices") in range(60 + 2 * 33, 60 + 2 * 37)


async def test_the_last_price_is_never_dropped(path: Path) -> None:
    async with opened(path) as store:
        for day in (0, 1):
            await keep(store, quotes={ETH: Quote(Decimal(day + 1), after(days=day))})

        await tidied(store, after(days=1000))

        assert (await store.load([])).quotes == {ETH: Quote(Decimal(2), after(days=1))}
    assert rows(path, "SELECT price FROM prices") == [("2",)]


async def test_prices_of_many_assets_are_looked_through_in_steps(path: Path) -> None:
    async with opened(path) as store:
        quotes = {Asset("ethereum", f"0x{number}"): Quote(Decimal(1), NOW) for number in range(45)}
        await keep(store, quotes=quotes)

        assert await tidied(store, after(days=1)) == 3
        assert await tidied(store, after(days=1, minutes=10)) == 1


async def test_many_prices_of_one_asset_are_looked_through_in_small_steps(path: Path) -> None:
    start = NOW.replace(minute=0, second=0, microsecond=0)
    async with opened(path) as store:
        await keep(store, quotes={ETH: Quote(Decimal(1), start), USDC: Quote(Decimal(1), start)})
        with closing(sqlite3.connect(path)) as conn, conn:
            ms = int(start.timestamp() * 1000)
            often = ((asset, ms + n * 60_000, "1") for asset in (1, 2) for n in range(1, 3000))
            conn.executemany("INSERT INTO prices (asset, at, price) VALUES (?, ?, ?)", often)

        assert await tidied(store, start + timedelta(days=40)) >= 6

    assert count(path, "prices") == 2 * 3000 / 60


async def test_space_that_became_free_is_given_back(path: Path) -> None:
    async with opened(path) as store:
        for number in range(1000):
            grant = await book(store, 1, plan(10_000))
            assert grant
            await store.fail(Settlement(grant, NOW, None, failure=f"{number} " + "x" * 1000))
        before = rows(path, "PRAGMA page_count")[0][0]

        await tidied(store, after(days=40))

    assert rows(path, "PRAGMA page_count")[0][0] < before - 100
