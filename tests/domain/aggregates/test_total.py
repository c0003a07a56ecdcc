"""Thresholds over sums, reading by reading; each case with kept sums and with sums made each time."""

from __future__ import annotations

import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.given import (
    BOND,
    DESK,
    ETH,
    HOT,
    NOTE,
    SOL,
    SWEEP,
    USDC,
    Apart,
    Stored,
    World,
    failed,
    reading,
)
from watcher.domain.aggregates.contributions import View
from watcher.domain.messages.message import Kind
from watcher.domain.model import Account, Asset, Reading, Wallet
from watcher.domain.rules import Rule, ThresholdRule

F, R = ["low firing"], ["low resolved"]
N: list[str] = []

COLD = Account("coinstats", "ethereum", "0xc0")
BASE = Account("coinstats", "base-wallet", "0xc0")
USDC_BASE = Asset("base-wallet", "0x8335")
WALLETS = {
    HOT: Wallet("hot", "coinstats", HOT.address, ("reserve", "busy")),
    COLD: Wallet("cold", "coinstats", COLD.address, ("reserve",)),
    BASE: Wallet("cold", "coinstats", BASE.address, ("reserve",)),
}
SYMBOLS = {ETH: "ETH", USDC: "USDC", USDC_BASE: "USDC", SOL: "SOL", BOND: "BOND", NOTE: "NOTE"}


@pytest.fixture(
    params=[(0, World), (0, Stored), (0, Apart), (1000, World), (1000, Stored), (1000, Apart)],
    ids=[
        *("kept", "kept, by revision", "kept, judged apart"),
        *("made each time", "made each time, by revision", "made each time, judged apart"),
    ],
    autouse=True,
)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    few, kind = request.param
    monkeypatch.setattr("watcher.domain.aggregates.total.FEW", few)
    monkeypatch.setattr(sys.modules[__name__], "World_", kind)


World_: type[World] = World


def low(**fields: Any) -> ThresholdRule:
    fields = {"id": "low", "match": {"assets": ["USDC"]}, "per": "all", "below": "100", **fields}
    return ThresholdRule.model_validate(fields)


def usdc(account: Account, amount: str | None, price: str | None = None, **fields: Any) -> Reading:
    asset = USDC_BASE if account == BASE else USDC
    amounts = {asset: amount} if amount is not None else {}
    return reading(account, amounts, {asset: price} if price else {}, symbols=SYMBOLS, **fields)


def world(*rules: Rule, **wallets: Any) -> World:
    return World_(*rules, wallets=wallets.get("wallets", WALLETS))


def settled(rule: Rule, hot: str = "50", cold: str = "50", base: str = "50") -> World:
    """Every account was read a minute ago, in one request."""
    there = world(rule)
    there.see(usdc(HOT, hot), usdc(COLD, cold), usdc(BASE, base))
    return there


