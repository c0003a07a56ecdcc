"""What is written while others write: nothing is lost or told twice, and who lost a role writes nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.contract.given import (
    COLD,
    ETH,
    HOT,
    NOW,
    after,
    alert,
    always,
    book,
    by,
    delivery,
    keep,
    known,
    plan,
)
from tests.store.postgres.given import SCHEMA, opened, rows
from watcher.domain.alerts.silences import Silence
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.model import Account, AccountState, Change
from watcher.domain.records import replace
from watcher.domain.values.errors import StoreError
from watcher.ports.members import PLAN, Lease
from watcher.ports.store import Recall, Settlement
from watcher.store.postgres.cache import AccountCache
from watcher.store.postgres.store import PostgresStore

QUIET = Silence("s1", "ann", "moving house", NOW, after(hours=1), rules=("gas-*",))


@pytest.fixture
async def stores(store_database: str) -> AsyncIterator[tuple[PostgresStore, PostgresStore]]:
    """Two members."""
    async with AsyncExitStack() as closing:
        first = await closing.enter_async_context(opened(store_database))
        yield first, await closing.enter_async_context(opened(store_database))


def amount_of(past: Snapshot, account: Account) -> Decimal:
    state = past.accounts.get(account)
    return state.amounts.get(ETH, Decimal(0)) if state is not None else Decimal(0)


def counting(
    *accounts: Account, decided: Callable[[], None] = lambda: None
) -> Callable[[Snapshot, Recall], Decision]:
    """One more of each, from what is there."""

    def decide(past: Snapshot, _recall: Recall) -> Decision:
        decided()
        before = {each: amount_of(past, each) for each in accounts}
        return Decision(
            NOW,
            accounts=tuple(
                AccountState(each, {ETH: before[each] + 1}, {each.chain: NOW}, last_attempt=NOW)
                for each in accounts
            ),
            changes=tuple(
                Change(each, ETH, "", was or None, was + 1, None, NOW) for each, was in before.items()
            ),
        )

    return decide


def once(work: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], None]:
    """Have this loop do something, the first time that another thread calls it."""
    loop, left = asyncio.get_running_loop(), [work]

    def call() -> None:
        if left:
            asyncio.run_coroutine_threadsafe(left.pop()(), loop).result(timeout=30)

    return call


def until_somebody_waits(url: str) -> None:
    """Until a transaction waits for a lock that another one has."""
    while not rows(url, "SELECT 1 FROM pg_locks WHERE NOT granted"):
        pass


# ---------------------------------------------------------------------- accounts


async def test_of_many_who_write_the_same_accounts_each_begins_where_another_ended(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    accounts = [Account("coinstats", "ethereum", f"0x{number}") for number in range(8)]
    chance, decided = random.Random(7), []
    for each in accounts:
        await stores[0].conclude([each], counting(each))

    async def write(store: PostgresStore) -> None:
        for _ in range(12):
            some = chance.sample(accounts, 5)  # in any order: who locked them so would wait for each other
            await store.conclude(some, counting(*some, decided=lambda: decided.append(1)))

    await asyncio.gather(*(write(store) for store in (*stores, *stores)))

    past = await stores[0].load(accounts)
    assert sum(amount_of(past, each) for each in accounts) == len(accounts) + 4 * 12 * 5
    assert len(decided) == 4 * 12, "who waits for a lock sees what it waited for"
    assert (await stores[1].load(accounts)).accounts == past.accounts


async def test_of_two_who_read_an_account_for_the_first_time_the_slower_one_sees_the_other(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    beside = once(lambda: second.conclude([HOT], counting(HOT)))

    await first.conclude([HOT], counting(HOT, decided=beside))

    assert amount_of(await first.load([HOT]), HOT) == 2


async def test_who_waits_for_an_account_holds_up_nobody_who_is_about_another(
    stores: tuple[PostgresStore, PostgresStore], store_database: str
) -> None:
    store = stores[0]
    await keep(store, accounts=(known(HOT), known(COLD)))
    with psycopg.connect(store_database, options=f"-c search_path={SCHEMA}") as other:
        other.execute("SELECT 1 FROM accounts WHERE address = %s FOR UPDATE", (HOT.address,))
        waiting = asyncio.create_task(store.conclude([HOT], counting(HOT)))
        await asyncio.to_thread(until_somebody_waits, store_database)

        await store.conclude([COLD], counting(COLD))

        assert not waiting.done()
    await waiting


async def test_what_fails_is_undone_and_the_next_one_can_work(store_database: str) -> None:
    def fail(_past: Snapshot, _recall: Recall) -> Decision:
        raise ValueError("a fault of ours")

    async with opened(store_database, pool=1) as store:
        with pytest.raises(ValueError, match="a fault of ours"):
            await store.conclude([HOT], fail)

        await store.conclude([HOT], counting(HOT))

        assert amount_of(await store.load([HOT]), HOT) == 1


# ---------------------------------------------------------------------- what is remembered


async def test_what_others_wrote_of_an_account_is_seen_by_who_remembers_it(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    await first.conclude([HOT], counting(HOT))
    await second.conclude([HOT, COLD], counting(HOT, COLD))

    past = await first.load([HOT, COLD])

    assert [amount_of(past, each) for each in (HOT, COLD)] == [2, 1]


async def test_no_more_is_remembered_than_there_is_room_for_and_the_rest_is_read_anew(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    store = stores[0]
    assert store._core is not None
    await store.load([])
    cache = store._core._memories._now.accounts = AccountCache(most=20)
    accounts = [Account("coinstats", "ethereum", f"0x{number}") for number in range(6)]
    for _ in range(2):
        for each in accounts:
            await store.conclude([each], counting(each))
            assert cache.rows <= 20
    assert set(cache.of(accounts)) == set(accounts[-2:]), "those that were read last"

    past = await store.load(accounts)

    assert [amount_of(past, each) for each in accounts] == [2] * 6


async def test_what_a_slow_transaction_began_before_the_last_look_is_seen_when_it_ends(
    stores: tuple[PostgresStore, PostgresStore], store_database: str
) -> None:
    store = stores[0]
    with psycopg.connect(store_database, options=f"-c search_path={SCHEMA}") as slow:
        slow.execute(
            "INSERT INTO silences (id, author, comment, created, until, rules, wallets, severities, tags)"
            " VALUES ('slow', 'ann', '', 1, 2, '[]', '[]', '[]', '[]')"
        )
        stores[1].commands(by(NOW)).add_silence(QUIET)
        assert [each.id for each in (await store.load([])).silences] == ["s1"]
        slow.commit()

        assert sorted(each.id for each in (await store.load([])).silences) == ["s1", "slow"]


async def test_of_two_looks_the_older_one_takes_nothing_back(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    """One looks and waits for its turn while another one, which looked later, has had it."""
    store, other = stores
    await store.load([])
    core = store._core
    assert core is not None
    taken = asyncio.Event()
    core._memories._now.small.lock.acquire()
    waiting = asyncio.create_task(store.load([]))
    asyncio.get_running_loop().call_soon(taken.set)
    await taken.wait()
    other.commands(by(NOW)).add_silence(QUIET)
    core._memories._now.small.looks += 1  # as if a third one had looked, and had not seen it
    core._memories._now.small.lock.release()

    assert (await waiting).silences == (QUIET,)


# ---------------------------------------------------------------------- alerts and deliveries


async def test_an_alert_is_written_over_only_as_it_was_seen(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    fires = alert("a1", account=None)
    await keep(first, alerts=(fires,))
    worse = replace(fires, because="0.3 is below 0.5")
    seen: list[str] = []
    beside = once(lambda: keep(second, alerts=(worse,)))

    def decide(past: Snapshot, _recall: Recall) -> Decision:
        (live,) = past.alerts.values()
        seen.append(live.because)
        beside()
        return Decision(NOW, alerts=(replace(live, reads=live.reads + 1),))

    await first.conclude([], decide)

    assert seen == [fires.because, worse.because]
    assert await second.live_alerts() == [replace(worse, reads=worse.reads + 1)]


async def test_what_somebody_acknowledges_meanwhile_stays_acknowledged(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    await keep(first, alerts=(alert("a1", account=None),))

    async def acknowledge() -> None:
        second.commands(by(NOW)).acknowledge(["a1"])

    beside = once(acknowledge)

    def decide(past: Snapshot, _recall: Recall) -> Decision:
        (live,) = past.alerts.values()
        beside()
        return Decision(NOW, alerts=(replace(live, reads=9),))

    await first.conclude([], decide)

    (live,) = await first.live_alerts()
    assert live.reads == 9
    assert live.acknowledged is not None
    assert live.acknowledged.by == "ann"


async def test_of_one_rule_and_subject_only_one_alert_lives_whoever_began_it(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    beside = once(lambda: keep(second, alerts=(alert("a2", account=None),)))

    def decide(past: Snapshot, _recall: Recall) -> Decision:
        beside()
        return Decision(NOW, alerts=() if past.alerts else (alert("a1", account=None),))

    await first.conclude([], decide)

    assert [each.id for each in await first.live_alerts()] == ["a2"]


async def test_what_two_owe_under_one_id_is_owed_once(stores: tuple[PostgresStore, PostgresStore]) -> None:
    first, second = stores
    owed = [Decision(NOW, deliveries=(delivery("d1"), delivery(f"d{which}"))) for which in (2, 3)]

    await asyncio.gather(
        *(store.conclude([], always(each)) for store, each in zip(stores, owed, strict=True))
    )

    found = await first.due("ops", NOW, 10)
    assert sorted(each.id for each in found) == ["d1", "d2", "d3"]
    assert await second.due("ops", NOW, 10) == found


async def test_what_another_owes_is_news_even_to_who_looks_for_the_first_time(
    stores: tuple[PostgresStore, PostgresStore],
) -> None:
    first, second = stores
    await keep(first, deliveries=(delivery("d1"),))

    assert await second.others_wrote()
    assert not await second.others_wrote()
    assert not await first.others_wrote(), "it is its own"


# ---------------------------------------------------------------------- leases


async def test_who_lost_a_role_writes_nothing_on_its_behalf(
    stores: tuple[PostgresStore, PostgresStore], store_database: str
) -> None:
    lead(store_database, "one", 1)
    led = stores[0].led(Lease(PLAN, 1, "one"))
    await led.conclude([HOT], counting(HOT))
    await led.keep_facts("coinstats", {"unit": "1"}, NOW)
    grant = await book(led, 40, plan(100))
    assert grant is not None

    lead(store_database, "two", 2)

    for work in (
        lambda: led.conclude([HOT], counting(HOT)),
        lambda: led.conclude_sums(lambda _sums: ([], always(Decision(NOW))), 10),
        lambda: led.keep_facts("coinstats", {"unit": "2"}, NOW),
        lambda: led.change_fact("coinstats", "unit", lambda _old: "3", NOW),
        lambda: book(led, 40, plan(100)),
        lambda: led.fail(Settlement(grant, NOW, 0)),
        lambda: led.settle([delivery("d1")]),
        lambda: led.tidy(NOW),
        lambda: led.running(NOW, NOW),
    ):
        with pytest.raises(StoreError, match="plan is led by another member"):
            await work()
    unled = stores[0]
    assert amount_of(await unled.load([HOT]), HOT) == 1
    assert await unled.facts("coinstats") == {"unit": "1"}
    assert await unled.spent("coinstats", after(days=-1)) == 40


async def test_who_gains_a_role_waits_for_what_is_written_on_its_behalf(
    stores: tuple[PostgresStore, PostgresStore], store_database: str
) -> None:
    lead(store_database, "one", 1)
    led, loop = stores[0].led(Lease(PLAN, 1, "one")), asyncio.get_running_loop()
    gaining: list[asyncio.Future[None]] = []

    def gain() -> None:
        gaining.append(loop.run_in_executor(None, lead, store_database, "two", 2))
        until_somebody_waits(store_database)

    await led.conclude([HOT], counting(HOT, decided=lambda: asyncio.run_coroutine_threadsafe(
        asyncio.to_thread(gain), loop).result(timeout=30)))  # fmt: skip

    await gaining[0]
    assert rows(store_database, "SELECT member, term FROM leases") == [("two", 2)]
    assert amount_of(await stores[1].load([HOT]), HOT) == 1


def lead(url: str, member: str, term: int) -> None:
    sql = (
        "INSERT INTO leases (role, member, term) VALUES (%s, %s, %s)"
        " ON CONFLICT (role) DO UPDATE SET member = excluded.member, term = excluded.term"
    )
    rows(url, sql, PLAN, member, term)
