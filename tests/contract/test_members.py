"""What every store promises of who leads what: one alone does, it is the one who may write, and the next one
goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.contract.conftest import backend_of
from tests.contract.given import HOT, after, keep, known
from watcher.domain.values.errors import StoreError, StoreInUseError
from watcher.ports.members import PLAN, Identity, Lease, tell
from watcher.ports.store import Store, StoreBackend
from watcher.store import KINDS

ROLES = (PLAN, tell("ops"), tell("pager"))
PATIENCE = 30.0


@pytest.fixture(params=list(KINDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> StoreBackend:
    shared = KINDS[request.param].shared
    settings = {"url": request.getfixturevalue("store_database")} if shared else {}
    return backend_of(request.param, settings, tmp_path)


@asynccontextmanager
async def opened(backend: StoreBackend, name: str) -> AsyncIterator[Store]:
    store = await backend.open(exclusive=True)
    try:
        await store.members.introduce(lambda: Identity(name, ROLES, "same rules", "1.0.0"))
        yield store
    finally:
        await store.close()


async def gained(store: Store, role: str = PLAN) -> Lease:
    async with asyncio.timeout(PATIENCE):
        return await store.members.gained(role)


async def test_who_is_there_alone_leads_all_it_would_and_writes_on_its_behalf(store: Store) -> None:
    await store.members.introduce(lambda: Identity("one", ROLES))
    for role in ROLES:
        lease = await gained(store, role)
        assert lease.role == role
        assert store.members.leads(role)
    await keep(store.led(await gained(store)), accounts=(known(HOT, ethereum="1"),))
    assert (await store.load([HOT])).accounts[HOT].amounts


async def test_a_lease_lasts_while_its_leader_is_at_work(store: Store) -> None:
    await store.members.introduce(lambda: Identity("one", ROLES))
    over = asyncio.create_task(store.members.lost(await gained(store)))
    await keep(store, accounts=(known(HOT, ethereum="1"),))
    await keep(store, accounts=(known(HOT, after(minutes=1), ethereum="2"),))
    assert not over.done()
    assert await gained(store) == await gained(store)
    over.cancel()


async def test_what_one_leads_no_second_one_does(backend: StoreBackend) -> None:
    async with opened(backend, "one") as one:
        await gained(one)
        try:
            async with opened(backend, "two") as two:
                assert not two.members.leads(PLAN)
                assert not {role for role in ROLES if one.members.leads(role) and two.members.leads(role)}
        except StoreInUseError:
            pass  # a file that one daemon has open lets no second one in
        assert one.members.leads(PLAN)


async def test_who_goes_leaves_its_roles_to_the_next_one_and_writes_no_more(backend: StoreBackend) -> None:
    async with opened(backend, "one") as one:
        first = await gained(one)
        left = one.led(first)
        await keep(left, accounts=(known(HOT, ethereum="1"),))
    async with opened(backend, "two") as two:
        lease = await gained(two)
        assert lease.term >= first.term
        assert lease != first or two.shared is None
        await keep(two.led(lease), accounts=(known(HOT, after(minutes=1), ethereum="2"),))
        with pytest.raises((StoreError, RuntimeError)):  # it is another's, or closed
            await keep(left, accounts=(known(HOT, after(minutes=2), ethereum="3"),))
        (amount,) = (await two.load([HOT])).accounts[HOT].amounts.values()
        assert amount == 2
