"""Push hints in `watcher simulate`: what they are, what they bring, and what they never take."""

from __future__ import annotations

import csv
import json
import random
from bisect import bisect_left
from collections import Counter
from pathlib import Path

import pytest

from tests.analysis.plan.test_simulate import poisson, write
from watcher.analysis.simulate import DAY, SimulationResult, simulate_trace
from watcher.analysis.simulated_hints import SimulatedHints, parse_hints
from watcher.analysis.trace import as_trace
from watcher.cli import _run
from watcher.domain.scheduler import Item
from watcher.domain.values.errors import InputError

CHANCE = random.Random(5)
RATES = [CHANCE.lognormvariate(0, 1.5) for _ in range(40)]
EVENLY = 40 * 40 / 8000 * DAY / 2
"""The mean delay if 8,000 credits a day were spread evenly over the wallets."""


def simulated(
    hints: SimulatedHints | None, *, credits_a_day: float = 8000, longest: float = float("inf")
) -> SimulationResult:
    trace = as_trace(poisson(10, RATES))
    items = [Item(wallet, 40, at_least_every=longest) for wallet in trace.changes]
    return simulate_trace(trace, items, credits_a_day, hints=hints)


def test_hints_that_tell_all_at_once_leave_their_own_delay() -> None:
    result = simulated(SimulatedHints(recall=1, lag=0))
    assert 8 < result.mean_delay < 20
    assert 7.5 < result.median_delay < 10
    assert result.barren_polls < 0.1 * result.hint_polls


def test_of_a_twentieth_untold_and_a_lagging_provider_most_is_seen_in_seconds() -> None:
    result = simulated(SimulatedHints())
    assert result.median_delay < 30
    assert EVENLY / result.mean_delay > 8
    assert 0.98 <= result.credits / result.allowed <= 1


@pytest.mark.parametrize(
    "hints",
    [
        SimulatedHints(precision=0.5),
        SimulatedHints(recall=0.8, precision=0.5, lag=60),
        SimulatedHints(share=0.5),
        SimulatedHints(recall=0, precision=1),
    ],
)
def test_no_hints_are_worse_than_none(hints: SimulatedHints) -> None:
    assert simulated(hints).mean_delay < 1.1 * simulated(None).mean_delay + hints.lag


def test_promises_are_kept_beside_hints(tmp_path: Path) -> None:
    times: dict[str, list[float]] = {}
    trace = as_trace(poisson(10, RATES))
    items = [Item(wallet, 40, at_least_every=DAY / 2) for wallet in trace.changes]
    causes: Counter[str] = Counter()

    def polled(wallet: str, at: float, cause: str) -> None:
        times.setdefault(wallet, [trace.start]).append(at)
        causes[cause] += 1

    result = simulate_trace(trace, items, 8000, polled=polled, hints=SimulatedHints(precision=0.5))
    assert result.stretch == 1
    longest = max(b - a for each in times.values() for a, b in zip(each, [*each[1:], trace.end], strict=True))
    assert longest <= DAY / 2 + 1
    assert set(causes) == {"hint", "promise", "schedule"}
    assert causes["hint"] == result.hint_polls


def test_a_promise_that_cannot_be_paid_is_not_served_before_hints() -> None:
    poor, day = 1000, DAY
    with_hints = simulated(SimulatedHints(), credits_a_day=poor, longest=day)
    assert simulated(None, credits_a_day=poor, longest=day).stretch > 1
    assert with_hints.mean_delay < simulated(None, credits_a_day=poor, longest=day).mean_delay
    assert with_hints.hint_polls > 0.2 * with_hints.polls


def test_the_file_of_polls_names_the_cause_and_gives_the_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = poisson(10, RATES)
    trace, polls = write(tmp_path / "trace.csv", changes), tmp_path / "polls.csv"
    words = ["simulate", "--trace", str(trace), "--credits-per-day", "8000", "--hints", "lag=20s,seed=3"]
    assert _run([*words, "--polls-out", str(polls), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(polls.read_text().splitlines()))
    assert Counter(row["cause"] for row in rows)["hint"] == said["hint_polls"]
    assert len(rows) == said["polls"]
    seen: dict[str, list[float]] = {}
    for row in rows:
        seen.setdefault(row["wallet"], []).append(float(row["unix_time"]))
    end = max(max(times) for times in changes.values() if times)
    delays = []
    for wallet, times in changes.items():
        for at in times:
            after = bisect_left(seen[wallet], at + 20)
            delays.append((seen[wallet][after] if after < len(seen[wallet]) else end) - at)
    assert said["mean_delay_seconds"] == pytest.approx(sum(delays) / len(delays), abs=0.01)


def test_hints_are_as_good_as_they_are_said_to_be() -> None:
    changes = {f"w{k}": [float(t) for t in range(k, 10**6, 1000)] for k in range(20)}
    count = sum(map(len, changes.values()))
    told = SimulatedHints(recall=0.8, precision=0.25, delay=(1, 2)).told(changes, 0, 10**6)
    assert len(told) == pytest.approx(count * 0.8 / 0.25, rel=0.03)
    assert told == sorted(told)
    true = SimulatedHints(recall=0.8, delay=(1, 2)).told(changes, 0, 10**6)
    assert len(true) == pytest.approx(count * 0.8, rel=0.03)
    assert len(SimulatedHints(share=0.5, seed=2).covered([f"w{k}" for k in range(1000)])) == pytest.approx(
        500, abs=60
    )


def test_each_part_of_hints_may_be_left_out() -> None:
    assert parse_hints("") == SimulatedHints()
    assert parse_hints("recall=0.95,precision=1,lag=15s,delay=2s-15s,share=1,seed=1") == SimulatedHints()
    assert parse_hints(" lag=0, delay=1m ") == SimulatedHints(lag=0, delay=(60, 60))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("recal=1", "did you mean 'recall'"),
        ("recall", "'recall' has no value"),
        ("recall=1,recall=1", "is there twice"),
        ("recall=1.1", "recall must be a share from 0 to 1"),
        ("recall=nan", "recall must be a share"),
        ("precision=0", "precision must be a share from 0.001 to 1"),
        ("precision=1e-300", "precision must be a share from 0.001 to 1"),
        ("lag=soon", "lag: "),
        ("delay=15s-2s", "the shorter first"),
        ("seed=-1", "seed must be a whole number"),
    ],
)
def test_a_mistake_in_hints_is_told_with_its_remedy(text: str, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        parse_hints(text)
