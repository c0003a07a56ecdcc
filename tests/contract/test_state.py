"""What every store promises about accounts, alerts and history."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.contract.conftest import ALONE
from tests.contract.given import (
    COLD,
    ETH,
    HOT,
    NOW,
    THIRTY,
    USDC,
    after,
    alert,
    always,
    book,
    changed,
    keep,
    known,
    message,
    plan,
    recalled,
)
from watcher.domain.alerts.lifecycle import AlertState
from watcher.domain.decision import AmountAt, Decision, PriceAt, Snapshot
from watcher.domain.messages.delivery import Delivery
from watcher.domain.model import Account, AccountState, Asset, PriceSuspicion, Quarantined, Quote, Suspect
from watcher.ports.store import Recall, Settlement, Store


async def test_an_account_never_seen_is_not_in_the_past(store: Store) -> None:
    await keep(store, accounts=(known(COLD),))

    assert (await store.load([HOT])).accounts == {}


async def test_a_state_comes_back_as_it_was_concluded(store: Store) -> None:
    state = known(HOT, ethereum="1.5")
    await keep(store, accounts=(state,), changes=(changed(HOT, ETH, None, "1.5"),))

    assert (await store.load([HOT, COLD])).accounts == {HOT: state}


async def test_an_account_of_many_chains_comes_back_with_all_that_is_odd_about_it(store: Store) -> None:
    lost = Asset("solana", "")
    state = AccountState(
        COLD,
        amounts={ETH: THIRTY, USDC: Decimal(0)},
        seen={"ethereum": NOW, "base-wallet": after(hours=-2)},
        stale={USDC: after(days=-1)},
        held={ETH: Suspect(Decimal(0), after(seconds=-20), "reported as zero after it held something", 2)},
        unsettled=frozenset({lost, USDC}),
        omitted={"base-wallet": 3},
        scales={ETH: 10**30, USDC: 1},
        last_attempt=after(seconds=1),
        misses=2,
        miss="timeout: nach 30 s ✗",
        watched_since=after(days=-9),
    )
    changes = (changed(COLD, ETH, None, THIRTY), changed(COLD, USDC, None, "0"))

    await keep(store, accounts=(state,), changes=changes)

    assert (await store.load([COLD])).accounts == {COLD: state}


async def test_what_assets_were_called_and_are_written_as_comes_back(store: Store) -> None:
    written = Asset(ETH.chain, "ether")
    await keep(store, symbols={ETH: "ETH", USDC: "USDC"}, same={written: ETH})
    past = await store.load([])
    assert (past.same, past.former, past.named_at) == ({written: ETH}, {}, {}), "a first name is for long"

    await keep(store, symbols={ETH: "ETHER"}, former={ETH: ("eth",)})
    past = await store.load([])
    assert (past.same, past.former, past.named_at) == ({written: ETH}, {ETH: ("eth",)}, {ETH: NOW})


async def test_what_waits_in_quarantine_comes_back_until_it_is_let_in(store: Store) -> None:
    state = known(HOT, ethereum="1.5")
    shut = {
        ETH: Quarantined(NOW, "it has no price", baseline=True),
        USDC: Quarantined(NOW, "spam ✗", by="ann"),
    }
    first = state._replace(quarantined=shut)
    changes = (changed(HOT, ETH, None, "1.5"), changed(HOT, USDC, None, "0"))
    await keep(store, accounts=(first,), changes=changes)
    assert (await store.load([HOT])).accounts[HOT].quarantined == shut
    await keep(store, accounts=(first._replace(last_attempt=after(seconds=9)),))
    assert (await store.load([HOT])).accounts[HOT].quarantined == shut
    left = {USDC: shut[USDC]}
    await keep(store, accounts=(first._replace(quarantined=left),))
    assert (await store.load([HOT])).accounts[HOT].quarantined == left


async def test_a_newcomer_is_told_from_what_no_rule_sees_whatever_the_reason_says(store: Store) -> None:
    state = known(HOT, ethereum="1.5")
    shut = {USDC: Quarantined(NOW, "nobody asked for it: what it is worth counts in no value")}
    both = state._replace(quarantined=shut, newcomers={ETH: NOW})
    changes = (changed(HOT, ETH, None, "1.5"), changed(HOT, USDC, None, "0"))
    await keep(store, accounts=(both,), changes=changes)
    found = (await store.load([HOT])).accounts[HOT]
    assert (found.quarantined, found.newcomers) == (shut, {ETH: NOW})
    await keep(store, accounts=(both._replace(newcomers={}),))
    assert not (await store.load([HOT])).accounts[HOT].newcomers


async def test_an_account_that_was_only_missed_has_no_reading(store: Store) -> None:
    state = AccountState(HOT, last_attempt=NOW, misses=1, miss="omitted", watched_since=NOW)

    await keep(store, accounts=(state,))

    assert (await store.load([HOT])).accounts == {HOT: state}


async def test_a_later_state_replaces_the_earlier(store: Store) -> None:
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
    later = known(HOT, after(minutes=5), ethereum="2")

    await keep(store, accounts=(later,), changes=(changed(HOT, ETH, "1", "2", after(minutes=5)),))

    assert (await store.load([HOT])).accounts == {HOT: later}


async def test_that_a_daemon_is_at_work_can_be_noted_again_and_again(store: Store) -> None:
    for minutes in (0, 1, 2):
        await store.running(NOW, after(minutes=minutes))


async def test_accounts_that_differ_in_one_part_are_different(store: Store) -> None:
    accounts = [HOT, HOT._replace(source="b"), HOT._replace(chain="base"), HOT._replace(address="0x2")]
    for number, account in enumerate(accounts):
        state = known(account, t=str(number))
        await keep(
            store,
            accounts=(state,),
            changes=(changed(account, Asset(account.chain, "t"), None, str(number)),),
        )

    past = await store.load(accounts)

    assert [list(state.amounts.values()) for state in past.accounts.values()] == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    "digits", [str(THIRTY), "0.00000000000000012345", "1E+30", "17.000000000000001", "-5"]
)
async def test_no_digit_of_an_amount_is_lost(store: Store, digits: str) -> None:
    amount = Decimal(digits)
    state = AccountState(HOT, {ETH: amount}, {"ethereum": NOW})

    await keep(store, accounts=(state,), changes=(changed(HOT, ETH, None, amount),))

    back = (await store.load([HOT])).accounts[HOT].amounts[ETH]
    assert back == amount
    assert format(back, "f") == format(amount, "f")


async def test_symbols_and_prices_are_known_of_every_asset(store: Store) -> None:
    await keep(store, symbols={ETH: "ETH", USDC: "USD₮"}, quotes={ETH: Quote(THIRTY, NOW)})
    await keep(store, symbols={USDC: "USDC"}, quotes={ETH: Quote(Decimal("2000.5"), after(minutes=9))})

    past = await store.load([])

    assert {ETH: "ETH", USDC: "USDC"}.items() <= past.symbols.items()
    assert dict(past.quotes) == {ETH: Quote(Decimal("2000.5"), after(minutes=9))}


async def test_a_price_in_doubt_is_known_until_the_doubt_ends(store: Store) -> None:
    doubt = PriceSuspicion(Decimal("0.00012"), NOW, "a price of $0.00012 after $1.00: at most a 10th")
    await keep(
        store, doubts={ETH: doubt, USDC: PriceSuspicion(None, after(seconds=5), "no price", settled=True)}
    )
    assert (await store.load([])).doubts[ETH] == doubt
    assert (await store.load([])).doubts[USDC] == PriceSuspicion(
        None, after(seconds=5), "no price", settled=True
    )
    await keep(store, doubts={ETH: None})
    assert list((await store.load([])).doubts) == [USDC]


async def test_the_past_has_the_live_alerts_of_the_accounts_asked_for(store: Store) -> None:
    mine, other = alert("a1", subject="mine"), alert("a2", account=COLD, subject="other")
    await keep(store, accounts=(known(HOT), known(COLD)), alerts=(mine, other))

    assert (await store.load([HOT])).alerts == {("gas-low", "mine"): mine}
    assert {each.id for each in await store.live_alerts()} == {"a1", "a2"}


async def test_the_alert_of_an_account_that_was_never_read_is_not_forgotten(store: Store) -> None:
    """Otherwise "no data" would fire anew at each look at an account that has no state yet."""
    await keep(store, alerts=(alert("a1"),))

    assert (await store.load([HOT])).alerts == {("gas-low", "s"): alert("a1")}


async def test_an_alert_that_belongs_to_no_account_is_always_there(store: Store) -> None:
    budget = alert("a1", account=None)
    await keep(store, alerts=(budget,))

    assert (await store.load([HOT])).alerts == {("gas-low", "s"): budget}


async def test_an_alert_that_ended_is_no_longer_live(store: Store) -> None:
    await keep(store, alerts=(alert("a1", subject="one"), alert("a2", subject="two")))
    over = alert("a1", subject="one", state=AlertState.RESOLVED)
    untold = alert("a2", subject="two", state=AlertState.RESOLVED, closed=True)

    await keep(store, alerts=(over, untold))

    assert await store.live_alerts() == []
    assert (await store.load([HOT])).alerts == {}


async def test_a_subject_can_fire_again_under_a_new_id(store: Store) -> None:
    await keep(store, alerts=(alert("a1"),))
    await keep(store, alerts=(alert("a1", state=AlertState.RESOLVED), alert("a2")))

    assert await store.live_alerts() == [alert("a2")]


async def test_a_decision_that_fails_leaves_nothing_behind(store: Store) -> None:
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
    grant = await book(store, 40, plan(1000))
    assert grant

    def failing(_past: Snapshot, _recall: Recall) -> Decision:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.conclude([HOT], failing, Settlement(grant, NOW, 0))

    assert (await store.load([HOT])).accounts == {HOT: known(HOT, ethereum="1")}
    assert await store.spent("coinstats", NOW) == 40


async def test_a_decision_is_made_from_what_was_kept_last(store: Store) -> None:
    await keep(store, accounts=(known(HOT, ethereum="1"),), changes=(changed(HOT, ETH, None, "1"),))
    seen: list[Snapshot] = []

    def deciding(past: Snapshot, _recall: Recall) -> Decision:
        seen.append(past)
        return Decision(NOW)

    conclusion = await store.conclude([HOT], deciding)

    assert conclusion == Decision(NOW)
    assert seen[0].accounts == {HOT: known(HOT, ethereum="1")}


async def test_a_request_is_settled_with_what_follows_from_it(store: Store) -> None:
    grant = await book(store, 40, plan(1000))
    assert grant
    conclusion = Decision(NOW, (known(HOT),), deliveries=(Delivery("d1", "ops", message(), NOW, NOW),))

    await store.conclude([HOT], always(conclusion), Settlement(grant, NOW, 30, readings=1))

    assert await store.spent("coinstats", NOW) == 30
    assert [each.id for each in await store.due("ops", NOW, 10)] == ["d1"]


async def test_a_past_price_is_the_last_one_seen_by_then(store: Store) -> None:
    for minutes, price in ((0, "1000"), (10, "1100"), (20, "1200")):
        await keep(store, quotes={ETH: Quote(Decimal(price), after(minutes=minutes))})

    asked = [PriceAt(ETH, after(minutes=each)) for each in (-1, 0, 9.9, 10, 500)]
    found = await recalled(store, [*asked, PriceAt(USDC, NOW)])

    assert [found[each] for each in asked] == [None, 1000, 1000, 1100, 1200]
    assert found[PriceAt(USDC, NOW)] is None


async def test_a_past_amount_is_the_last_one_confirmed_by_then(store: Store) -> None:
    states = known(HOT), known(COLD)
    first = (changed(HOT, ETH, None, "0"), changed(COLD, ETH, None, "7"))
    await keep(store, accounts=states, changes=first)
    await keep(store, changes=(changed(HOT, ETH, "0", THIRTY, after(hours=1)),))
    await keep(store, changes=(changed(HOT, ETH, THIRTY, "2", after(hours=2)),))

    asked = [AmountAt(HOT, ETH, NOW + timedelta(hours=each)) for each in (-0.1, 0, 0.9, 1, 48)]
    found = await recalled(
        store, [*asked, AmountAt(HOT, USDC, NOW), AmountAt(Account("x", "y", "z"), ETH, NOW)]
    )

    assert list(found.values()) == [None, 0, 0, THIRTY, 2, None, None]


async def test_facts_are_kept_by_source_and_name(store: Store) -> None:
    await store.keep_facts("teos", {"0x1": "1000", "0x2": "10"}, NOW)
    await store.keep_facts("coinstats", {"0x1": "other"}, NOW)
    await store.keep_facts("teos", {"0x1": "100"}, after(days=1))

    assert dict(await store.facts("teos")) == {"0x1": "100", "0x2": "10"}
    assert dict(await store.facts("nobody")) == {}


async def test_what_is_young_is_not_tidied_away(store: Store) -> None:
    state = known(HOT, ethereum="1")
    await keep(store, accounts=(state,), changes=(changed(HOT, ETH, None, "1"),), alerts=(alert("a1"),))

    while await store.tidy(after(days=1)):
        pass

    assert (await store.load([HOT])).accounts == {HOT: state}
    assert len(await store.live_alerts()) == 1


@pytest.mark.parametrize("store", ALONE, indirect=True)
async def test_the_past_shows_everyone_for_rules_that_sum_over_many(store: Store) -> None:
    await keep(store, accounts=(known(HOT, ethereum="1.5"),), changes=(changed(HOT, ETH, None, "1.5"),))
    before = await store.load([COLD])
    assert before.everyone is not None
    assert dict(before.everyone) == {HOT: known(HOT, ethereum="1.5")}

    await keep(store, accounts=(known(COLD),))

    after_it = await store.load([])
    assert after_it.everyone is not None
    assert set(after_it.everyone) == {HOT, COLD}


async def test_a_revision_counts_the_conclusions_that_changed_a_state(store: Store) -> None:
    await keep(store, accounts=(known(HOT),))
    first = (await store.load([])).revision
    await keep(store)
    assert (await store.load([])).revision == first
    await keep(store, accounts=(known(COLD),))
    second = (await store.load([])).revision
    if first is None or second is None:
        assert first is second, "a store says it always or never"
        return
    assert second.of is first.of
    assert second.number == first.number + 1


async def test_after_a_conclusion_that_failed_the_states_may_be_any(store: Store) -> None:
    await keep(store, accounts=(known(HOT),))
    first = (await store.load([])).revision

    def fail(_past: Snapshot, _recall: Recall) -> Decision:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.conclude([HOT], fail)
    second = (await store.load([])).revision
    assert first is None or second is None or second.of is not first.of


async def test_an_attempt_is_known_of_who_was_ever_asked_for(store: Store) -> None:
    await keep(store, accounts=(known(HOT),))
    assert await store.attempts([HOT, COLD]) == {HOT: known(HOT).last_attempt}


async def test_changes_of_a_fact_by_many_at_once_are_all_kept(store: Store) -> None:
    async def add(word: str) -> str:
        return await store.change_fact("coins", "seen", lambda text: f"{text or ''}{word}", NOW)

    kept = await asyncio.gather(*map(add, "abcdefgh"))
    last = (await store.facts("coins"))["seen"]
    assert sorted(last) == list("abcdefgh")
    assert last in kept


async def test_a_change_of_a_fact_that_fails_changes_nothing(store: Store) -> None:
    await store.keep_facts("coins", {"seen": "a"}, NOW)

    def fail(_text: str | None) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.change_fact("coins", "seen", fail, NOW)
    assert await store.facts("coins") == {"seen": "a"}


async def test_who_was_not_read_since_a_time_is_found_among_all(store: Store) -> None:
    missed = AccountState(Account("coinstats", "ethereum", "0x1"), misses=1, last_attempt=after(hours=2))
    read = known(HOT)._replace(misses=1, last_attempt=after(hours=2))
    await keep(store, accounts=(read, known(COLD, after(hours=1)), missed))

    assert sorted(await store.unread_since(NOW)) == [missed.account]
    assert sorted(await store.unread_since(after(minutes=1))) == sorted([HOT, missed.account])