@pytest.mark.parametrize(
    ("fields", "amounts", "told"),
    [
        pytest.param({}, ["50", "0.1", "0"], [N, N, N], id="never below"),
        pytest.param({}, ["0", "-"], [N, N], id="equal is not below"),
        pytest.param({"below": "100.5"}, ["1", "0.4"], [N, F], id="to below"),
        pytest.param({"below": "150"}, ["50", "49", "48"], [N, F, N], id="below to below"),
        pytest.param({"below": "150"}, ["49", "50"], [F, R], id="below to equal"),
        pytest.param({"below": "150"}, ["49", "50", "49", "51"], [F, R, F, R], id="across and back"),
        pytest.param(
            {"below": "150", "clear_above": "160"}, ["49", "55", "60", "61"], [F, N, N, R], id="clear level"
        ),
        pytest.param({"below": "150", "reads": 3}, ["49", "49", "49"], [N, N, F], id="three readings"),
        pytest.param({"below": "150", "for": "2m"}, ["49", "49", "49"], [N, N, F], id="for two minutes"),
        pytest.param({"below": None, "above": "150"}, ["50", "50.1", "50"], [N, F, R], id="above is strict"),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_a_sum_fires_once_and_resolves_once(
    fields: dict[str, Any], amounts: list[str], told: list[list[str]], restarts: bool
) -> None:
    there = settled(low(**fields))
    assert there.told == []
    found = []
    for amount in amounts:
        found.append(there.see(usdc(HOT, amount if amount != "-" else "0.00")))
        if restarts:
            assert there.restart() == []
    assert found == told


def test_at_first_sight_a_sum_is_judged_when_every_part_was_read() -> None:
    there = world(low(below="1000"))
    assert there.see(usdc(HOT, "1"), usdc(COLD, "1")) == N
    assert there.see(usdc(BASE, "1")) == F
    assert there.told[-1].message.title == "USDC: 3 USDC is below 1,000 USDC"
    assert there.fact("Sum of") == "3 accounts"
    parts = [value for label, value in there.told[-1].message.facts if label == "Part"]
    assert sorted(parts) == [
        "cold on base-wallet: 1 USDC",
        "cold on ethereum: 1 USDC",
        "hot on ethereum: 1 USDC",
    ]


@pytest.mark.parametrize(
    ("per", "told", "subjects"),
    [
        ("all", ["low firing"], {"all": ""}),
        ("tag", ["low firing"] * 2, {"tag:reserve": "", "tag:busy": ""}),
        ("wallet", ["low firing"] * 2, {"wallet:hot": "hot", "wallet:cold": "cold"}),
        ("account", ["low firing"] * 3,
         {f"coinstats/{a.chain}/{a.address}": WALLETS[a].name for a in (HOT, COLD, BASE)}),
    ],
)  # fmt: skip
def test_per_says_what_is_one_subject(per: str, told: list[str], subjects: dict[str, str]) -> None:
    there = world(low(per=per, below="1000"))
    assert there.see(usdc(HOT, "10"), usdc(COLD, "20"), usdc(BASE, "30")) == told
    assert {alert.subject: alert.wallet for alert in there.live} == subjects
    assert {alert.account for alert in there.live} == ({HOT, COLD, BASE} if per == "account" else {None})


def test_a_tag_that_is_not_selected_is_no_subject() -> None:
    there = world(low(per="tag", below="1000", match={"tags": ["res*"], "assets": ["USDC"]}))
    there.see(usdc(HOT, "10"), usdc(COLD, "20"), usdc(BASE, "30"))
    assert [alert.label for alert in there.live] == ["tag reserve"]
    assert there.fact("Tag") == "reserve"


def test_values_are_summed_exactly_at_one_price_for_all() -> None:
    there = world(low(metric="value_usd", below="60", match={}))
    first = usdc(HOT, "10", "0.999999999999999999999999999999999"), usdc(COLD, "20"), usdc(BASE, "30", "1")
    assert there.see(*first) == F
    # 10 and 20 at the one price of this contract, and 30 at the price of the other.
    assert there.title == "everything watched: $59.99 is below $60.00"
    assert there.see(usdc(HOT, "10.00000000000000000000000000000002", "1"), after=timedelta(minutes=6)) == R
    assert there.see(usdc(HOT, "9.999999999999999999999999999999999", "1")) == F


def test_an_amount_without_a_price_makes_a_value_unknown_and_a_zero_does_not() -> None:
    for option, first in ((None, N), ("unknown", N), ("ignore", F)):
        extra = {} if option is None else {"unpriced": option}
        there = world(low(metric="value_usd", below="1000", match={}, **extra))
        spam = Asset("ethereum", "0x5a")
        seen = (
            reading(HOT, {USDC: "10", spam: "7"}, {USDC: "1"}),
            usdc(COLD, "20", "1"),
            usdc(BASE, "30", "1"),
        )
        assert there.see(*seen) == first
        told = N if first else F
        there.see(reading(HOT, {USDC: "10", spam: "0"}, {USDC: "1"}))
        assert there.see(reading(HOT, {USDC: "10", spam: "0"}, {USDC: "1"})) == told, option


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (usdc(HOT, "50", unclear=[USDC]), ""),
        (usdc(HOT, None, unclear=[USDC]), "USDC in hot on ethereum is not settled by the last reading"),
        (usdc(HOT, None), "USDC in hot on ethereum is in doubt (left out of a complete answer"),
        (usdc(HOT, "0"), "USDC in hot on ethereum is in doubt (reported as zero"),
    ],
)  # fmt: skip
def test_a_part_in_doubt_makes_the_sum_unknown_and_moves_nothing(trouble: Reading, why: str) -> None:
    there = settled(low(below="150", reads=2), cold="49")
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    if not why:
        return
    assert there.see(trouble) == N
    assert there.see(usdc(COLD, "49")) == N, "another part brings news, but the sum is not known"
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert why_of(there).startswith(why)
    assert there.see(usdc(HOT, "50")) == F


