"""A rule that cannot be judged for longer than its patience is told once, and once when it sees again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.domain.given import (
    BOND,
    DESK,
    ETH,
    HOT,
    SOL,
    SWEEP,
    USDC,
    WALLETS,
    Stored,
    World,
    failed,
    omitted,
    reading,
)
from watcher.domain.alerts.lifecycle import AlertState, blind
from watcher.domain.evaluation.builtin_notices import FAILING_RULE, source_notice
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, Asset, Miss, MissReason, Wallet
from watcher.domain.records import replace
from watcher.domain.rules import ChangeRule, NoDataRule, RatioRule, Rule, RunwayRule, ThresholdRule
from watcher.domain.values.verdict import met

COLD = Account("coinstats", "ethereum", "0xc0")
TWO = {
    HOT: Wallet("hot", "coinstats", HOT.address, ("gas",)),
    COLD: Wallet("cold", "coinstats", COLD.address),
}
HALF_HOUR = timedelta(minutes=30)
N: list[str] = []
BLIND, SEES = ["watcher.blind.low firing"], ["watcher.blind.low resolved"]


def low(**fields: Any) -> ThresholdRule:
    fields = {"id": "low", "metric": "value_usd", "below": "5000", **fields}
    return ThresholdRule.model_validate(fields)


def eth(amount: str, price: str | None = "2000", account: Account = HOT) -> Any:
    return reading(account, {ETH: amount}, {ETH: price} if price else {})


def test_one_notice_when_its_patience_is_over_and_one_when_it_sees_again() -> None:
    there = World(low(notify=["ops"], severity="critical"), channels=("ops", "all"), wallets=TWO)
    there.see(eth("30"))
    told = [there.see(eth("30", None), after=HALF_HOUR) for _ in range(5)]
    assert told == [N, N, N, N, N]  # from $6,000 to $600,000: decided
    told = [there.see(eth("2", None), after=HALF_HOUR) for _ in range(5)]
    assert told == [N, N, BLIND, N, N]
    assert [each.channel for each in there.told] == ["ops"]
    message = there.told[-1].message
    assert message.severity is Severity.WARNING
    assert message.title.startswith(
        "hot: rule low cannot be judged since 2026-03-01 15:01:00 UTC: value_usd is not "
        "known without a price: from $400.00 to $40,000.00 is possible; take ETH out of the rule"
    )
    assert dict(message.facts)["Rule"] == "value_usd below $5,000.00"
    assert there.see(eth("3", "2000"), after=HALF_HOUR) == SEES
    assert there.see(eth("3", "2000"), after=HALF_HOUR) == N
    assert there.live == []


def test_a_price_that_is_missing_for_a_moment_is_no_blindness() -> None:
    there = World(low(), low(id="sum", per="wallet"), wallets=TWO)
    there.see(eth("3"))
    assert there.see(eth("3", None)) == N
    assert there.live == []
    assert there.see(eth("3")) == N


@pytest.mark.parametrize("kind", [World, Stored])
def test_since_when_a_rule_is_blind_survives_restarts(kind: type[World]) -> None:
    there = kind(low(per="wallet", match={"assets": ["ETH", "NEW"]}), wallets=TWO)
    symbols = {ETH: "ETH", USDC: "NEW"}
    unpriced = reading(HOT, {ETH: "1", USDC: "7"}, {ETH: "2000"}, symbols=symbols)
    assert there.see(unpriced, eth("3", account=COLD)) == N
    for _ in range(2):
        there.restart(after=timedelta(minutes=20))
    assert there.see(unpriced, after=timedelta(minutes=19)) == N
    assert there.see(unpriced, after=timedelta(minutes=2)) == BLIND
    assert "rule low cannot be judged since 2026-03-01 12:01:00 UTC" in there.title
    there.restart()
    assert there.see(unpriced, after=HALF_HOUR) == N
    priced = reading(HOT, {ETH: "1", USDC: "7"}, {ETH: "2000", USDC: "1"}, symbols=symbols)
    assert sorted(there.see(priced)) == ["low firing", *SEES]


@pytest.mark.parametrize(
    ("promise", "fields", "first"),
    [
        (None, {}, 4),  # at least an hour from the second answer on: the first is asked for again at once
        (timedelta(minutes=10), {}, 4),
        (timedelta(hours=1), {}, 8),
        (None, {"blind_after": "2h"}, 6),
        (timedelta(hours=1), {"blind_after": "10m"}, 3),
    ],
)
def test_patience_is_three_times_the_cadence_and_an_hour_at_least_or_as_the_rule_says(
    promise: timedelta | None, fields: dict[str, str], first: int
) -> None:
    wallets = {HOT: replace(WALLETS[HOT], promise=promise), COLD: TWO[COLD]}
    there = World(low(**fields), wallets=wallets)
    there.see(eth("3"))
    told = [there.see(eth("3", None), after=HALF_HOUR) for _ in range(9)]
    assert told.index(BLIND) + 1 == first
    assert sum(map(len, told)) == 1


def test_an_account_that_cannot_be_read_blinds_each_rule_that_looks_at_it_once() -> None:
    rules = (low(metric="amount", below="1"), low(id="total", per="all"), ChangeRule(id="moved"))
    there = World(*rules, low(id="other", match={"assets": ["SOL"]}), wallets=TWO)
    there.see(eth("3"), eth("3", account=COLD))
    told = [there.see(failed(HOT), eth("3", account=COLD), after=HALF_HOUR) for _ in range(6)]
    assert told[:2] == [N, N]
    assert sorted(told[2]) == ["watcher.blind.low firing", "watcher.blind.moved firing"]
    assert told[3:] == [N, N, N]
    title = there.told[0].message.title
    assert "hot on ethereum was last read 2026-03-01 12:01:00 UTC (timeout)" in title
    assert "see with `watcher status`" in title
    told = [there.see(failed(HOT), eth("3", account=COLD), after=timedelta(days=1)) for _ in range(4)]
    assert [each for words in told for each in words] == [
        "watcher.blind.total firing"
    ]  # older than three days
    assert sorted(there.see(eth("3"))) == sorted(
        f"watcher.blind.{each} resolved" for each in ("low", "moved", "total")
    )


def test_an_account_of_a_sum_that_was_never_read_is_told() -> None:
    there = World(low(per="all", match={"wallets": ["*"]}), wallets=TWO)
    told = [there.see(failed(HOT), eth("3", account=COLD), after=HALF_HOUR) for _ in range(5)]
    assert told == [N, N, BLIND, N, N]
    assert "hot on ethereum was never read" in there.told[0].message.title
    assert there.see(eth("3"))


def test_of_an_account_that_a_rule_watches_for_silence_that_rule_tells() -> None:
    silent = NoDataRule(id="silent", longer_than=timedelta(hours=2))
    there = World(low(metric="amount", below="1"), silent, wallets=TWO)
    there.see(eth("3"), eth("3", account=COLD))
    told = [there.see(failed(HOT), eth("3", account=COLD), after=HALF_HOUR) for _ in range(6)]
    assert told == [N, N, N, N, ["silent firing"], N]


def test_a_wallet_on_its_first_looks_is_no_blindness() -> None:
    there = World(low(per="all"), low(id="each"), wallets=TWO)
    assert there.see(eth("3", account=COLD)) == N
    assert there.see(failed(HOT)) == N
    assert there.live == []
    assert there.see(eth("3")) == N


def test_a_source_that_is_out_is_told_as_that_and_not_rule_by_rule() -> None:
    there = World(low(), low(id="total", per="all"), wallets=TWO)
    there.see(eth("3"), eth("3", account=COLD))
    for _ in range(9):
        assert there.see(failed(HOT), failed(COLD), after=HALF_HOUR) == N
    assert there.see(eth("3")) == N, "it is back: the other account was not asked yet"
    assert there.see(eth("3", account=COLD)) == N
    assert there.live == []


def test_while_the_notice_about_a_source_stands_nothing_is_added_to_it() -> None:
    there = World(low(), wallets=TWO)
    there.see(eth("3"), eth("3", account=COLD))
    there._keep(source_notice(there.past(), "coinstats", met("out"), ("ops",), there.now, rule=FAILING_RULE))
    for _ in range(4):
        assert there.see(omitted(HOT), after=HALF_HOUR)[:1] in (N, ["watcher.unreported firing"])
    assert not any("blind" in alert.rule for alert in there.live)


def test_an_asset_in_doubt_for_longer_is_told() -> None:
    there = World(low(metric="amount", below="0.1"), wallets=TWO)
    there.see(eth("3"))
    told = [there.see(reading(HOT, {}, unclear=[ETH]), after=HALF_HOUR) for _ in range(5)]
    assert told == [N, N, BLIND, N, N]
    assert "ETH is not settled by any answer since then; see with `watcher status` what" in there.title
    assert there.see(eth("3")) == SEES


def test_odd_readings_that_never_agree_are_told() -> None:
    there = World(low(metric="amount", below="0.1"), wallets=TWO)
    there.see(eth("3"))
    values = ("3e9", "3e16", "5e24", "7e30", "8e37", "9e44")
    told = [there.see(eth(value), after=HALF_HOUR) for value in values]
    assert told == [N, N, N, BLIND, N, N]


def test_a_ratio_with_nothing_to_compare_with_is_told() -> None:
    sides = {
        "of": {"match": {"wallets": ["hot"]}},
        "to": {"match": {"wallets": ["desk"]}, "metric": "amount"},
    }
    there = World(RatioRule.model_validate({"id": "low", **sides, "below": "1"}))
    bonds = reading(DESK, {BOND: "0"})
    told = [there.see(eth("3"), bonds, after=HALF_HOUR) for _ in range(4)]
    assert told == [N, N, BLIND, N]
    assert "desk is 0: there is nothing to compare with" in there.title
    assert there.see(eth("3"), reading(DESK, {BOND: "5"})) == SEES


def test_a_runway_too_young_to_speak_is_no_blindness() -> None:
    there = World(RunwayRule(id="low", shorter_than=timedelta(days=5)), wallets=TWO)
    for _ in range(40):
        assert there.see(eth("3"), after=HALF_HOUR) == N
    assert there.live == []


def test_what_never_had_a_price_on_teos_names_the_remedy() -> None:
    there = World(low(match={"sources": ["teos"]}), ChangeRule(id="moved", by="$100"))
    told = [there.see(reading(DESK, {BOND: "7"}), after=HALF_HOUR) for _ in range(4)]
    assert [sorted(each) for each in told] == [
        N, N, ["watcher.blind.low firing", "watcher.blind.moved firing"], N,
    ]  # fmt: skip
    assert 'sources.teos.units, "0xfc6": {price_usd: "…"}' in there.title
    assert sorted(there.see(reading(DESK, {BOND: "7"}, {BOND: "100"}))) == [
        "low firing", "watcher.blind.low resolved", "watcher.blind.moved resolved",
    ]  # fmt: skip


def test_who_silences_a_rule_hears_nothing_of_its_blindness_until_then() -> None:
    there = World(low(), wallets=TWO)
    there.see(eth("3"))
    there.silence(timedelta(hours=3), rules=("low",))
    for _ in range(5):
        assert there.see(eth("3", None), after=HALF_HOUR) == N
    (alert,) = there.live
    assert alert.state is AlertState.FIRING
    assert alert.held.startswith("silenced by bob")
    assert there.wait(timedelta(hours=1)) == BLIND


def test_it_is_neither_repeated_nor_escalated_and_has_its_own_words() -> None:
    rule = low(repeat="1h", escalate={"after": "1h", "notify": ["all"]}, summary="{{ wallet }} is low")
    there = World(rule, channels=("ops", "all"), wallets=TWO)
    there.see(eth("3"))
    there.see(eth("3", None))
    there.see(eth("3", None))
    assert there.see(eth("3", None), after=timedelta(hours=2)) == BLIND * 2
    assert "rule low cannot be judged" in there.title
    for _ in range(5):
        assert there.wait(timedelta(hours=2)) == N


def test_when_the_rule_is_gone_so_is_its_notice() -> None:
    there = World(low(), wallets=TWO)
    there.see(eth("3"))
    there.see(eth("3", None))
    there.see(eth("3", None))
    assert there.see(eth("3", None), after=timedelta(hours=2)) == BLIND
    there.restart(low(below="4000"))
    assert [alert.rule for alert in there.live] == ["watcher.blind.low"]  # the edited rule is as blind
    there.restart(low(id="another"))
    assert there.live == []


def test_a_rule_edited_so_that_it_sees_ends_its_notice() -> None:
    there = World(low(), wallets=TWO)
    there.see(eth("3"))
    there.see(eth("3", None))
    there.see(eth("3", None))
    assert there.see(eth("3", None), after=timedelta(hours=2)) == BLIND
    there.restart(low(metric="amount", below="1"))
    assert there.see(eth("3", None)) == SEES


def test_a_chain_that_a_sweep_leaves_out_does_not_end_a_notice_about_its_assets() -> None:
    there = World(low(), wallets={SWEEP: WALLETS[SWEEP], HOT: TWO[HOT]})
    there.see(reading(SWEEP, {ETH: "3", SOL: "9000"}, {ETH: "2000", SOL: "100"}))
    there.see(reading(SWEEP, {ETH: "3", SOL: "9000"}, {SOL: "100"}))
    there.see(reading(SWEEP, {ETH: "3", SOL: "9000"}, {SOL: "100"}))
    assert there.see(reading(SWEEP, {ETH: "3", SOL: "9000"}, {SOL: "100"}), after=2 * HALF_HOUR) == BLIND
    assert there.see(reading(SWEEP, {SOL: "9000"}, {SOL: "100"}, complete=["solana"])) == N
    assert there.see(reading(SWEEP, {ETH: "3", SOL: "9000"}, {ETH: "2000", SOL: "100"})) == SEES


def test_a_rule_that_tells_of_silence_takes_no_patience() -> None:
    with pytest.raises(ValueError, match="blind_after"):
        NoDataRule.model_validate({"id": "x", "longer_than": "1h", "blind_after": "1h"})
    with pytest.raises(ValueError, match="shorter than a minute"):
        low(blind_after="10s")


def test_a_patience_is_no_part_of_what_is_judged() -> None:
    rules: list[Rule] = [low(), low(blind_after="2h")]
    assert rules[0].fingerprint() == rules[1].fingerprint()


BASE = Account("coinstats", "base-wallet", "0xba")
THREE = {**TWO, BASE: Wallet("base", "coinstats", BASE.address)}


def test_what_is_told_of_one_account_does_not_hide_that_another_is_not_read() -> None:
    there = World(low(metric="amount", below="1"), wallets=THREE)
    there.see(eth("3"), eth("3", account=COLD), reading(BASE, {}))
    told: list[str] = []
    for _ in range(12):
        told += there.see(omitted(HOT), after=HALF_HOUR / 3)
        there.see(reading(BASE, {}), after=timedelta(0))
        told += there.see(failed(COLD), after=timedelta(0))
    assert "watcher.unreported firing" in told
    assert {each.account for each in there.live if each.rule == "watcher.blind.low"} == {COLD}


def test_what_nobody_asked_for_makes_no_rule_blind() -> None:
    token = Asset("ethereum", "0x" + "5" * 40)
    there, told = World(low(metric="amount", below="1"), wallets=TWO), list[str]()
    there.see(eth("30"))
    for number in range(9):
        amounts = {ETH: "30", token: str(7 * 5000 ** (number % 3) + number)}
        told += there.see(reading(HOT, amounts, {ETH: "2000"}), after=HALF_HOUR)
    assert token in there.states[HOT].quarantined
    assert token in there.states[HOT].stale
    assert told == N


def test_a_fault_of_our_own_that_keeps_an_account_unread_is_told() -> None:
    there = World(low(metric="amount", below="1"), wallets=TWO)
    there.see(eth("3"), eth("3", account=COLD))
    told: list[str] = []
    for _ in range(12):
        for each in (HOT, COLD):
            told += there.see(Miss(each, MissReason.INTERNAL), after=HALF_HOUR / 6)
    assert told.count("watcher.blind.low firing") == 2


def test_how_long_an_account_was_not_read_counts_from_its_last_reading() -> None:
    there, told = World(low(metric="amount", below="1"), wallets=TWO), list[str]()
    for _ in range(20):
        there.see(eth("3"), eth("3", account=COLD), after=HALF_HOUR / 3)
    for _ in range(5):
        told += there.see(failed(HOT), after=HALF_HOUR / 3)
        there.see(eth("3", account=COLD), after=timedelta(0))
    assert told == N, "fifty minutes"
    assert there.see(failed(HOT), after=HALF_HOUR / 3) == BLIND


def test_who_hears_that_a_rule_cannot_be_judged_is_found_once_however_many_wallets_it_is_about() -> None:
    rules = Rules((low(notify=["ops"]),), TWO, ("ops", "all"))
    voice = rules.voice(blind("low"))
    assert voice is not None
    assert voice.notify == ("ops",)
    assert rules.voice(blind("low")) is voice
    assert rules.voice(blind("gone")) is None
