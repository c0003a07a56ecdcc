"""Every level of the domain by a table: what holds just below it, exactly at it, and just above."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.evaluation.test_quarantine import REAL, begun, see
from tests.domain.given import ETH, HOT, START, WALLETS, World, reading
from tests.fakes import FakeClock, FakeSource
from tests.service.given import make_engine, make_poller
from watcher.domain.alerts.flapping import CALM, MORE_THAN, WITHIN, Flap
from watcher.domain.alerts.lifecycle import Alert, AlertState, Subject, Terms, advance, remind
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.alerts.silences import Topic, silence_of
from watcher.domain.alerts.source_health import ADDRESSES, FAILS_AFTER, REQUESTS, Streak, failing
from watcher.domain.credits import provider_count
from watcher.domain.credits.allowance import (
    CHEAPEST,
    Allowance,
    CreditPlan,
    Purpose,
    Spending,
    Window,
    may_spend,
)
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation import rule_health
from watcher.domain.evaluation.fast_path import calm_check
from watcher.domain.evaluation.implied_zeros import absences, named_by
from watcher.domain.evaluation.quarantine import BELIEVED_AFTER, SHORTEST_CONTRACT
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, AccountState, Asset, Change, Suspect, Wallet
from watcher.domain.readings import fault_isolation, plausibility, prices
from watcher.domain.readings.asset_policies import FLOOR
from watcher.domain.readings.diff import Difference
from watcher.domain.readings.fault_isolation import FARTHEST, NEAREST, FailingAccount, Isolation, farther
from watcher.domain.readings.plausibility import (
    ASKS,
    DUST,
    INDEPENDENT_AFTER,
    POINT,
    check_plausibility,
    oddity,
)
from watcher.domain.readings.prices import PRICE_AGREES, PRICE_JUMP, PRICE_SETTLES, SAMPLE_EVERY, odd_price
from watcher.domain.readings.reconcile import Reconciled
from watcher.domain.rules import (
    BudgetRule,
    ChangeRule,
    NoDataRule,
    RatioRule,
    RunwayRule,
    ThresholdRule,
    Use,
)
from watcher.domain.rules.aggregate import Total
from watcher.domain.rules.conditions import Condition
from watcher.domain.rules.lookback import Baseline
from watcher.domain.values.verdict import Answer, met, not_met
from watcher.ports.queue import Batch
from watcher.reports.health import LATE_MISSES, LATE_POLLS, LATE_SLACK, WAITS_TOO_LONG
from watcher.service.polling import SHORT_WAIT, Poller
from watcher.service.provider_count import EARLY, ProviderCount
from watcher.store.memory.store import MemoryStore

TICK = timedelta.resolution
TINY = Decimal("1e-12")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
COLD = Account("coinstats", "ethereum", "0xc0")
N, FIRES, BLIND = list[str](), ["r firing"], ["watcher.blind.r firing"]

Look = Callable[[int], object]
"""What holds so many of the smallest steps away from the level: −1, 0 or 1."""

ROWS: list[Any] = []


def level(name: str, below: object, at: object, above: object) -> Callable[[Look], Look]:
    """One row of the table."""

    def row(look: Look) -> Look:
        ROWS.append(pytest.param(look, (below, at, above), id=name))
        return look

    return row


# What is too odd to act on.

FACTOR = Decimal(500)


def jumped(before: Decimal, after: Decimal, price: str | None = None, factor: Decimal = FACTOR) -> bool:
    known = None if price is None else Decimal(price)
    return bool(oddity(Difference(ETH, before, after), known, lambda _: factor))


@level("a rise by exactly the factor is odd", False, True, True)
def _rise(step: int) -> bool:
    return jumped(Decimal(3), 3 * FACTOR + step * TINY)


@level("a fall by exactly the factor is odd", False, True, True)
def _fall(step: int) -> bool:
    return jumped(3 * FACTOR + step * TINY, Decimal(3))


@level("what is worth exactly the dust level is no dust", False, True, True)
def _dust(step: int) -> bool:
    return jumped(DUST + step * TINY, 7 * FACTOR, "1")


@level("the point moves to the right by so many places", False, True, True)
def _point_to_the_right(step: int) -> bool:
    return jumped(Decimal("1.2345"), Decimal("1.2345").scaleb(POINT + step), "1e-9")


@level("the point moves to the left by so many places", False, True, True)
def _point_to_the_left(step: int) -> bool:
    return jumped(Decimal("1.2345"), Decimal("1.2345").scaleb(-POINT - step), "1e-9")


@level("digits that differ by a billionth are the same", True, True, False)
def _digits(step: int) -> bool:
    return jumped(Decimal(1), 1000 + Decimal("1e-6") + step * TINY, "1e-9")


def accepted(before: str, after: Decimal) -> bool:
    state = AccountState(HOT, {ETH: Decimal(before)}, {"ethereum": START})
    belief = check_plausibility(state, reading(HOT, {ETH: str(after)}), START + HOUR, lambda _: Decimal(100))
    return bool(belief.accepted)


@level("a rise by the smallest factor that can be set", True, False, False)
def _smallest_rise(step: int) -> bool:
    return accepted("3", 300 + step * TINY)


@level("a fall by the smallest factor that can be set", False, False, True)
def _smallest_fall(step: int) -> bool:
    return accepted("300", 3 + step * TINY)


def holding(**fields: Any) -> AccountState:
    held = Suspect(Decimal(0), START, "it is gone", **fields)
    return AccountState(HOT, {ETH: Decimal(3)}, {"ethereum": START}, held={ETH: held})


@level("a second answer confirms from ten seconds on", False, True, True)
def _independent(step: int) -> bool:
    now = START + INDEPENDENT_AFTER + step * TICK
    return bool(check_plausibility(holding(), reading(HOT, {ETH: "0"}), now).accepted)


@level("so many odd answers are asked about", True, True, False)
def _asks(step: int) -> bool:
    state = holding(odd=ASKS + step - 1)
    return check_plausibility(state, reading(HOT, {ETH: "30000"}), START + HOUR).doubtful


@level("a second answer without it confirms a zero from ten seconds on", 0, 1, 1)
def _absent(step: int) -> int:
    rule = ThresholdRule.model_validate(
        {"id": "low", "below": "1", "match": {"assets": ["0x" + "a" * 40], "chains": ["ethereum"]}}
    )
    now = START + INDEPENDENT_AFTER + step * TICK
    before = AccountState(HOT, {}, {"ethereum": START})
    learned = Reconciled(before._replace(seen={"ethereum": now}), chains=frozenset({"ethereum"}))
    past = Snapshot({HOT: before}, {})
    return len(list(absences(named_by([rule]), past, learned, reading(HOT, {}), now)))


# Prices.


@level("a price that is exactly so many times as high is odd", False, True, True)
def _price_rise(step: int) -> bool:
    return bool(odd_price(Decimal(7), 7 * PRICE_JUMP + step * TINY))


@level("a price that is exactly so many times lower is odd", False, True, True)
def _price_fall(step: int) -> bool:
    return bool(odd_price(7 * PRICE_JUMP + step * TINY, Decimal(7)))


def second_price(price: Decimal, after: timedelta) -> bool:
    """Whether a second answer confirms that the price is 30,000 and not 2,000 any more."""
    world = World()
    world.see(reading(HOT, {ETH: "5"}, {ETH: "2000"}))
    world.see(reading(HOT, {ETH: "5"}, {ETH: "30000"}))
    world.see(reading(HOT, {ETH: "5"}, {ETH: str(price)}), after=after)
    return world.quotes[ETH].price == price


@level("a second answer confirms a price from so many seconds on", False, True, True)
def _price_settles(step: int) -> bool:
    return second_price(Decimal(30000), PRICE_SETTLES + step * TICK)


@level("an odd price that has doubled since is not confirmed", True, False, False)
def _price_agrees(step: int) -> bool:
    return second_price(30000 * PRICE_AGREES + step * TINY, HOUR)


@level("a price is kept again once its time is over", False, True, True)
def _sample(step: int) -> bool:
    world = World()
    world.see(reading(HOT, {ETH: "5"}, {ETH: "2000"}))
    first = world.now
    world.see(reading(HOT, {ETH: "5"}, {ETH: "2000.01"}), after=SAMPLE_EVERY + step * TICK)
    return world.quotes[ETH].at > first


@level("an odd price of what is worth a dollar is asked about", 0, 1, 1)
def _price_of_dust(step: int) -> int:
    world, amount = World(), str(DUST + step * TINY)
    world.see(reading(HOT, {ETH: amount}, {ETH: "1"}))
    world.see(reading(HOT, {ETH: amount}, {ETH: "20"}))
    return len(world.last.again)


# Quarantine.


@level("a token that is worth exactly the floor is let in", False, True, True)
def _floor(step: int) -> bool:
    world = begun()
    return bool(see(world, {ETH: "5", REAL: "1"}, {REAL: str(FLOOR + step * TINY)}))


@level("a token with a name as long as a contract waits", False, True, True)
def _contract(step: int) -> bool:
    world, named = begun(), Asset("ethereum", "x" * (SHORTEST_CONTRACT + step))
    see(world, {ETH: "5", named: "1"})
    return named in world.states[HOT].quarantined


@level("a token with a name as long as a contract is a newcomer, whatever it is worth", False, True, True)
def _newcomer(step: int) -> bool:
    world, named = begun(), Asset("ethereum", "x" * (SHORTEST_CONTRACT + step))
    see(world, {ETH: "5", named: "1"}, {named: "500"})
    return named in world.states[HOT].newcomers


@level("what was held and priced for so long is no newcomer", True, False, False)
def _believed(step: int) -> bool:
    world = begun()
    see(world, {ETH: "5", REAL: "1"}, {REAL: "500"})
    assert REAL in world.states[HOT].newcomers
    held = reading(HOT, {ETH: "5", REAL: "1"}, {ETH: "2000", REAL: "500"})
    world.see(held, after=BELIEVED_AFTER + step * TICK)
    return REAL in world.states[HOT].newcomers


# Credits and calls.


@level("a reserve of exactly the cheapest request is kept", 0, CHEAPEST, CHEAPEST + 1)
def _reserve(step: int) -> int:
    return CreditPlan((CHEAPEST + step) * 10).kept(datetime(2026, 3, 2, tzinfo=UTC))


@level("of a reserve so much is used that the cheapest request is left", CHEAPEST + 1, CHEAPEST, 0)
def _used_reserve(step: int) -> int:
    return CreditPlan(10_000).kept(datetime(2026, 3, 2, tzinfo=UTC), 1000 - CHEAPEST + step)


@level("the last credit may be spent", True, True, False)
def _last_credit(step: int) -> bool:
    allowance = Allowance(CreditPlan(1000))
    return may_spend(allowance, Spending(960 + step), CHEAPEST, Purpose.BY_HAND, START) is None


@level("the schedule may spend up to the reserve", True, True, False)
def _up_to_the_reserve(step: int) -> bool:
    allowance, early = Allowance(CreditPlan(1000)), datetime(2026, 3, 2, tzinfo=UTC)
    return may_spend(allowance, Spending(860 + step), CHEAPEST, Purpose.SCHEDULED, early) is None


@level("the last call of a window may be made", True, True, False)
def _last_call(step: int) -> bool:
    allowance = Allowance(None, (Window(5, 60),))
    return may_spend(allowance, Spending(0, (4 + step,)), 0, Purpose.SCHEDULED, START) is None


@level("a period begins with its first moment", 2, 3, 3)
def _period(step: int) -> int:
    return CreditPlan(1000).bounds(datetime(2026, 3, 1, tzinfo=UTC) + step * TICK)[0].month


@level("a fall by exactly a hundredth of the plan is a refund", None, None, START + HOUR)
def _renewal(step: int) -> object:
    before = provider_count.Metered(START, 10_000, 5000)
    after = provider_count.Usage(10_000, 5000 - 100 - step)
    return provider_count.noted(before, after, START + HOUR, CreditPlan(10_000)).renewed


# Rules.


def asked(fields: dict[str, str], value: Decimal, *, firing: bool) -> bool:
    """What the condition says, by each of the ways in which it is asked."""
    condition = Condition.model_validate(fields)
    answers = {
        condition.answer(value, firing=firing) is Answer.MET,
        condition.judge(value, "ETH", firing=firing).answer is Answer.MET,
    }
    if not firing:
        rule = ThresholdRule.model_validate({"id": "r", **fields})
        other = ThresholdRule.model_validate({"id": "far", **fields, **FAR[next(iter(fields))]})
        answers |= {not condition.unmet()(value, None), not rule.unmet()(value, None)}
        answers.add(not calm_check([(rule, rule.unmet()), (other, other.unmet())])(value, None))
    assert len(answers) == 1
    return answers.pop()


FAR = {"below": {"below": "-1"}, "above": {"above": "1000"}}


@level("below is strict", True, False, False)
def _below(step: int) -> bool:
    return asked({"below": "10"}, 10 + step * TINY, firing=False)


@level("above is strict", False, False, True)
def _above(step: int) -> bool:
    return asked({"above": "10"}, 10 + step * TINY, firing=False)


@level("below clears strictly above its clear level", True, True, False)
def _clear_above(step: int) -> bool:
    return asked({"below": "10", "clear_above": "12"}, 12 + step * TINY, firing=True)


@level("above clears strictly below its clear level", False, True, True)
def _clear_below(step: int) -> bool:
    return asked({"above": "10", "clear_below": "8"}, 8 + step * TINY, firing=True)


@level("what fires without a clear level ends at the level", True, False, False)
def _ends(step: int) -> bool:
    return asked({"below": "10"}, 10 + step * TINY, firing=True)


@level("a value is strictly below as well", True, False, False)
def _value(step: int) -> bool:
    rule = ThresholdRule.model_validate({"id": "r", "metric": "value_usd", "below": "10"})
    amount, price = 5 + step * TINY, Decimal(2)
    found = not rule.unmet()(amount, price)
    assert found is (rule.answer(amount, price, firing=False) is Answer.MET)
    assert found is not calm_check([(rule, rule.unmet())])(amount, price)
    return found


def moved(by: str, size: Decimal, **fields: str) -> bool:
    rule = ChangeRule.model_validate({"id": "r", "by": by, **fields})
    price = Decimal(2)
    change = Change(HOT, ETH, "ETH", Decimal(100), 100 - size, START, START + HOUR, price, price)
    told = rule.answer(change) is Answer.MET
    assert not (told and rule.untold()(change)), "what is told is never passed over"
    return told


@level("a change of exactly so many units is told", False, True, True)
def _by_units(step: int) -> bool:
    return moved("5", 5 + step * TINY)


@level("a change of exactly such a share is told", False, True, True)
def _by_share(step: int) -> bool:
    return moved("5%", 5 + step * TINY)


@level("a change of exactly so many dollars is told", False, True, True)
def _by_dollars(step: int) -> bool:
    return moved("$10", 5 + step * TINY)


@level("what was told at the beginning of a window is no reference any more", 1, 0, 0)
def _within(step: int) -> int:
    rule = ChangeRule.model_validate({"id": "r", "by": "5", "within": "1h"})
    mark = Baseline("r", "f", HOT, ETH, Decimal(100), START, None)
    return len(rule._references(mark, (), START + HOUR + step * TICK, "f"))


@level("no_data bears an age of exactly longer_than", Answer.NOT_MET, Answer.NOT_MET, Answer.MET)
def _no_data(step: int) -> Answer:
    rule = NoDataRule.model_validate({"id": "r", "longer_than": "1h"})
    state = AccountState(HOT, {}, {"ethereum": START})
    return rule.answer(state, START + HOUR + step * TICK, START - DAY)


@level("no_data counts a day of running", Answer.UNKNOWN, Answer.UNKNOWN, Answer.MET)
def _running(step: int) -> Answer:
    rule = NoDataRule.model_validate({"id": "r", "longer_than": "1h"})
    state = AccountState(HOT, {}, {"ethereum": START - DAY})
    return rule.answer(state, START + HOUR + step * TICK, START)


@level("no_data counts a miss from the start on", Answer.UNKNOWN, Answer.MET, Answer.MET)
def _missed(step: int) -> Answer:
    rule = NoDataRule.model_validate({"id": "r", "longer_than": "1h"})
    attempt = START + step * TICK
    state = AccountState(HOT, {}, {"ethereum": START - DAY}, last_attempt=attempt, misses=1)
    return rule.answer(state, START + MINUTES, START)


MINUTES = timedelta(minutes=5)


# What sums, shares and supplies come to.


@level("a ratio is strictly below", Answer.MET, Answer.NOT_MET, Answer.NOT_MET)
def _ratio(step: int) -> Answer:
    side = {"match": {"assets": ["ETH"]}, "metric": "amount"}
    rule = RatioRule.model_validate({"id": "r", "of": side, "to": side, "below": "0.3"})
    totals = tuple(Total(each, each) for each in (3 + step * TINY, Decimal(10)))
    assert rule.judge_sums(totals, firing=False).answer is rule.answer_sums(totals, firing=False)
    return rule.answer_sums(totals, firing=False)


@level("a part that was read exactly max_age ago is not too old for a sum", FIRES, FIRES, N)
def _max_age(step: int) -> list[str]:
    sums = {"per": "all", "below": "10", "max_age": "1h", "match": {"assets": ["ETH"]}}
    rule = ThresholdRule.model_validate({"id": "r", **sums})
    world = World(rule, wallets={HOT: WALLETS[HOT], COLD: Wallet("cold", "coinstats", COLD.address)})
    assert world.see(reading(HOT, {ETH: "50"}), reading(COLD, {ETH: "1"})) == N
    return world.see(reading(HOT, {ETH: "4"}), after=HOUR + step * TICK)


@level("a supply of exactly shorter_than is not shorter", FIRES, N, N)
def _supply(step: int) -> list[str]:
    world = World(RunwayRule.model_validate({"id": "r", "shorter_than": "5d"}))
    found = [world.see(reading(HOT, {ETH: str(each)}), after=DAY) for each in (10, 9, 8, 7, 6)]
    assert found == [N] * 5
    return world.see(reading(HOT, {ETH: str(5 + step * TINY)}), after=DAY)


def budget(fields: dict[str, str], at: datetime, spent: int, late: int) -> bool:
    rule = BudgetRule.model_validate({"id": "r", "source": "coinstats", **fields})
    use = Use(CreditPlan(30_000), spent, late, at - DAY, at)
    return rule.judge(use, firing=False).answer is Answer.MET


@level("a share of credits that is exactly used is told", False, True, True)
def _used(step: int) -> bool:
    return budget({"used": "80%"}, START, 24_000 + step, 0)


@level("credits that last exactly runs_out_within are not told", False, False, True)
def _runs_out(step: int) -> bool:
    at = datetime(2026, 3, 11, tzinfo=UTC)
    return budget({"runs_out_within": "3d"}, at, 24_000 + step, 2000)


@level("a rule is blind once its patience has passed", N, BLIND, BLIND)
def _patience(step: int) -> list[str]:
    rule = ThresholdRule.model_validate({"id": "r", "metric": "value_usd", "below": "5000"})
    world, unpriced = World(rule), reading(HOT, {ETH: "3"})
    world.see(reading(HOT, {ETH: "3"}, {ETH: "2000"}))
    assert world.see(unpriced) + world.see(unpriced) == N
    return world.see(unpriced, after=HOUR + step * TICK)


@level("a silence is over with its last moment", True, False, False)
def _silence(step: int) -> bool:
    silence = World().silence(HOUR)
    topic = Topic("r", "hot", Severity.CRITICAL, ())
    return silence_of([silence], topic, START + HOUR + step * TICK) is not None


# The life of an alert.

SUBJECT = Subject("s", "s", "w", HOT)


def alert(terms: Terms) -> Alert:
    begun = advance(None, met("it is"), terms, SUBJECT, START).alert
    assert begun is not None
    return begun


def terms(**fields: Any) -> Terms:
    return Terms("r", "f", Severity.WARNING, **fields)


@level("an alert fires once `for` has passed", AlertState.PENDING, AlertState.FIRING, AlertState.FIRING)
def _ripens(step: int) -> AlertState:
    its = terms(wait=HOUR)
    after = advance(alert(its), met("it is"), its, SUBJECT, START + HOUR + step * TICK).alert
    assert after is not None
    return after.state


@level(
    "an alert fires with the reading that is named", AlertState.PENDING, AlertState.FIRING, AlertState.FIRING
)
def _reads(step: int) -> AlertState:
    its = terms(reads=3)
    found = alert(its)
    for number in range(1, 3 + step):
        found = advance(found, met("it is"), its, SUBJECT, START + number * HOUR).alert or found
    return found.state


@level("an alert is told again once `repeat` has passed", False, True, True)
def _repeats(step: int) -> bool:
    now = START + HOUR + step * TICK
    by_time = remind(alert(terms()), HOUR, now).tell is not None
    by_reading = advance(alert(terms()), met("it is"), terms(repeat=HOUR), SUBJECT, now).tell is not None
    assert by_time is by_reading
    return by_time


@level("an alert is over once `keep_firing_for` has passed", False, True, True)
def _keeps(step: int) -> bool:
    its = terms(keep=HOUR)
    ending = advance(alert(its), not_met("it is not"), its, SUBJECT, START).alert
    after = advance(ending, not_met("it is not"), its, SUBJECT, START + HOUR + step * TICK).alert
    return after is not None and not after.live


@level("a transition exactly an hour ago counts no more", True, False, False)
def _flapping_within(step: int) -> bool:
    flap = Flap(tuple(START + number * timedelta(minutes=1) for number in range(MORE_THAN)))
    now = START + WITHIN + step * TICK
    return flap.moved(now).flaps(now)


@level("more transitions than so many are flapping", False, False, True)
def _flapping_more_than(step: int) -> bool:
    flap = Flap()
    for _ in range(MORE_THAN + step):
        flap = flap.moved(START)
    return flap.flaps(START)


@level("flapping is over after exactly the calm", True, False, False)
def _flapping_calm(step: int) -> bool:
    return Flap((START,), since=START).flaps(START + CALM + step * TICK)


@level("quiet hours begin with their first moment", False, True, True)
def _quiet_begins(step: int) -> bool:
    quiet = QuietPeriod(time(22), time(7), UTC)
    return quiet.until(START.replace(hour=22) + step * TICK) is not None


@level("quiet hours do not hold their last moment", True, False, False)
def _quiet_ends(step: int) -> bool:
    quiet = QuietPeriod(time(22), time(7), UTC)
    return quiet.until(START.replace(hour=7) + step * TICK) is not None


# Sources and accounts that fail.


def fails(*, requests: int = REQUESTS, addresses: int = ADDRESSES, lasted: timedelta = FAILS_AFTER,
          answered: bool = False, pause: timedelta | None = None) -> bool:  # fmt: skip
    names = frozenset(str(number) for number in range(addresses))
    streak = Streak(START, requests, names, whole=False, why="", answered=answered)
    return failing(streak, 10, lasted, pause)


@level("a source fails once so much time has passed", False, True, True)
def _fails_after(step: int) -> bool:
    return fails(lasted=FAILS_AFTER + step * TICK)


@level("a source fails with so many requests", False, True, True)
def _fails_requests(step: int) -> bool:
    return fails(requests=REQUESTS + step)


@level("a source fails with so many addresses", False, True, True)
def _fails_addresses(step: int) -> bool:
    return fails(addresses=ADDRESSES + step)


@level("a source that wants to be left alone for so long fails", False, True, True)
def _fails_pause(step: int) -> bool:
    return fails(requests=0, pause=FAILS_AFTER + step * TICK)


def apart(tries: int) -> Isolation:
    found = farther(None, START)
    for _ in range(tries - 1):
        found = farther(found, START)
    return found


@level("what fails by itself is left alone from its second failure on", timedelta(0), NEAREST, 2 * NEAREST)
def _distance(step: int) -> timedelta:
    return apart(2 + step).distance


@level("what fails by itself is left alone for an hour at most", 32 * NEAREST, FARTHEST, FARTHEST)
def _farthest(step: int) -> timedelta:
    return apart(8 + step).distance


@level("what fails by itself is tried again when its time has come", True, False, False)
def _waits(step: int) -> bool:
    found = apart(3)
    return found.waits(found.until + step * TICK)


@level("a time farther off than the distance is that of another clock", True, True, False)
def _set_back(step: int) -> bool:
    found = apart(3)
    return found.waits(found.until - found.distance - step * TICK)


@level("what fails by itself is news after so much time", False, True, True)
def _news(step: int) -> bool:
    until = START + FAILS_AFTER + step * TICK
    return FailingAccount(1, 1, START, apart=Isolation(START, REQUESTS, until)).news


@level("what fails by itself is news after so many requests", False, True, True)
def _news_requests(step: int) -> bool:
    return FailingAccount(1, 1, START, apart=Isolation(START, REQUESTS + step, START + DAY)).news


# The work of a source.

DAILY = Allowance(CreditPlan(40, period="day", reserve=Decimal(0)))


def poller(clock: FakeClock) -> Poller:
    source = FakeSource("coinstats", DAILY, answers=lambda account: reading(account, {ETH: "1"}))
    return make_poller(source, MemoryStore(), Rules([], WALLETS, ()), clock)


@level("a refusal that ends in exactly two minutes is waited out", 2, 2, 1)
def _short_wait(step: int) -> int:
    async def sent() -> int:
        clock = FakeClock(START.replace(hour=0) - SHORT_WAIT - step * timedelta(milliseconds=1))
        there = poller(clock)
        await there.poll(Batch((HOT,), Purpose.BY_HAND))
        waiting = asyncio.create_task(there.poll(Batch((HOT,), Purpose.BY_HAND)))
        await clock.advance(SHORT_WAIT.total_seconds() + 1)
        await waiting
        return len(there.source.sent)  # type: ignore[attr-defined]

    return asyncio.run(sent())


def early(left: int, before_the_end: timedelta) -> bool:
    clock = FakeClock()
    meter = ProviderCount(
        poller(clock).throttle,
        CreditPlan(1000, period="day"),
        make_engine(MemoryStore(), Rules([], {}, ()), clock),
    )
    now = START.replace(hour=0) + DAY - before_the_end
    return meter._early(provider_count.Metered(now, 1000, 1000 - left), now)


@level("what pays for the cheapest request is not nothing", True, False, False)
def _left(step: int) -> bool:
    return early(CHEAPEST + step, 12 * HOUR)


@level("credits that are gone with exactly a twentieth of the period to go are planned", False, False, True)
def _as_planned(step: int) -> bool:
    return early(0, EARLY * DAY + step * TICK)


@pytest.mark.parametrize(("look", "answers"), ROWS)
def test_each_side_of_a_level(look: Look, answers: tuple[object, object, object]) -> None:
    assert (look(-1), look(0), look(1)) == answers


@pytest.mark.parametrize(
    ("known", "right"),
    [
        (plausibility.JUMP, 1000), (plausibility.SMALLEST_JUMP, 100), (plausibility.DUST, 1),
        (plausibility.POINT, 3), (plausibility.ASKS, 3),
        (plausibility.INDEPENDENT_AFTER, 10 * SECOND), (plausibility.CONFIRM_AFTER, 20 * SECOND),
        (prices.PRICE_JUMP, 10), (prices.PRICE_AGREES, 2), (prices.PRICE_SETTLES, 15 * SECOND),
        (prices.SAMPLE_EVERY, 300 * SECOND), (FLOOR, 1), (SHORTEST_CONTRACT, 25), (BELIEVED_AFTER, 30 * DAY),
        (CHEAPEST, 40), (provider_count.RENEWAL, 0.01), (EARLY, 0.05), (SHORT_WAIT, 120 * SECOND),
        (MORE_THAN, 5), (WITHIN, HOUR), (CALM, HOUR / 2), (rule_health.HOUR, HOUR), (rule_health.POLLS, 3),
        (FAILS_AFTER, HOUR / 6), (REQUESTS, 3), (ADDRESSES, 3), (NEAREST, 60 * SECOND), (FARTHEST, HOUR),
        (fault_isolation.PARTS, 4), (fault_isolation.RETURNS, 16), (LATE_MISSES, 3), (LATE_POLLS, 3),
        (LATE_SLACK, 60 * SECOND), (WAITS_TOO_LONG, HOUR / 6),
    ],
)  # fmt: skip
def test_what_was_decided_once_is_not_changed_by_a_slip(known: object, right: object) -> None:
    """To change a level is a decision that people are told of; then this table is changed with it."""
    assert known == right