def why_of(there: World) -> str:
    """Why the one sum of the world is not known now."""
    past = there.whole()
    view = View(past, there.now, past.symbols, {}, {}, {})
    (summed,) = there.memo.sums.by_key.values()
    there.memo.under(there.rules, view.past).sums.look(view)
    total = summed.sums[0].total(view)
    return total.why_no_value if summed.sums[0].selection.side.valued else total.why_no_amount


def test_an_account_never_read_makes_the_sum_unknown_and_is_named() -> None:
    there = world(low(below="1000"))
    there.see(usdc(HOT, "1"), failed(COLD), usdc(BASE, "1"))
    assert there.told == []
    assert why_of(there) == "cold on ethereum was never read"


def test_which_part_was_read_last_decides_neither_when_a_blind_rule_is_told_nor_why() -> None:
    """Two parts are not known; the one that polls fail for must not hide the other, configured before it."""
    there = settled(low(max_age="50m"))
    there.see(usdc(COLD, None, unclear=[USDC]))
    there.see(usdc(HOT, None, unclear=[USDC]))
    there.see(failed(COLD))
    assert there.see(usdc(HOT, None, unclear=[USDC]), after=timedelta(minutes=61)) == [
        "watcher.blind.low firing"
    ]
    assert "USDC in hot on ethereum is not settled by the last reading" in there.title
    assert "(and 1 more)" in there.title


def test_which_part_grew_too_old_first_decides_neither_when_a_blind_rule_is_told_nor_why() -> None:
    """The one that polls fail for must not hide the other, configured before it, that is not asked."""
    there = settled(low(max_age="50m"))
    there.see(usdc(HOT, "50"), usdc(BASE, "50"), after=timedelta(minutes=30))
    there.see(failed(COLD))
    there.see(usdc(BASE, "50"), after=timedelta(minutes=25))
    assert why_of(there).startswith("USDC in cold on ethereum was last read")
    there.see(usdc(BASE, "50"), after=timedelta(minutes=30))
    assert why_of(there).startswith("USDC in hot on ethereum was last read")
    there.wait(timedelta(0))
    assert there.see(usdc(BASE, "50"), after=timedelta(minutes=61)) == ["watcher.blind.low firing"]
    assert "hot on ethereum was last read" in there.title


def test_a_miss_is_no_news_and_leaves_the_sum_as_it_was() -> None:
    there = settled(low(below="150", reads=2), cold="49")
    assert there.see(failed(HOT)) == N
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert there.see(usdc(HOT, "50")) == F


def test_a_part_that_is_too_old_makes_the_sum_unknown_until_it_is_read() -> None:
    there = settled(low(below="150", max_age="30m"), cold="50")
    assert there.see(usdc(COLD, "40"), after=timedelta(minutes=40)) == N
    assert why_of(there) == "USDC in hot on ethereum was last read 2026-03-01 12:01:00 UTC, 40 min ago"
    assert there.see(usdc(HOT, "50")) == N
    assert why_of(there).startswith("USDC in cold on base-wallet was last read")
    assert there.see(usdc(BASE, "50")) == F


def test_time_alone_moves_nothing() -> None:
    there = settled(low(below="151", max_age="30m"))
    assert [alert.state for alert in there.live if alert.rule == "low"] == ["firing"]
    assert there.wait(timedelta(days=3)) == N
    assert there.see(usdc(HOT, "200")) == N
    assert [alert.state for alert in there.live if alert.rule == "low"] == ["firing"]
    assert there.see(usdc(COLD, "200"), usdc(BASE, "200")) == R


