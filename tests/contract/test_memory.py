"""What every store promises to rules that look back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.contract.given import (
    COLD,
    ETH,
    HOT,
    NOW,
    THIRTY,
    USDC,
    after,
    always,
    changed,
    keep,
    known,
    recalled,
)
from watcher.domain.decision import Decision
from watcher.domain.model import Account, Change
from watcher.domain.records import replace
from watcher.domain.rules.lookback import Baseline, BaselineOf, ChangesIn
from watcher.ports.store import Store

TICK = timedelta(milliseconds=1)
MARK = Baseline("drift", "f1", HOT, ETH, THIRTY, NOW, Decimal("2000.10"))


async def filled(store: Store) -> list[Change]:
    """A baseline and four changes, one an hour."""
    amounts = [None, "5", "4", "4.5", "0", "7"]
    rows = [
        changed(HOT, ETH, amounts[n], str(amounts[n + 1]), after(hours=n))._replace(
            before_at=None if n == 0 else after(hours=n - 1), price_before=Decimal(n), price_after=THIRTY
        )
        for n in range(5)
    ]
    for row in rows:
        others = (changed(COLD, ETH, None, "1", row.after_at), changed(HOT, USDC, "2", "1", row.after_at))
        await keep(store, accounts=(known(HOT), known(COLD)), changes=(row, *others))
    return rows


async def test_a_window_begins_after_its_start_and_ends_with_its_end(store: Store) -> None:
    rows = await filled(store)
    asked = {
        ChangesIn(HOT, ETH, after(hours=1), after(hours=3)): rows[2:4],
        ChangesIn(HOT, ETH, after(hours=1) - TICK, after(hours=3) - TICK): rows[1:3],
        ChangesIn(HOT, ETH, after(hours=-9), after(hours=99)): rows,
        ChangesIn(HOT, ETH, after(hours=4), after(hours=9)): [],
        ChangesIn(HOT, ETH, after(hours=3), after(hours=1)): [],
        ChangesIn(HOT, ETH._replace(token="never seen"), after(hours=-9), after(hours=99)): [],
        ChangesIn(Account("x", "y", "z"), ETH, after(hours=-9), after(hours=99)): [],
    }

    found = await recalled(store, list(asked))

    assert found == {question: tuple(answer) for question, answer in asked.items()}


async def test_changes_come_in_the_order_of_time_also_after_a_clock_was_set_back(store: Store) -> None:
    hours = (0, 2, 1, 1)
    rows = [changed(HOT, ETH, str(n + 1), str(n), after(hours=hour)) for n, hour in enumerate(hours)]
    for row in rows:
        await keep(store, accounts=(known(HOT),), changes=(row,))

    question = ChangesIn(HOT, ETH, after(hours=-1), after(hours=2))
    found = await recalled(store, [question])

    assert found[question] == (rows[0], rows[2], rows[3], rows[1])


async def test_a_mark_comes_back_with_every_digit_and_replaces_the_one_before(store: Store) -> None:
    await keep(store, accounts=(known(HOT),), changes=(changed(HOT, ETH, None, "1"),))
    assert await recalled(store, [MARK.question]) == {MARK.question: None}

    await keep(store, accounts=(known(HOT),), marks=(MARK,))
    assert await recalled(store, [MARK.question]) == {MARK.question: MARK}

    later = replace(MARK, amount=Decimal(0), at=after(hours=1), price=None, fingerprint="f2")
    await keep(store, accounts=(known(HOT),), marks=(later,))
    assert await recalled(store, [MARK.question]) == {MARK.question: later}


async def test_marks_of_other_rules_and_holdings_are_others(store: Store) -> None:
    changes = tuple(changed(a, s, None, "1") for a in (HOT, COLD) for s in (ETH, USDC))
    marks = [
        Baseline(rule, "f1", account, asset, Decimal(number), NOW)
        for number, (rule, account, asset) in enumerate(
            (rule, account, asset) for rule in ("a", "b") for account in (HOT, COLD) for asset in (ETH, USDC)
        )
    ]

    await keep(store, accounts=(known(HOT), known(COLD)), changes=changes, marks=tuple(marks))

    found = await recalled(store, [mark.question for mark in marks])
    assert found == {mark.question: mark for mark in marks}
    assert await recalled(store, [BaselineOf("c", HOT, ETH)]) == {BaselineOf("c", HOT, ETH): None}


async def test_what_a_rule_remembered_is_forgotten_with_the_rule(store: Store) -> None:
    other = replace(MARK, rule="other")
    await keep(store, accounts=(known(HOT),), changes=(changed(HOT, ETH, None, "1"),), marks=(MARK, other))

    await store.conclude([], always(Decision(NOW, standing={"other": "f1"})))

    found = await recalled(store, [MARK.question, other.question])
    assert found == {MARK.question: None, other.question: other}


async def test_what_a_rule_remembered_before_it_was_edited_is_never_its_own_again(store: Store) -> None:
    await keep(store, accounts=(known(HOT),), changes=(changed(HOT, ETH, None, "1"),), marks=(MARK,))

    for fingerprint in ("f2", "f1"):
        await store.conclude([], always(Decision(NOW, standing={"drift": fingerprint})))

    found = await recalled(store, [MARK.question])
    assert found == {MARK.question: replace(MARK, fingerprint="")}
