"""Rules about credits that run out, or of which a share is used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import WALLETS, kinds
from watcher.domain.alerts.lifecycle import Alert
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.decide import decide_by_time
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.delivery import Delivery
from watcher.domain.rules import BudgetRule, Use, pace_since
from watcher.domain.scheduler.outlook import Outlook

N: list[str] = []
F, R, AGAIN = ["credits firing"], ["credits resolved"], ["credits repeat"]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 4, 1, tzinfo=UTC)
PLAN = CreditPlan(30_000)


def budget(**fields: Any) -> BudgetRule:
    return BudgetRule.model_validate({"id": "credits", "source": "coinstats", **fields})


class Ledger:
    """Credits by the hour, and what rules say of them."""

    def __init__(self, *rules: BudgetRule, plan: CreditPlan = PLAN) -> None:
        self.plan, self.rules = plan, Rules(rules, WALLETS, ("ops",))
        self.booked: dict[datetime, int] = {}
        self.alerts: dict[str, Alert] = {}
        self.told: list[Delivery] = []
        self.now = START
        self.outlook: Outlook | None = None

    def spend(self, a_day: float, during: timedelta) -> None:
        """An even pace, hour by hour."""
        for _ in range(during // HOUR):
            self.booked[self.now] = self.booked.get(self.now, 0) + round(a_day / 24)
            self.now += HOUR

    def judge(self, after: timedelta = timedelta(0)) -> list[str]:
        self.now += after
        since = pace_since(self.plan, self.now)
        spent, late = self._since(self.plan.bounds(self.now)[0]), self._since(since)
        live = {(alert.rule, alert.subject): alert for alert in self.alerts.values() if alert.live}
        uses = {"coinstats": Use(self.plan, spent, late, since, self.now, self.outlook)}
        conclusion = decide_by_time(
            Snapshot({}, live), [], self.rules, self.now, running_since=START, uses=uses
        )
        self.alerts.update({alert.id: alert for alert in conclusion.alerts})
        self.told += conclusion.deliveries
        return kinds(conclusion.deliveries)

    def _since(self, at: datetime) -> int:
        return sum(booked for hour, booked in self.booked.items() if hour >= at)


def test_a_share_that_is_used_fires_once_and_resolves_with_the_next_period() -> None:
    ledger = Ledger(budget(used="80%"))
    assert ledger.judge() == N
    ledger.spend(2376, 10 * DAY)
    assert ledger.judge() == N
    ledger.spend(240 * 24, HOUR)
    assert ledger.judge() == F
    assert [ledger.judge(HOUR), ledger.judge(DAY)] == [N, N]
    assert ledger.judge(30 * DAY) == R
    assert ledger.judge(DAY) == N


@pytest.mark.parametrize(
    ("spent", "told"),
    [(23_999, N), (24_000, F), (24_001, F), (30_000, F), (40_000, F), (0, N)],
)
def test_the_share_is_met_when_it_is_reached(spent: int, told: list[str]) -> None:
    ledger = Ledger(budget(used="80%"))
    ledger.booked[START] = spent
    assert ledger.judge(DAY) == told


def test_the_message_says_how_much_of_what_and_until_when() -> None:
    ledger = Ledger(budget(used="80%", summary="{{ source }}: {{ because }}", severity="critical"))
    ledger.booked[START] = 25_234
    assert ledger.judge(9 * DAY) == F
    message = ledger.told[-1].message
    because = (
        "84\N{NARROW NO-BREAK SPACE}% of 30,000 credits are used, at least 80\N{NARROW NO-BREAK SPACE}%; "
        "the next come at 2026-05-01 00:00:00 UTC"
    )
    assert message.title == f"coinstats: {because}"
    assert dict(message.facts)["Credits"] == "25,234 of 30,000 used"
    assert dict(message.facts)["Period"] == "2026-04-01 00:00:00 UTC to 2026-05-01 00:00:00 UTC"
    assert (message.subject, message.wallet, message.severity) == ("coinstats", "", "critical")


def test_credits_that_are_used_as_planned_never_run_out() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    for _ in range(60):
        ledger.spend(1000, DAY)
        assert ledger.judge() == N
    assert ledger.plan.bounds(ledger.now)[0] == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("pace", [1000, 1500, 2000])
def test_a_burst_that_the_cadence_makes_up_for_is_no_alarm(pace: int) -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    for _ in range(15):
        ledger.spend(pace, DAY)
        assert ledger.judge() == N
        ledger.spend(2000 - pace, DAY)
        assert ledger.judge() == N


def test_another_user_of_the_key_is_told_days_before_the_credits_are_gone() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.spend(1000, 5 * DAY)
    told = []
    for _ in range(40):
        ledger.spend(5000, 6 * HOUR)
        told.append(ledger.judge())
        if told[-1]:
            break
    assert told[-1] == F
    left = 30_000 - sum(ledger.booked.values())
    assert 2 * DAY < timedelta(days=left / 5000) <= 3 * DAY
    assert "at the pace of late they are gone by 2026-04-" in ledger.told[-1].message.title


def test_it_resolves_when_the_pace_leaves_enough_and_not_before() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.spend(1000, 5 * DAY)
    ledger.spend(6000, 2 * DAY)
    assert ledger.judge() == F
    ledger.spend(1500, 2 * DAY)
    assert ledger.judge() == N, "ten thousand for three weeks: more than three days, but not enough"
    ledger.spend(300, DAY)
    assert ledger.judge() == R
    assert "the next come at 2026-05-01" in ledger.told[-1].message.title


def test_credits_that_are_gone_long_before_the_end_fire_and_come_back_with_the_period() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.booked[START] = 30_000
    assert ledger.judge(3 * DAY) == F
    assert "none are left" in ledger.told[-1].message.title
    assert ledger.judge(10 * DAY) == N
    assert ledger.judge(18 * DAY) == R


def test_credits_that_are_gone_in_the_last_twentieth_are_used_as_planned() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.spend(1035, 29 * DAY)
    assert sum(ledger.booked.values()) >= 29_900
    assert ledger.judge() == N


@pytest.mark.parametrize("restart", [False, True])
def test_unknown_in_between_and_a_restart_move_nothing(restart: bool) -> None:
    ledger = Ledger(budget(used="50%", repeat="6h"))
    ledger.booked[START] = 16_000
    assert ledger.judge(DAY) == F
    if restart:
        ledger.rules = Rules(list(ledger.rules.by_id.values()), WALLETS, ("ops",))
    (alert,) = ledger.alerts.values()
    live = {("credits", "coinstats"): alert}
    concluded = decide_by_time(Snapshot({}, live), [], ledger.rules, ledger.now, running_since=START)
    assert not concluded.alerts, "no ledger, no answer"
    assert ledger.judge(5 * HOUR) == N
    assert ledger.judge(HOUR) == AGAIN


def test_an_alert_goes_on_under_an_edited_rule_or_is_withdrawn() -> None:
    ledger = Ledger(budget(used="50%"))
    ledger.booked[START] = 16_000
    assert ledger.judge(DAY) == F
    ledger.rules = Rules([budget(used="52%")], WALLETS, ("ops",))
    assert ledger.judge(HOUR) == N
    ledger.rules = Rules([budget(used="92%")], WALLETS, ("ops",))
    assert ledger.judge(HOUR) == ["credits withdrawn"]


def test_a_clock_set_back_an_hour_changes_nothing() -> None:
    ledger = Ledger(budget(used="50%", runs_out_within="3d"))
    ledger.spend(3000, 5 * DAY)
    assert ledger.judge() == F
    assert [ledger.judge(-HOUR), ledger.judge(2 * HOUR)] == [N, N]


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York"])
@pytest.mark.parametrize("month", [3, 10])
def test_periods_are_in_utc_also_in_the_night_of_a_clock_change(zone: str, month: int) -> None:
    plan = CreditPlan(1000, period="day")
    day = 29 if month == 3 else 25
    ledger = Ledger(budget(used="50%"), plan=plan)
    ledger.now = datetime(2026, month, day, 0, 30, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    midnight = plan.bounds(ledger.now)[1]
    ledger.booked[ledger.now.replace(minute=0)] = 600
    assert ledger.judge() == F
    assert ledger.judge(midnight - ledger.now - timedelta(seconds=1)) == N
    assert ledger.judge(timedelta(seconds=1)) == R


def test_a_period_that_ends_while_the_ledger_is_read_is_no_alarm() -> None:
    end = PLAN.bounds(START)[1]
    late = end - timedelta(milliseconds=1)
    use = Use(PLAN, 29_900, 1000, pace_since(PLAN, late), late)
    rules = Rules([budget(runs_out_within="20d")], WALLETS, ("ops",))
    after = end + timedelta(milliseconds=10)
    assert not decide_by_time(
        Snapshot({}), [], rules, after, running_since=START, uses={"coinstats": use}
    ).alerts


def test_words_stay_the_same_while_little_changes() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.spend(1000, 5 * DAY)
    ledger.spend(6000, 2 * DAY)
    ledger.judge()
    written = []
    for _ in range(240):
        ledger.now += timedelta(seconds=15)
        before = dict(ledger.alerts)
        ledger.judge()
        written.append(ledger.alerts != before)
    assert sum(written) <= 5


@given(st.lists(st.integers(0, 8000), min_size=1, max_size=29), st.integers(1, 10))
def test_no_message_is_sent_twice_and_none_says_what_is_not(days: list[int], within: int) -> None:
    ledger = Ledger(budget(runs_out_within=f"{within}d"))
    firing = False
    for pace in days:
        ledger.spend(pace, DAY)
        told = ledger.judge()
        assert told in (N, R if firing else F)
        firing ^= bool(told)
        left = max(30_000 - sum(ledger.booked.values()), 0)
        if told == F:
            assert left / max(round(pace / 24) * 24, 1) < within + 0.1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "runs_out_within or used is needed"),
        ({"used": "0%"}, "above 0%"),
        ({"used": "101%"}, "at most 100%"),
        ({"used": 80}, "share"),
        ({"used": "eighty%"}, "decimal"),
        ({"runs_out_within": "0s"}, "positive"),
        ({"used": "80%", "match": {"wallets": ["a"]}}, "leave match out"),
        ({"used": "80%", "source": "coin*"}, "one source"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused(fields: Mapping[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        budget(**fields)


def test_a_plan_that_lasts_for_ages_overflows_nothing() -> None:
    plan = CreditPlan(10**12)
    use = Use(plan, 40, 40, START, START + DAY)
    assert use.runs_out() is None


def test_what_is_used_up_in_the_last_twentieth_is_used_as_planned() -> None:
    at = START + 15 * DAY
    since = pace_since(PLAN, at)
    assert Use(PLAN, 15_100, 1010, since, at).runs_out() is None
    out = Use(PLAN, 20_000, 1400, since, at).runs_out()
    assert out is not None
    assert at < out < START + 28 * DAY


def beginning(ledger: Ledger, a_day: float) -> Ledger:
    """A source that is polled from now on, by a plan of so many credits a day."""
    length = 30 * DAY.total_seconds()
    began = ledger.now.timestamp()
    ledger.outlook = Outlook(0.0, a_day * 30, 1.0, {}, length=length, began=began)
    return ledger


def test_the_first_minutes_of_a_plan_that_lasts_cry_nothing() -> None:
    ledger = beginning(Ledger(budget(runs_out_within="3d")), 900)
    ledger.booked[START] = 400  # everything is read once at the start
    for minutes in (1, 5, 30, 60, 600):
        assert ledger.judge(timedelta(minutes=minutes)) == N


def test_a_plan_that_cannot_last_is_told_before_a_day_was_observed() -> None:
    ledger = Ledger(budget(runs_out_within="3d"))
    ledger.now = START + 15 * DAY
    ledger = beginning(ledger, 12_000)
    ledger.spend(12_000, 2 * HOUR)
    assert ledger.judge() == F, "half of the month was before it began, and spent nothing"