def test_the_default_age_follows_the_promise_of_each_wallet() -> None:
    wallets = {
        HOT: Wallet("hot", "coinstats", HOT.address, promise=timedelta(minutes=5)),
        COLD: Wallet("cold", "coinstats", COLD.address, promise=timedelta(hours=12)),
        BASE: Wallet("cold", "coinstats", BASE.address),
    }
    for hours, who in ((25, "hot on ethereum"), (37, "cold on ethereum"), (73, "cold on base-wallet")):
        others = [account for account in WALLETS if f"{WALLETS[account].name} on {account.chain}" != who]
        late = world(low(below="1000", reads=2), wallets=wallets)
        late.see(usdc(HOT, "1"), usdc(COLD, "1"), usdc(BASE, "1"))
        late.see(*(usdc(account, "1") for account in others), after=timedelta(hours=hours, minutes=1))
        assert who in why_of(late), hours
        young = world(low(below="1000", reads=2), wallets=wallets)
        young.see(usdc(HOT, "1"), usdc(COLD, "1"), usdc(BASE, "1"))
        young.see(*(usdc(account, "1") for account in others), after=timedelta(hours=hours - 1))
        assert who not in why_of(young), hours


def test_a_clock_set_back_an_hour_does_not_hold_a_sum_up() -> None:
    there = settled(low(below="150", max_age="30m"))
    assert there.see(usdc(HOT, "50"), after=timedelta(hours=-1)) == N
    assert there.see(usdc(HOT, "40")) == F
    assert there.see(usdc(HOT, "60"), usdc(COLD, "50"), usdc(BASE, "50")) == R
    # The hour that came twice is not forgotten: what was read in it ages from there.
    assert there.see(usdc(COLD, "1"), after=timedelta(minutes=40)) == N


def test_only_a_reading_that_speaks_of_a_part_is_one_of_the_reads() -> None:
    wallets = {HOT: WALLETS[HOT], SWEEP: Wallet("fund", "coinstats", SWEEP.address)}
    there = world(low(below="1000", reads=2), wallets=wallets)
    there.see(usdc(HOT, "1"), reading(SWEEP, {USDC: "5", SOL: "1"}, symbols=SYMBOLS))
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert there.see(reading(SWEEP, {SOL: "2"}, symbols=SYMBOLS)) == N
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert there.see(reading(SWEEP, {USDC: "5"}, symbols=SYMBOLS)) == F


def test_a_chain_that_a_sweep_leaves_out_counts_as_old_when_its_time_comes() -> None:
    there = world(
        low(below="1000", max_age="1h", reads=3), wallets={SWEEP: Wallet("fund", "coinstats", "0xbb")}
    )
    there.see(reading(SWEEP, {USDC: "5", SOL: "1"}, symbols=SYMBOLS))
    there.see(reading(SWEEP, {SOL: "1"}, symbols=SYMBOLS), after=timedelta(minutes=50))
    assert why_of(there) == ""
    there.see(reading(SWEEP, {SOL: "1"}, symbols=SYMBOLS), after=timedelta(minutes=20))
    assert why_of(there).startswith("USDC in fund on ethereum was last read 2026-03-01 12:01:00 UTC")


def test_a_chain_that_the_rule_names_must_have_been_read() -> None:
    match = {"chains": ["ethereum"], "assets": ["USDC"]}
    there = world(low(below="1000", match=match), wallets={SWEEP: Wallet("fund", "coinstats", "0xbb")})
    assert there.see(reading(SWEEP, {SOL: "1"}, symbols=SYMBOLS)) == N
    assert why_of(there) == "fund on ethereum was never read"


def test_a_symbol_that_was_never_seen_is_no_zero_and_a_contract_is_one() -> None:
    there = world(low(match={"assets": ["USDX"]}))
    assert there.see(usdc(HOT, "5"), usdc(COLD, "5"), usdc(BASE, "5")) == N
    assert why_of(there) == "USDX was never seen in what is selected"
    there = world(low(match={"assets": ["0x5a5a"]}))
    assert there.see(usdc(HOT, "5"), usdc(COLD, "5"), usdc(BASE, "5")) == F
    assert there.title == "0x5a5a: 0 is below 100"


