"""`plan` says who tells of which account, and counts on hints as far as it is known what they are worth."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.given import NOW
from tests.reports.hinted import KEY, SOURCES, configured, learnt
from watcher.analysis.plan import SourcePlan, Supposed, misfit, plan_source
from watcher.cli.plan import _told, as_json, headline
from watcher.config.configuration import build_source
from watcher.domain.hints.expectation import ASSUMED_LAG
from watcher.domain.hints.lag import ProviderLag
from watcher.domain.hints.persistence import HINTS
from watcher.domain.scheduler import Scheduler
from watcher.ports.hints import HintTally
from watcher.service.learnt import FACT


def planned(
    folder: Path, hints: str = SOURCES, facts: dict[str, str] | None = None, **more: Any
) -> SourcePlan:
    settings = configured(folder, hints)
    return plan_source(settings, build_source(settings, "coinstats"), NOW, facts=facts, **more)


def tally(credits_taken: int) -> HintTally:
    return HintTally("coinstats", "mainnet", credits_taken // 40, 0, 0, credits_taken, 0)


def changing(folder: Path, a_day: float) -> str:
    """What the schedule has learnt, of an account that changes so often."""
    plan = planned(folder)
    start = NOW.timestamp()
    scheduler = Scheduler([line.item for line in plan.lines], plan.budget, start)
    for number in range(1, 200):
        scheduler.observe(KEY, start + number * 86400 / a_day * 0.7, changed=number % 2 == 0)
    return json.dumps(scheduler.dump())


def test_as_long_as_nothing_was_learnt_hints_count_for_nothing_and_that_is_said(tmp_path: Path) -> None:
    plan, without = planned(tmp_path), planned(tmp_path, hints="")
    assert plan.forecast == without.forecast
    said = "Hints may tell of 1 account; what they are worth is not known yet, and counts for nothing here"
    assert said in headline(plan)
    first, second = plan.lines
    assert _told(first) == "mainnet and scripts: not known yet"
    assert _told(second) == ""


def test_an_account_that_is_told_of_is_seen_sooner_and_polled_more_rarely(tmp_path: Path) -> None:
    facts = {HINTS: learnt(untold=0.1)}
    plan, without = planned(tmp_path, facts=facts), planned(tmp_path, hints="")

    told, other = plan.forecast.rows
    hints = plan.lines[0].hints
    assert hints is not None
    assert hints.shown_after is not None
    assert told.expected_delay == pytest.approx(0.9 * hints.shown_after + 0.1 * told.interval / 2)
    assert told.interval > without.forecast.rows[0].interval
    assert other.expected_delay < without.forecast.rows[1].expected_delay
    assert plan.forecast.mean_delay < without.forecast.mean_delay
    assert _told(plan.lines[0]).startswith("mainnet and scripts: 90 % told, 98 % true, shown after 1")


def test_what_hints_took_of_late_is_not_planned_for_the_schedule(tmp_path: Path) -> None:
    facts = {HINTS: learnt()}
    plan = planned(tmp_path, facts=facts, tallies=[tally(240)])
    calm = planned(tmp_path, facts=facts)
    assert plan.hinted == pytest.approx(240 * plan.budget.period / 86400)
    assert plan.forecast.per_period == pytest.approx(calm.forecast.per_period - plan.hinted, rel=0.01)
    assert plan.per_period <= plan.limit
    assert any(line.startswith("Polls upon hints take 7,") for line in headline(plan))


def test_a_promise_that_cannot_be_paid_is_stretched_by_what_hints_take(tmp_path: Path) -> None:
    supposed = Supposed(add=30, at_least_every=timedelta(days=1))
    more: dict[str, Any] = {"facts": {HINTS: learnt()}, "supposed": supposed}
    plan, calm = planned(tmp_path, tallies=[tally(240)], **more), planned(tmp_path, **more)
    assert not calm.fits
    assert plan.forecast.feasibility.stretch > calm.forecast.feasibility.stretch
    (said,) = misfit(plan)
    assert "(hints take 37 %): stretched to" in said
    assert "hints" not in misfit(calm)[0]


def test_what_is_told_of_an_account_that_changes_all_the_time_waits_to_be_gathered(
    tmp_path: Path,
) -> None:
    hot = {HINTS: learnt(), FACT: changing(tmp_path, 500)}
    calm = {HINTS: learnt(), FACT: changing(tmp_path, 0.1)}
    row, quiet = planned(tmp_path, facts=hot).forecast.rows[0], planned(tmp_path, facts=calm).forecast.rows[0]
    assert row.expected_delay > 0.9 * row.interval * math.sqrt(0.1) / 2
    assert quiet.expected_delay < 0.2 * quiet.interval / 2


def test_until_it_is_known_when_a_change_is_shown_a_minute_is_assumed(tmp_path: Path) -> None:
    fact = json.loads(learnt(untold=0.1))
    fact["sources"]["mainnet"][1] = ProviderLag().dump()
    plan = planned(tmp_path, facts={HINTS: json.dumps(fact)})
    row = plan.forecast.rows[0]
    assert row.expected_delay == pytest.approx(0.9 * ASSUMED_LAG + 0.1 * row.interval / 2)
    assert _told(plan.lines[0]).endswith("shown after: not known yet")


def test_a_silent_source_is_expected_to_tell_nothing(tmp_path: Path) -> None:
    fact = json.loads(learnt())
    fact["accounts"] = {}
    fact["sources"]["mainnet"][0][-1] = NOW.timestamp()
    plan = planned(tmp_path, facts={HINTS: json.dumps(fact)})
    row = plan.forecast.rows[0]
    assert row.expected_delay == pytest.approx(row.interval / 2)


@pytest.mark.parametrize("text", ["", "null", "[]", '{"version": 1}', '{"sources": {"mainnet": 3}}', "{"])
def test_what_cannot_be_read_counts_as_not_known(tmp_path: Path, text: str) -> None:
    assert planned(tmp_path, facts={HINTS: text}).forecast == planned(tmp_path, hints="").forecast


def test_scripts_are_told_the_same_as_people(tmp_path: Path) -> None:
    found = as_json([planned(tmp_path, facts={HINTS: learnt(untold=0.1)}, tallies=[tally(240)])])
    assert found["sources"]["coinstats"]["hints_per_period"] > 7000
    first, second = found["accounts"]
    assert first["hints"]["by"] == ["mainnet", "scripts"]
    assert first["hints"]["told"] == pytest.approx(0.9)
    assert "hints" not in second


def test_without_hint_sources_scripts_are_told_nothing_of_hints(tmp_path: Path) -> None:
    assert "hints" not in json.dumps(as_json([planned(tmp_path, hints="")]))
