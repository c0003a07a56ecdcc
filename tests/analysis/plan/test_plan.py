"""`plan`: numbers before the first poll and after, and what cannot fit."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from watcher.analysis.plan import Supposed, lines_of, misfit, plan_source
from watcher.cli import _run
from watcher.cli.plan import _changes, headline
from watcher.config.configuration import build_source, configure
from watcher.domain.scheduler import Budget, Scheduler
from watcher.service.learnt import FACT
from watcher.service.schedule_items import credit_budget

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def config(folder: Path, wallets: list[str], limit: int = 500_000) -> Path:
    path = folder / "watcher.yaml"
    lines = [
        "version: 1",
        "sources:",
        f"  coinstats: {{kind: coinstats, api_key: secret, credits: {{limit: {limit}}}}}",
        "  teos: {kind: teos, api_key: secret}",
        "wallets:",
        *wallets,
    ]
    path.write_text("\n".join(lines))
    return path


def wallet(number: int, rest: str = "", chains: str = "[ethereum]", source: str = "coinstats") -> str:
    address = f"0x{number:040x}"
    what = 'assets: ["0xfc6e610b23b09fae00e10001"]' if source == "teos" else f"chains: {chains}"
    return f'  - {{name: w{number}, source: {source}, address: "{address}", {what}{rest}}}'


def planned(path: Path, source: str = "coinstats", **more: Any) -> Any:
    settings = configure(path, {}).settings
    return plan_source(settings, build_source(settings, source), NOVEMBER, **more)


def test_what_cannot_fit_is_told_in_plain_numbers(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(n, ", at_least_every: 24h") for n in range(1, 501)])
    plan = planned(path)
    assert not plan.fits
    told = "24 h for 500 accounts costs 600,000 of 500,000 credits a month: stretched to 28.8 h"
    assert misfit(plan) == [f"{told}, or drop 84 accounts"]
    fitting = planned(path, supposed=Supposed(credits=600_000))
    assert fitting.fits
    assert misfit(fitting) == []


def test_fixed_intervals_beyond_the_credits_are_told_too(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, [wallet(n, ", every: 1h") for n in range(1, 11)], limit=144_000))
    assert misfit(plan) == [
        "1 h for 10 accounts costs 288,000 of 144,000 credits a month: stretched to 2 h, or drop 5 accounts"
    ]
    assert plan.forecast.per_period == pytest.approx(144_000, rel=0.01)


def test_accounts_for_which_nothing_is_left_are_told(tmp_path: Path) -> None:
    wallets = [wallet(1, ", every: 1m"), wallet(2), wallet(3), wallet(4, ", at_least_every: 1d")]
    told = misfit(planned(config(tmp_path, wallets, limit=20_000)))
    assert told[1].startswith("next to nothing is left for 2 accounts on auto that nothing was promised")
    assert len(misfit(planned(config(tmp_path, wallets[:1], limit=20_000)))) == 1


def test_one_poll_dearer_than_the_plan_is_told(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, [wallet(1, chains="[all]")], limit=300))
    assert not plan.fits
    assert "one poll of w1 on all costs 400 credits, more than the 300 of a month" in misfit(plan)[0]


def test_fixed_intervals_and_cron_lines_are_charged_first(tmp_path: Path) -> None:
    plan = planned(
        config(
            tmp_path,
            [
                wallet(1, ", every: 6h"),
                wallet(2, ', every: {cron: "0 * * * *"}'),
                wallet(3),
                wallet(4),
            ],
            limit=100_000,
        )
    )
    rows = plan.forecast.rows
    assert rows[0].interval == 6 * 3600
    assert rows[1].interval == pytest.approx(3600, rel=0.01)
    taken = 40 * 30 * (4 + 24)
    assert rows[2].credits_a_day * 30 == pytest.approx((100_000 - taken) / 2, rel=0.01)
    assert plan.forecast.per_period == pytest.approx(100_000, rel=0.01)


def test_more_accounts_and_more_promises_can_be_supposed(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(n) for n in range(1, 6)], limit=100_000)
    now, more = planned(path), planned(path, supposed=Supposed(add=5))
    assert len(more.lines) == 10
    assert more.forecast.rows[0].interval == pytest.approx(2 * now.forecast.rows[0].interval, rel=0.01)
    double = planned(path, supposed=Supposed(credits=200_000))
    assert double.forecast.mean_delay == pytest.approx(now.forecast.mean_delay / 2, rel=0.01)


def test_calls_are_the_currency_without_credits_and_a_call_brings_many(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(n, ", every: 1m", source="teos") for n in range(1, 41)])
    plan = planned(path, "teos")
    assert (plan.unit, plan.limit) == ("calls", 30_000)
    assert plan.fits, misfit(plan)


def test_what_was_learnt_is_used(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(1), wallet(2)], limit=100_000)
    settings = configure(path, {}).settings
    source = build_source(settings, "coinstats")
    assert source.allowance.credits is not None
    start = NOVEMBER.timestamp()
    items = [line.item for line in lines_of(settings, source, NOVEMBER, Supposed())]
    cadence = Scheduler(items, credit_budget(source.allowance.credits, 0, 0.0, NOVEMBER), start)
    for hour in range(1, 200):
        cadence.observe(items[0].key, start + hour * 3600, changed=True)
        cadence.observe(items[1].key, start + hour * 3600, changed=False)
    plan = planned(path, facts={FACT: json.dumps(cadence.dump())})
    assert plan.learning[1] == 2
    hot, quiet = plan.forecast.rows
    assert hot.why == "hot"
    assert hot.interval < quiet.interval / 3


@pytest.mark.parametrize("kept", ["nonsense", "[]", "{}", '{"version": 99}', '{"version": 1}'])
def test_a_state_that_cannot_be_read_is_no_obstacle(tmp_path: Path, kept: str) -> None:
    path = config(tmp_path, [wallet(1)])
    assert planned(path, facts={FACT: kept}).learning == (1, 1)


def test_before_anything_was_learnt_no_figure_is_made_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, [wallet(1), wallet(2, ", every: 1h")])
    assert _run(["plan", "-c", str(path)]) == 0
    said = capsys.readouterr().out
    rows = {line.split()[0]: line for line in said.splitlines() if line.startswith("w")}
    assert rows["w1"].count("learning") == 2
    assert "not learnt" in rows["w2"]
    assert " to " not in rows["w1"] + rows["w2"]
    assert "If all accounts change alike, a change is seen after" in said
    assert "spread evenly" not in said
    assert "Learning: no change rates are known yet" in said


def test_what_was_learnt_is_told_account_by_account(tmp_path: Path) -> None:
    """A state that a daemon kept before its first poll is nothing learnt."""
    path = config(tmp_path, [wallet(1), wallet(2), wallet(3), wallet(4, ", every: 1h")], limit=100_000)
    settings = configure(path, {}).settings
    source = build_source(settings, "coinstats")
    assert source.allowance.credits is not None
    lines = lines_of(settings, source, NOVEMBER, Supposed())
    items, start = [line.item for line in lines], NOVEMBER.timestamp()
    cadence = Scheduler(items, credit_budget(source.allowance.credits, 0, 0.0, NOVEMBER), start)
    assert planned(path, facts={FACT: json.dumps(cadence.dump())}).learning == (3, 3)
    cadence.observe(items[1].key, start + 3600, changed=False)
    for hour in range(1, 200):
        cadence.observe(items[0].key, start + hour * 3600, changed=hour % 3 == 0)
    plan = planned(path, facts={FACT: json.dumps(cadence.dump())})
    assert plan.learning == (2, 3)
    assert "Learning: of 2 of 3 accounts on auto it is not known yet how often they change" in headline(plan)
    assert any("spread evenly, the same credits give" in line for line in headline(plan))
    told = [_changes(line, row) for line, row in zip(plan.lines, plan.forecast.rows, strict=True)]
    assert re.fullmatch(r"\d[\d.]* \([\d.]+ to [\d.]+\)", told[0])
    assert re.fullmatch(r"learning, at most [\d.]+", told[1])
    assert told[2:] == ["learning", "not learnt"]


def test_the_verb_prints_what_scripts_rely_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(tmp_path, [wallet(1), wallet(2, ", every: 1h"), wallet(3, ", every: 1m", source="teos")])
    assert _run(["plan", "-c", str(path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said) == {"sources", "accounts"}
    assert said["sources"]["coinstats"]["limit_per_period"] == 500_000
    assert said["sources"]["coinstats"]["fits"] is True
    assert set(said["sources"]["teos"]) == {"limit_per_period", "planned_per_period", "fits"}
    fixed = said["accounts"][1]
    assert fixed == {
        "wallet": "w2", "source": "coinstats", "chain": "ethereum", "credits_per_poll": 40,
        "interval_seconds": 3600.0, "expected_delay_seconds": 1800.0,
    }  # fmt: skip
    assert not (tmp_path / "watcher.db").exists(), "plan only looks"


def test_what_does_not_fit_ends_with_1_and_its_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(tmp_path, [wallet(n) for n in range(1, 11)], limit=20_000)
    assert _run(["plan", "-c", str(path)]) == 0
    assert "secret" not in capsys.readouterr().out
    assert _run(["plan", "-c", str(path), "--at-least-every", "1h"]) == 1
    assert "of 20,000 credits a month: stretched to" in capsys.readouterr().err
    assert _run(["plan", "-c", str(path), "--at-least-every", "1h", "--credits", "2M"]) == 0
    assert _run(["plan", "-c", str(path), "--credits", "many"]) == 2
    assert _run(["plan", "-c", str(path), "--at-least-every", "soon"]) == 2


def test_fairness_is_a_setting_of_the_source(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(1), wallet(2)], limit=100_000)
    settings = configure(path, {}).settings
    items = [
        line.item for line in lines_of(settings, build_source(settings, "coinstats"), NOVEMBER, Supposed())
    ]
    start = NOVEMBER.timestamp()
    cadence = Scheduler(items, Budget(100_000, 100_000, start + 30 * 86400), start)
    for hour in range(1, 200):
        cadence.observe(items[0].key, start + hour * 3600, changed=True)
        cadence.observe(items[1].key, start + hour * 3600, changed=False)
    facts = {FACT: json.dumps(cadence.dump())}
    ratios = []
    for fairness in ("1", "0.5", "0"):
        text = path.read_text()
        path.write_text(text.replace("kind: coinstats,", f"kind: coinstats, fairness: {fairness},"))
        hot, quiet = planned(path, facts=facts).forecast.rows
        ratios.append(quiet.interval / hot.interval)
        path.write_text(text)
    assert ratios[1] == pytest.approx(ratios[0] ** 0.5, rel=0.01)
    assert ratios[2] == pytest.approx(1, rel=0.01)


def test_more_chains_at_a_fixed_cadence_than_all_costs_are_pointed_out(tmp_path: Path) -> None:
    chains = "[" + ", ".join(f"chain{n}" for n in range(11)) + "]"
    dear = planned(config(tmp_path, [wallet(1, ", every: 1d", chains)]))
    assert "11 chains at a fixed cadence cost 440 credits a round, `chains: all` 400" in dear.advice[0]
    for rest, few in ((", every: 1d", chains.replace("chain10", "").replace(", ]", "]")), ("", chains)):
        assert planned(config(tmp_path, [wallet(1, rest, few)])).advice == ()


def test_the_daily_request_for_exchange_rates_is_part_of_the_plan(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(1, ", every: 1d"), wallet(2)], limit=2400)
    plain = planned(path)
    path.write_text(path.read_text() + "\ndisplay: {currency: CHF, rates: coinstats}\n")
    plan = planned(path)

    assert (plain.rates, round(plan.rates)) == (0, 30)
    assert plan.budget.limit == pytest.approx(plain.budget.limit - 30)
    assert plan.per_period == pytest.approx(plain.per_period)
    assert "30 credits a month of them go to exchange rates" in headline(plan)
    assert not [line for line in headline(plain) if "rates" in line and "Learning" not in line]
    assert planned(path, "teos").rates == 0


def test_what_cannot_fit_says_what_goes_to_exchange_rates(tmp_path: Path) -> None:
    path = config(tmp_path, [wallet(1, ", every: 1h")], limit=20_000)
    path.write_text(path.read_text() + "\ndisplay: {currency: CHF, rates: coinstats}\n")

    (told,) = misfit(planned(path))

    assert "(30 more go to exchange rates)" in told