def test_what_was_emptied_is_a_zero() -> None:
    there = settled(low(), "50", "0", "50")
    assert there.see(usdc(HOT, "0"), usdc(BASE, None)) == N
    assert there.see(usdc(HOT, "0"), usdc(BASE, None)) == F
    assert there.title == "USDC: 0 USDC is below 100 USDC"


def test_an_empty_portfolio_is_worth_nothing() -> None:
    there = world(low(metric="value_usd", match={}))
    assert there.see(reading(HOT, {}), reading(COLD, {}), reading(BASE, {})) == F


def test_a_teos_asset_that_was_never_read_makes_the_sum_unknown() -> None:
    desk = Wallet("desk", "teos", DESK.address, asked=(BOND, NOTE))
    for assets, why in (
        (["BOND", "NOTE"], "NOTE in desk on teos was never read"),
        (["0x00fc7", "0xfc6"], "NOTE in desk on teos was never read"),
        (["BOND"], ""),
    ):
        there = world(low(match={"assets": assets}), wallets={DESK: desk})
        seen = Reading(DESK, {BOND: Decimal(7)}, symbols={BOND: "BOND", NOTE: "NOTE"}, names_all=False)
        assert there.see(seen) == (N if why else F), assets
        assert why_of(there) == why
    there = world(low(match={"assets": ["BOND"]}), wallets={DESK: desk})
    there.see(Reading(DESK, {BOND: Decimal(7)}, symbols={BOND: "BOND"}, names_all=False))
    assert "0xfc7 in desk on teos was never read" in why_of(there), "it may be a BOND as well"


def test_different_assets_are_not_added_unless_each_is_named() -> None:
    for assets, told in ((["*"], N), (["USD*", "ETH"], N), (["USDC", "ETH"], F)):
        there = world(low(below="1000", match={"assets": assets}))
        seen = reading(HOT, {USDC: "1", ETH: "2"}), usdc(COLD, "1"), usdc(BASE, "1")
        assert there.see(*seen) == told, assets
        if not told:
            assert why_of(there) == "amounts of different assets (ETH, USDC) cannot be added"


def test_a_symbol_that_changes_is_summed_anew_everywhere() -> None:
    there = settled(low(below="150"))
    renamed = reading(HOT, {USDC: "50"}, symbols={USDC: "USDC.e"})
    assert there.see(renamed) == ["watcher.renamed notice"], (
        "the same contract in hot and in cold, and in the sum"
    )
    assert there.see(usdc(HOT, "50")) == N
    assert there.see(usdc(HOT, "10"), usdc(COLD, "20")) == F


def test_what_is_told_of_a_sum_repeats_and_says_how_it_stands() -> None:
    there = settled(low(below="151", repeat="1h"))
    there.see(usdc(HOT, "20"), after=timedelta(minutes=30))
    assert there.wait(timedelta(minutes=31)) == ["low repeat"]
    assert there.fact("Amount") == "120 USDC"
    assert there.wait(timedelta(minutes=1)) == N
    assert there.see(usdc(HOT, "20"), after=timedelta(minutes=60)) == ["low repeat"]


def test_an_alert_is_withdrawn_when_its_subject_is_gone() -> None:
    match = {"tags": ["busy"], "assets": ["*"]}
    there = world(low(per="tag", below="1000"), low(id="each", below="1000", match=match, per="asset"))
    there.see(usdc(HOT, "10"), usdc(COLD, "20"), usdc(BASE, "30"))
    assert {alert.subject for alert in there.live} >= {"tag:reserve", "tag:busy"}
    there.wallets = {**WALLETS, HOT: Wallet("hot", "coinstats", HOT.address, ("reserve",))}
    assert sorted(there.restart()) == ["each withdrawn", "low withdrawn"]
    assert [alert.subject for alert in there.live] == ["tag:reserve"]
    assert {alert.because for alert in there.alerts.values() if alert.closed} == {
        "its rule no longer selects this"
    }


