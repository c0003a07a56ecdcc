"""Whatever comes: a sum is the exact sum of its parts, kept or not, and unknown while any part is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import ETH, USDC, Apart, Stored, World, failed, omitted, reading
from watcher.domain.aggregates import total
from watcher.domain.aggregates.contributions import View
from watcher.domain.alerts.lifecycle import BLIND
from watcher.domain.model import Account, Wallet
from watcher.domain.rules import Rule, ThresholdRule, Total

MODEST = settings(max_examples=60)
ACCOUNTS = [Account("coinstats", "ethereum", f"0x{number}") for number in range(4)]
WALLETS = {
    account: Wallet(f"w{number // 2}", "coinstats", account.address, tags)
    for number, (account, tags) in enumerate(
        zip(ACCOUNTS, [("a",), ("a", "b"), ("b",), ()], strict=True)
    )
}  # fmt: skip


def rule(identity: str, **fields: Any) -> Rule:
    return ThresholdRule.model_validate({"id": identity, "max_age": "50m", **fields})


RULES = (
    rule("usdc", per="all", match={"assets": ["USDC"]}, below="40", clear_above="50"),
    rule("worth", per="all", metric="value_usd", below="60"),
    rule("wallet", per="wallet", metric="value_usd", above="30", unpriced="ignore", repeat="20m"),
    rule("tag", per="tag", match={"assets": ["ETH"]}, below="5", reads=2),
    rule("each", per="account", match={"assets": ["USDC"]},
         any=[{"below": "3"}, {"metric": "value_usd", "above": "9"}]),
)  # fmt: skip


class Lossy(Stored):
    """Some of its transactions fail."""

    def lose(self) -> None:
        """What is known is read from disk anew."""
        self.states = dict(self.states)
        self.count = 0


AMOUNTS = st.decimals(1, 30, places=20).map(lambda amount: f"{amount:f}")
PRICES = st.decimals(Decimal("0.5"), 3, places=9).map(str)
WHOLE = [reading(account, {ETH: "2", USDC: "12"}, {ETH: "1", USDC: "1"}) for account in ACCOUNTS]


@st.composite
def outcomes(draw: st.DrawFn) -> Any:
    """Mostly sound answers, so that the sums are known now and then."""
    account = draw(st.sampled_from(ACCOUNTS))
    kind = draw(
        st.sampled_from(["read"] * 12 + ["zero", "no price", "partial", "unclear", "failed", "omitted"])
    )
    if kind in ("failed", "omitted"):
        return failed(account) if kind == "failed" else omitted(account)
    amounts = {ETH: draw(AMOUNTS), USDC: "0" if kind == "zero" else draw(AMOUNTS)}
    prices = {ETH: draw(PRICES), USDC: draw(PRICES)}
    if kind == "no price":
        del prices[USDC]
    if kind in ("partial", "unclear"):
        del amounts[USDC]
    unclear = [USDC] if kind == "unclear" else []
    return reading(account, amounts, prices, unclear=unclear, complete=[] if kind == "partial" else None)


REQUESTS = st.lists(outcomes(), min_size=1, max_size=4, unique_by=lambda outcome: outcome.account)
STEPS = st.tuples(
    st.sampled_from([[], [(1, WHOLE)]]),
    st.lists(
        st.tuples(
            st.integers(-5, 15),
            st.one_of(REQUESTS, REQUESTS, REQUESTS, st.sampled_from(["wait", "restart", "lose", "consider"])),
        ),
        max_size=25,
    ),
).map(lambda parts: parts[0] + parts[1])


def play(world: World, steps: list[tuple[int, Any]]) -> list[list[str]]:
    told = []
    for minutes, step in steps:
        after = timedelta(minutes=minutes)
        if step == "wait":
            told.append(world.wait(after))
        elif step == "restart":
            told.append(world.restart(after=after))
        elif step == "lose":
            if isinstance(world, Lossy):
                world.lose()
        elif step == "consider":
            if isinstance(world, Lossy):
                world.consider(*WHOLE)
        else:
            told.append(world.see(*step, after=after))
    return told


def with_few(few: int, world: World, steps: list[tuple[int, Any]]) -> tuple[Any, ...]:
    before, total.FEW = total.FEW, few
    try:
        told = play(world, steps)
        return told, totals(world), [each.message for each in world.told]
    finally:
        total.FEW = before


def totals(world: World) -> dict[tuple[str, str], tuple[Total, ...]]:
    past = world.past()
    view = View(past, world.now, past.symbols, {}, {}, {})
    world.memo.under(world.rules, view.past).sums.look(view)
    return {
        key: tuple(each.total(view) for each in summed.sums) for key, summed in world.memo.sums.by_key.items()
    }


@MODEST
@given(STEPS)
def test_kept_sums_and_sums_made_each_time_tell_the_same(steps: list[tuple[int, Any]]) -> None:
    """Whether the past says what has changed or not, and whatever is lost on the way."""
    fresh = with_few(1000, World(*RULES, wallets=WALLETS), steps)
    for world in (World(*RULES, wallets=WALLETS), Lossy(*RULES, wallets=WALLETS)):
        told, sums_now, messages = with_few(0, world, steps)
        assert told == fresh[0]
        assert messages == fresh[2]
        known = {key: [(t.amount, t.value) for t in each] for key, each in sums_now.items()}
        assert known == {key: [(t.amount, t.value) for t in each] for key, each in fresh[1].items()}


@MODEST
@given(STEPS)
def test_sums_that_are_judged_apart_tell_the_same(steps: list[tuple[int, Any]]) -> None:
    """Right after each decision, and time is looked at; what is told in one step has no order. That a rule
    cannot be judged may be told a reading earlier or later."""
    whole, apart = World(*RULES, wallets=WALLETS), Apart(*RULES, wallets=WALLETS)
    steps = [(abs(after), step) for after, step in steps if not isinstance(step, str) or step == "wait"]
    looks = [each for step in steps for each in (step, (0, "wait"))]
    with_few(1000, whole, looks)
    play(apart, looks)

    told, told_apart = (
        Counter(each.message for each in world.told if not each.message.rule.startswith(BLIND))
        for world in (whole, apart)
    )
    assert told_apart == told


@MODEST
@given(STEPS, st.sampled_from([0, 1000]))
def test_a_sum_is_the_exact_sum_of_its_parts_and_unknown_if_any_part_is(
    steps: list[tuple[int, Any]], few: int
) -> None:
    world = World(*RULES, wallets=WALLETS)
    _, found, _ = with_few(few, world, steps)
    amounts, value = found["usdc", "all"][0], found["worth", "all"][0]
    states = [world.states.get(account) for account in ACCOUNTS]
    oldest = min((state.seen["ethereum"] for state in states if state and state.seen), default=None)
    for figure, assets in ((amounts.amount, {USDC}), (value.value, {ETH, USDC})):
        doubtful = any(
            state is None or not state.seen or assets & (state.held.keys() | state.stale.keys())
            for state in states
        )
        if doubtful or oldest is None or world.now - oldest > timedelta(minutes=50):
            assert figure is None
    held = [
        (asset, amount) for state in states if state is not None for asset, amount in state.amounts.items()
    ]
    if amounts.amount is not None:
        assert Fraction(amounts.amount) == sum(Fraction(amount) for asset, amount in held if asset == USDC)
    if any(amount and asset not in world.quotes for asset, amount in held):
        assert value.value is None
    if value.value is not None:
        worth = (Fraction(amount) * Fraction(world.quotes[a].price) for a, amount in held if amount)
        assert Fraction(value.value) == sum(worth)


@MODEST
@given(STEPS)
def test_alerts_on_sums_fire_and_resolve_in_turn(steps: list[tuple[int, Any]]) -> None:
    world = Lossy(*RULES, wallets=WALLETS)
    with_few(0, world, steps)
    messages = [each.message for each in world.told]
    flapping = {(message.rule, message.subject) for message in messages if message.kind == "notice"}
    firing: set[tuple[str, str]] = set()
    for message in messages:
        key = (message.rule, message.subject)
        if message.kind == "firing":
            assert key not in firing or key in flapping
            firing.add(key)
            continue
        assert key in firing or key in flapping
        if message.kind == "resolved":
            firing.discard(key)
    # What flaps is said to do so, and held back from then on.
    assert firing ^ {(alert.rule, alert.subject) for alert in world.live if alert.fired_at} <= flapping


def test_a_sum_of_amounts_with_many_digits_is_exact() -> None:
    world = World(RULES[0], wallets=WALLETS)
    tiny = "0.000000000000000000000000000000000001"
    seen = ["9" * 40, tiny, tiny, "1"]
    world.see(*(reading(account, {USDC: amount}) for account, amount in zip(ACCOUNTS, seen, strict=True)))
    assert totals(world)["usdc", "all"][0].amount == Decimal(
        "1" + "0" * 40 + ".000000000000000000000000000000000002"
    )
