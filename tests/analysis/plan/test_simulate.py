"""`simulate`: the production cadence over a trace, held to account by the polls that it writes."""

from __future__ import annotations

import csv
import gzip
import json
import random
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path

import pytest

from watcher.analysis.simulate import DAY, simulate_trace
from watcher.analysis.trace import TraceError, as_trace, read_trace
from watcher.cli import _run
from watcher.domain import scheduler
from watcher.domain.scheduler import Budget, Item

START = 1_700_000_000


def write(path: Path, changes: dict[str, list[int]]) -> Path:
    rows = ["set,wallet,unix_time"]
    for wallet, times in changes.items():
        rows += [f"one,{wallet},{time}" for time in times] or [f"one,{wallet},"]
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    return path


def poisson(days: float, rates_a_day: list[float], seed: int = 1) -> dict[str, list[int]]:
    chance = random.Random(seed)
    changes = {}
    for number, rate in enumerate(rates_a_day):
        times, at = [], START + chance.expovariate(rate / DAY) if rate else START + 1000 * DAY
        while at < START + days * DAY:
            times.append(int(at))
            at += chance.expovariate(rate / DAY)
        changes[f"w{number}"] = times
    return changes


def test_the_numbers_are_those_of_the_polls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = poisson(10, [20, 5, 1, 0.5, 0])
    trace, out = write(tmp_path / "trace.csv.gz", changes), tmp_path / "polls.csv"
    words = ["simulate", "--trace", str(trace), "--credits-per-day", "4000", "--polls-out", str(out)]
    assert _run([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    polls: dict[str, list[float]] = {}
    for row in csv.DictReader(out.read_text().splitlines()):
        polls.setdefault(row["wallet"], []).append(float(row["unix_time"]))
    every = [time for times in changes.values() for time in times]
    delays = sorted(
        ([*polls[w], max(every)][bisect_left([*polls[w], max(every)], time)] - time)
        for w, times in changes.items()
        for time in times
    )
    assert set(said) == {
        "polls", "credits", "mean_delay_seconds", "median_delay_seconds", "p95_delay_seconds", "changes",
        "hint_polls", "barren_polls",
    }  # fmt: skip
    assert said["hint_polls"] == said["barren_polls"] == 0
    assert said["polls"] == sum(map(len, polls.values()))
    assert said["credits"] == 40 * said["polls"]
    assert said["changes"] == len(delays)
    assert said["mean_delay_seconds"] == pytest.approx(sum(delays) / len(delays), abs=0.01)
    assert said["p95_delay_seconds"] == pytest.approx(delays[int(0.95 * len(delays) + 0.999) - 1], abs=0.01)
    days = (max(every) - min(every)) / DAY
    assert 0.98 * 4000 * days <= said["credits"] <= 4000 * days
    gaps = [b - a for times in polls.values() for a, b in pairwise(times)]
    assert min(gaps) >= 60


def test_fixed_cadence_waits_half_its_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = write(tmp_path / "t.csv.gz", poisson(30, [10] * 10))
    assert _run(["simulate", "--trace", str(trace), "--every", "2h", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["mean_delay_seconds"] == pytest.approx(3600, rel=0.05)
    assert said["polls"] == pytest.approx(10 * 12 * 30, rel=0.02)


def test_a_fixed_cadence_beyond_the_credits_is_stretched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = write(tmp_path / "t.csv.gz", poisson(30, [10] * 10))
    words = ["simulate", "--trace", str(trace), "--every", "2h", "--credits-per-day", "1200"]
    assert _run(words) == 0
    assert "stretched" in capsys.readouterr().out
    assert _run([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0.95 * 1200 * 30 <= said["credits"] <= 1200 * 30


@pytest.mark.parametrize("seed", [1, 2])
def test_the_plan_foretells_what_is_then_measured(seed: int) -> None:
    chance = random.Random(seed)
    rates = [chance.lognormvariate(0.5, 1.5) for _ in range(30)]
    changes = poisson(40, rates, seed)
    items = [Item(wallet, 40, at_least_every=DAY) for wallet in changes]
    before = {w: [t for t in ts if t < START + 20 * DAY] for w, ts in changes.items()}
    learning = simulate_trace(as_trace(before), items, 8000)
    budget = Budget(8000 * 30, 8000 * 30, START + 50 * DAY)
    foretold = scheduler.plan(items, budget, state=learning.state)
    later = {w: [t for t in ts if t >= START + 20 * DAY] for w, ts in changes.items()}
    measured = simulate_trace(as_trace(later), items, 8000, state=learning.state)
    assert foretold.mean_delay == pytest.approx(measured.mean_delay, rel=0.25)
    assert learning.predicted == pytest.approx(learning.mean_delay, rel=0.25)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", ":1: expected the columns"),
        ("wallet,when\na,1\n", ":1: expected the columns"),
        ("wallet,unix_time\na\n", ":2: expected 2 columns"),
        ("wallet,unix_time\na,1\nb,soon\n", ":3: 'soon' is not a time"),
        ("wallet,unix_time\na,nan\n", "is not a time"),
        ("wallet,unix_time\na,\n", "no changes"),
    ],
)
def test_a_bad_trace_is_told_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=wrong):
        read_trace(path)


def test_one_wallet_in_two_sets_is_two_wallets(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("set,wallet,unix_time\na,x,1\nb,x,2\nb,y,\n")
    assert read_trace(path).changes == {"a:x": [1], "b:x": [2], "b:y": []}
    path.write_text("wallet,unix_time\nx,5\nx,3\ny,\n")
    assert read_trace(path).changes == {"x": [3, 5], "y": []}


def test_usage_is_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["simulate"]) == 2
    assert _run(["simulate", "--trace", "missing.csv", "--credits-per-day", "10"]) == 1
    assert "missing.csv" in capsys.readouterr().err