def test_a_sum_that_is_no_longer_met_because_an_account_was_taken_out_did_not_resolve() -> None:
    match = {"tags": ["reserve"], "assets": ["USDC"]}
    there = world(low(per="tag", match=match, below=None, above="25"))
    there.see(usdc(HOT, "10"), usdc(COLD, "20"), usdc(BASE, "30"))
    assert [alert.subject for alert in there.live] == ["tag:reserve"]
    there.wallets = {account: wallet for account, wallet in there.wallets.items() if account != COLD}
    assert there.restart() == N
    assert there.see(usdc(HOT, "10"), usdc(BASE, "30")) == N, "what is left is still above"
    there.wallets = {account: wallet for account, wallet in there.wallets.items() if account != BASE}
    assert there.restart() == N
    assert there.see(usdc(HOT, "10")) == ["low withdrawn"]
    assert there.title.endswith("the accounts that it sums were edited: 10 USDC is not above 25 USDC")


BOTH = [{"metric": "amount", "below": "100"}, {"metric": "value_usd", "above": "50"}]


@pytest.mark.parametrize(
    ("join", "amount", "price", "told", "words"),
    [
        ("all", "99", "1", F, "99 USDC is below 100 USDC and $99.00 is above $50.00"),
        ("all", "99", "0.1", N, ""),
        ("all", "99", None, N, ""),
        ("all", "100", None, N, ""),
        ("any", "99", None, F, "99 USDC is below 100 USDC"),
        ("any", "100", "1", F, "$100.00 is above $50.00"),
        ("any", "100", None, N, ""),
        ("any", "100", "0.1", N, ""),
        ("any", "99", "1", F, "99 USDC is below 100 USDC and $99.00 is above $50.00"),
    ],
)
@pytest.mark.parametrize("per", ["asset", "wallet"])
def test_conditions_are_joined_on_one_subject(
    per: str, join: str, amount: str, price: str | None, told: list[str], words: str
) -> None:
    rule = ThresholdRule.model_validate(
        {"id": "low", "per": per, "match": {"assets": ["USDC"], "wallets": ["hot"]}, join: BOTH}
    )
    there = world(rule)
    assert there.see(usdc(HOT, amount, price)) == told
    if told:
        assert there.title.endswith(": " + words)


@pytest.mark.parametrize("per", ["asset", "wallet"])
def test_joined_conditions_resolve_as_their_logic_says(per: str) -> None:
    match = {"assets": ["USDC"], "wallets": ["hot"]}
    for join, steps in (
        ("all", [("99", "1", F), ("99", None, N), ("99", "0.5", R)]),
        ("any", [("99", "0.1", F), ("100", None, N), ("100", "0.1", R)]),
    ):
        there = world(ThresholdRule.model_validate({"id": "low", "per": per, "match": match, join: BOTH}))
        for amount, price, told in steps:
            if per == "wallet" and price is None:
                continue  # a sum takes the last price kept
            assert there.see(usdc(HOT, amount, price)) == told, (join, amount, price)


def test_a_firing_condition_holds_until_beyond_its_own_clear_level() -> None:
    conditions = [{"below": "100", "clear_above": "120"}, {"metric": "value_usd", "above": "500"}]
    there = world(
        ThresholdRule.model_validate({"id": "low", "match": {"assets": ["USDC"]}, "any": conditions})
    )
    assert there.see(usdc(HOT, "99", "1")) == F
    assert there.see(usdc(HOT, "120", "1")) == N
    assert there.see(usdc(HOT, "121", "1")) == R


def test_a_price_alone_moves_a_sum_when_a_part_is_read() -> None:
    match = {"assets": ["USDC"], "wallets": ["hot"]}
    there = world(low(metric="value_usd", below="90", match=match))
    assert there.see(usdc(HOT, "100", "1"), usdc(COLD, "1", "1")) == N
    assert there.see(usdc(HOT, "100", "1")) == N
    assert there.see(usdc(COLD, "1", "0.8")) == N, "no part of it was read"
    assert there.see(usdc(HOT, "100", "0.8")) == F
    assert there.see(usdc(COLD, "1", "0.9")) == N
    assert there.see(usdc(HOT, "100")) == N, "the answer had no price, so that the value is not known"
    assert there.see(usdc(HOT, "100", "0.9")) == R


