"""What every store keeps of polls that hints caused: upon whose word, what they found, what they cost."""

from __future__ import annotations

import pytest

from tests.contract.given import COLD, ETH, HOT, NOW, after, always, book, changed, known, plan
from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision
from watcher.domain.model import Account
from watcher.ports.hints import HintedPoll, HintTally, HintWord
from watcher.ports.store import Settlement, Store

WORD = HintWord("mainnet", NOW, "0xab:0")
OTHER = HintWord("alchemy", NOW, "evt_1")


async def settle(
    store: Store, *polls: HintedPoll, moved: tuple[Account, ...] = (), fails: bool = False
) -> Settlement:
    """A request with these polls that ends at the time of the last one."""
    at = polls[-1].at
    grant = await book(store, 40 * len(polls), plan(100_000), at, purpose=Purpose.HINTED)
    assert grant
    settlement = Settlement(grant, at, 40 * len(polls), hinted=polls)
    if fails:
        await store.fail(settlement)
    else:
        states = tuple(known(each.account, at, ethereum="2") for each in polls)
        changes = tuple(changed(account, ETH, "1", "2", at) for account in moved)
        await store.conclude(
            [each.account for each in polls], always(Decision(at, states, changes)), settlement
        )
    return settlement


async def test_what_a_hinted_poll_found_is_kept_with_its_settlement(store: Store) -> None:
    moved, same = (
        HintedPoll(each, WORD, after(seconds=5), changed=False, credits=40) for each in (HOT, COLD)
    )
    await settle(store, moved, same, moved=(HOT,))
    await settle(store, HintedPoll(HOT, OTHER, after(seconds=9), changed=None, credits=40), fails=True)

    with store.queries() as queries:
        [unread, *_] = found = queries.hinted_polls(NOW, 10)
        assert [(each.account, each.word, each.changed) for each in found] == [
            (HOT, OTHER, None),
            (COLD, WORD, False),
            (HOT, WORD, True),
        ]
        assert (unread.at, unread.credits) == (after(seconds=9), 40)
        assert len(queries.hinted_polls(NOW, 10, HOT)) == 2
        assert queries.hinted_polls(NOW, 1, HOT) == [unread]
        assert queries.hinted_polls(after(seconds=10), 10) == []


async def test_what_hints_cost_is_summed_by_source_and_hint_source(store: Store) -> None:
    for number, (word, moved) in enumerate([(WORD, (HOT,)), (WORD, ()), (WORD, ()), (OTHER, (HOT,))]):
        poll = HintedPoll(HOT, word, after(minutes=number), changed=False, credits=40)
        await settle(store, poll, moved=moved)

    with store.queries() as queries:
        assert queries.hint_tallies(NOW) == [
            HintTally("coinstats", "alchemy", 1, 1, 0, 40, 0),
            HintTally("coinstats", "mainnet", 3, 1, 2, 120, 80),
        ]
        assert [each.polls for each in queries.hint_tallies(after(minutes=2))] == [1, 1]


async def test_a_request_that_is_settled_twice_has_its_hinted_polls_once(store: Store) -> None:
    settlement = await settle(store, HintedPoll(HOT, WORD, NOW, changed=False))
    await store.fail(settlement)

    with store.queries() as queries:
        assert len(queries.hinted_polls(NOW, 10)) == 1


async def test_a_decision_that_fails_keeps_no_hinted_poll(store: Store) -> None:
    grant = await book(store, 40, plan(1000))
    assert grant
    settlement = Settlement(grant, NOW, 40, hinted=(HintedPoll(HOT, WORD, NOW, changed=False),))

    def failing(*_: object) -> Decision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.conclude([HOT], failing, settlement)

    with store.queries() as queries:
        assert queries.hinted_polls(NOW, 10) == []


async def test_hinted_polls_go_with_the_poll_log(store: Store) -> None:
    for day in (0, 10):
        await settle(store, HintedPoll(HOT, WORD, after(days=day), changed=False))

    while await store.tidy(after(days=40)):
        pass

    with store.queries() as queries:
        assert [each.at for each in queries.hinted_polls(NOW, 10)] == [after(days=10)]
