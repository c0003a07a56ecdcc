"""What a store promises of sums where a decision does not see every account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import pytest

from tests.contract.conftest import ALONE, backend_of
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
    changed,
    known,
    plan,
    recalled,
)  # fmt: skip
from watcher.domain.decision import Decision, LastRead, Snapshot, SumKey
from watcher.domain.model import Account, AccountState
from watcher.ports.store import Deciding, Recall, Settlement, Store
from watcher.store import KINDS
from watcher.store.memory.state import State
from watcher.store.memory.store import MemoryStore

ONE, OTHER, THIRD = (SumKey("reserve", subject) for subject in ("wallet:a", "wallet:b", "wallet:c"))


@pytest.fixture(params=["memory", *(word for word, kind in KINDS.items() if kind.shared)])
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """A store that several processes may share."""
    if request.param == "memory":
        yield MemoryStore(State(apart=True))
        return
    store = await backend_of(request.param, {"url": request.getfixturevalue("store_database")}).open(
        exclusive=True
    )
    try:
        yield store
    finally:
        await store.close()


async def owe(store: Store, *sums: SumKey, accounts: tuple[AccountState, ...] = ()) -> None:
    changes = tuple(changed(state.account, asset, None, amount)
                    for state in accounts for asset, amount in state.amounts.items())  # fmt: skip
    decision = Decision(NOW, accounts=accounts, changes=changes, sums=dict.fromkeys(sums, True))
    await store.conclude([state.account for state in accounts], lambda _past, _recall: decision)


async def judged(
    store: Store, *accounts: Account, most: int = 10, decision: Decision | None = None
) -> tuple[list[SumKey], Snapshot | None]:
    """Which sums a job is given, and what it sees."""
    told: list[SumKey] = []
    seen: list[Snapshot] = []

    def read(sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
        told.extend(sums)

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            seen.append(past)
            return decision or Decision(NOW)

        return accounts, deciding

    concluded = await store.conclude_sums(read, most)
    assert (concluded is None) == (not told)
    return sorted(told), seen[-1] if seen else None


@pytest.mark.parametrize("store", ALONE, indirect=True)
async def test_where_decisions_see_everyone_no_sum_is_judged_apart(store: Store) -> None:
    past = await store.load([])

    assert past.everyone is not None
    assert not past.apart
    assert await judged(store) == ([], None)


async def test_a_decision_sees_its_own_accounts_and_knows_that_there_are_others(shared: Store) -> None:
    await owe(shared, accounts=(known(HOT, ethereum="1"), known(COLD)))

    past = await shared.load([HOT])

    assert past.apart
    assert past.everyone is None
    assert set(past.accounts) == {HOT}


async def test_what_a_decision_leaves_is_judged_once_with_all_that_it_is_made_of(shared: Store) -> None:
    await owe(shared, ONE, OTHER, accounts=(known(HOT, ethereum="1"),))
    await owe(shared, ONE, accounts=(known(HOT, ethereum="2"), known(COLD)))

    sums, past = await judged(shared, HOT, COLD)

    assert sums == [ONE, OTHER]
    assert past is not None
    assert not past.apart
    assert past.accounts == {HOT: known(HOT, ethereum="2"), COLD: known(COLD)}
    assert await judged(shared) == ([], None)


async def test_no_more_sums_are_taken_than_are_asked_for(shared: Store) -> None:
    await owe(shared, ONE)
    await owe(shared, OTHER)
    await owe(shared, THIRD)

    first, _ = await judged(shared, most=2)
    rest, _ = await judged(shared, most=2)

    assert (first, rest) == ([ONE, OTHER], [THIRD])


async def test_what_a_judgement_concludes_is_kept(shared: Store) -> None:
    fires = alert("a1", account=None, subject="wallet:a")
    await owe(shared, ONE)

    await judged(shared, decision=Decision(NOW, alerts=(fires,), sums={OTHER: False}))

    assert await shared.live_alerts() == [fires]
    sums, past = await judged(shared)
    assert sums == [OTHER]
    assert past is not None
    assert list(past.alerts.values()) == [fires]


async def test_a_judgement_that_failed_is_made_anew(shared: Store) -> None:
    await owe(shared, ONE)

    def read(_sums: Mapping[SumKey, bool]) -> tuple[Sequence[Account], Deciding]:
        raise ValueError("a fault of ours")

    with pytest.raises(ValueError, match="a fault of ours"):
        await shared.conclude_sums(read, 10)

    assert (await judged(shared))[0] == [ONE]


async def test_what_people_hide_is_left_to_be_judged_in_all_sums_of_its_account(shared: Store) -> None:
    await owe(shared, accounts=(known(HOT, ethereum="1"),))

    shared.commands(by(NOW)).hide([(HOT, ETH)], "spam")

    assert (await judged(shared))[0] == [SumKey("", f"coinstats/ethereum/{HOT.address}")]


async def test_those_of_a_source_are_known_whose_last_poll_was_read(shared: Store) -> None:
    """Where no decision sees everyone, they say whether a source that fails for some answers others."""

    async def polled(at: datetime, state: AccountState) -> None:
        grant = await book(shared, 1, plan(100), at)
        assert grant is not None
        read = not state.misses
        settlement = Settlement(grant, at, 1, int(read), int(not read))
        await shared.conclude([state.account], always(Decision(at, accounts=(state,))), settlement)

    asked = LastRead("coinstats")
    assert await recalled(shared, [asked]) == {asked: frozenset()}
    await polled(NOW, known(HOT))
    await polled(after(minutes=1), known(COLD, after(minutes=1)))
    missed = known(COLD, after(minutes=1))._replace(misses=1, miss="timeout", last_attempt=after(minutes=2))
    await polled(after(minutes=2), missed)

    assert await recalled(shared, [asked]) == {asked: frozenset({HOT})}
    await polled(after(minutes=3), known(COLD, after(minutes=3)))

    assert await recalled(shared, [asked]) == {asked: frozenset({HOT, COLD})}