def test_a_price_in_doubt_makes_a_value_unknown_and_is_named() -> None:
    match = {"assets": ["USDC"], "wallets": ["hot"]}
    there = world(low(metric="value_usd", below="90", match=match, reads=2))
    there.see(usdc(HOT, "100", "0.5"))
    assert there.see(usdc(COLD, "1", "0.001")) == N
    assert there.see(usdc(HOT, "100", "0.001"), after=timedelta(seconds=5)) == N, "one cache told it twice"
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert why_of(there).startswith("the price of USDC on ethereum is in doubt (a price of $0.00")
    assert there.see(usdc(HOT, "100", "0.001")) == F


def test_a_repeat_says_why_a_value_is_not_known_by_now() -> None:
    there = settled(low(metric="value_usd", below="1000", repeat="1h"))
    for account in (HOT, COLD, BASE):
        there.see(usdc(account, "50", "1"))
    assert there.live
    there.see(usdc(HOT, "50", "50"))
    assert there.wait(timedelta(hours=1)) == ["low repeat"]
    assert there.fact("Value") == "from $60.00 to $1,050.00"
    assert there.fact("Assumed").startswith("USDC at its last price $1.00 divided and multiplied by 10")


def test_a_decision_that_was_not_kept_leaves_no_trace() -> None:
    there = settled(low(below="150"))
    if not isinstance(there, Stored):
        return
    there.consider(usdc(HOT, "40"))
    assert there.see(usdc(COLD, "50")) == N
    there.consider(usdc(HOT, "60"), usdc(COLD, "60"))
    assert there.see(usdc(BASE, "49")) == F
    there.consider(usdc(BASE, "50"))
    assert there.see(usdc(COLD, "50")) == N
    assert there.see(usdc(BASE, "50")) == R


def test_what_another_process_wrote_is_seen() -> None:
    if World_ is Apart:
        return  # who writes leaves it to be judged
    there, other = settled(low(below="150")), settled(low(below="150"))
    assert other.see(usdc(HOT, "49")) == F
    there.states = dict(other.states)
    assert there.see(usdc(COLD, "50")) == F, "as after a poll by hand, which told nobody"
    assert isinstance(there, Stored) or there.see(usdc(HOT, "50")) == R


def test_several_conclusions_between_two_looks_are_seen() -> None:
    if World_ is Apart:
        return  # who writes leaves it to be judged
    there = settled(low(below="150"))
    for outcome in (failed(HOT), failed(COLD), failed(BASE), failed(HOT)):
        assert there.see(outcome) == N
    other = settled(low(below="150"))
    other.see(usdc(HOT, "49"))
    there.states.update({HOT: other.states[HOT]})
    assert there.see(usdc(COLD, "50")) == F


def test_a_sum_that_is_kept_firing_resolves_though_nothing_changes_meanwhile() -> None:
    there = settled(low(below="151", keep_firing_for="5m"))
    assert there.see(usdc(HOT, "60")) == N
    assert [there.see(usdc(HOT, "60"), after=timedelta(minutes=2)) for _ in range(3)] == [N, N, R]


def test_a_sum_is_judged_once_a_request_and_news_of_any_part_counts() -> None:
    there = settled(low(below="151", reads=3))
    assert [alert.reads for alert in there.live if alert.rule == "low"] == [1]
    assert there.see(usdc(HOT, "50"), usdc(COLD, "50")) == N
    assert there.see(usdc(BASE, "50")) == F
    assert there.told[-1].message.kind is Kind.FIRING


def test_a_rule_over_sums_says_what_it_sums() -> None:
    assert low(per="wallet").describe() == "sum per wallet of amount below 100"
    assert low(metric="value_usd").describe() == "sum of value_usd below $100.00"
