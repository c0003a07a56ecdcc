"""What ships for Prometheus and Grafana names nothing that `/metrics` does not have."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.given import ETH, HOT, NOW, alert, delivery, known
from tests.reports.hinted import SOURCES, keep_learnt
from tests.web.given import CONFIG, Page, fill, serving
from watcher.config.web import WebSettings
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import DeliveryState, Fault, NotSent, Sent
from watcher.domain.model import AccountState, Suspect
from watcher.domain.records import replace
from watcher.ports.hints import HintedPoll, HintWord
from watcher.ports.members import PLAN, MemberState
from watcher.reports.members import member_rows
from watcher.web.member_metrics import of_members

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
OF_THE_SCRAPE = {"instance", "job"}

EXPECTED = {
    "watcher_build_info": {"version"},
    "watcher_config_last_reload_successful": set(),
    "watcher_poll_total": {"source", "outcome"},
    "watcher_poll_duration_seconds_bucket": {"source", "le"},
    "watcher_last_success_timestamp_seconds": {"source"},
    "watcher_credits_used_total": {"source"},
    "watcher_credits_remaining": {"source"},
    "watcher_credits_exhaustion_timestamp_seconds": {"source"},
    "watcher_balance": {"wallet", "source", "chain", "asset", "symbol"},
    "watcher_balance_age_seconds": {"wallet", "source", "chain"},
    "watcher_readings_quarantined_total": {"source", "reason"},
    "watcher_alerts": {"state", "severity"},
    "watcher_rule_evaluation_failures_total": {"source"},
    "watcher_notifications_total": {"channel"},
    "watcher_notifications_failed_total": {"channel", "reason"},
    "watcher_notifications_suppressed_total": {"reason"},
    "watcher_outbox_oldest_seconds": {"channel"},
    "watcher_hints_total": {"hint_source", "result"},
    "watcher_hint_poll_credits_total": {"hint_source"},
    "watcher_hint_delay_seconds_bucket": {"hint_source", "le"},
    "watcher_hint_up": {"hint_source"},
    "watcher_hint_recall": {"source", "hint_source"},
    "watcher_hint_precision": {"source", "hint_source"},
    "watcher_hint_lag_seconds": {"source", "hint_source", "quantile"},
    "watcher_db_size_bytes": set(),
    "watcher_loop_lag_seconds": set(),
}
"""What people of Prometheus look for in a daemon of this kind, and by which labels."""

EXPECTED_AGES = {"watcher_balance_age_seconds"}

SPARSE = {
    "watcher_credits_exhaustion_timestamp_seconds": {"source"},
    "watcher_credits_planned": {"source"},
    "watcher_cadence_stretch": {"source"},
    "watcher_change_gap_seconds": {"source"},
    "watcher_change_gap_planned_seconds": {"source"},
    "watcher_readings_held": {"wallet", "source", "chain"},
    "watcher_account_interval_seconds": {"wallet", "source", "chain"},
    "watcher_account_expected_delay_seconds": {"wallet", "source", "chain"},
}
"""Labels of what may have no sample: while credits last, before there is a plan, where nothing is odd."""


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    hints = f'{SOURCES}web: {{listen: "127.0.0.1:8787"}}\n'
    async with serving(tmp_path, config=CONFIG + hints) as page:
        await fill(page.store)
        await keep_learnt(page.store)
        busy(page)
        yield page


def busy(page: Page) -> None:
    """Something of everything that is counted."""
    metrics = page.snapshots.metrics
    assert metrics is not None
    odd = known(HOT)._replace(held={ETH: Suspect(Decimal(0), NOW, "reported as zero")})
    missed = AccountState(HOT, misses=1, miss="internal error: KeyError")
    held = replace(alert(), fired_at=NOW, held="silenced by Ada until later")
    withheld = replace(delivery("w"), state=DeliveryState.WITHHELD, last_error="inhibited by rule x")
    metrics.concluded(Decision(NOW, (odd, missed), alerts=(held,), deliveries=(withheld,)), polled=True)
    metrics.listens(["mainnet"])
    metrics.hint_poll(HintedPoll(HOT, HintWord("mainnet", NOW, "0xab"), NOW, changed=True))
    metrics.lag = lambda: 0.25
    metrics.requested("coinstats", 0.3, 40)
    metrics.requested("coinstats", 99.0, 40)
    metrics.notified("ops", Sent())
    metrics.notified("ops", NotSent("HTTP 400", fault=Fault.UNCLEAR))
    metrics.notified("ops", NotSent("HTTP 429", retry_after=9.0))


async def samples(page: Page) -> dict[str, list[tuple[dict[str, str], float]]]:
    _, text, _ = await page.get("/metrics")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for line in re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE):
        found.setdefault(line, [])
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


async def test_metrics_have_the_names_and_labels_that_are_expected(page: Page) -> None:
    found = await samples(page)
    for name, labels in EXPECTED.items():
        assert name in found, name
        assert name in SPARSE or found[name], name
        assert all(set(each) == labels for each, _ in found[name]), name


async def test_too_many_balances_are_counted_instead_of_shown(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = len((await samples(page))["watcher_balance"])
    monkeypatch.setattr("watcher.web.metrics.MOST_BALANCES", shown - 1)
    await page.later()

    found = await samples(page)

    assert "watcher_balance" not in found
    assert found["watcher_balances_omitted"] == [({}, shown)]


async def test_balances_can_be_left_out(page: Page) -> None:
    settings = page.snapshots.settings
    listen = WebSettings.model_validate({"listen": "127.0.0.1:0", "metrics": {"balances": False}})
    page.snapshots.settings = replace(settings, web=listen)

    found = await samples(page)

    assert not [name for name in found if name.startswith("watcher_balance") and name not in EXPECTED_AGES]
    assert found["watcher_alerts"]


@pytest.mark.parametrize(
    ("asked", "packed"),
    [
        ("gzip", True),
        ("gzip;q=1.0, deflate", True),
        ("br, GZIP ; q=0.5", True),
        ("gzip;q=0", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/api/v1/balances"])
async def test_what_machines_get_is_compressed_when_they_ask(
    page: Page, path: str, asked: str, packed: bool
) -> None:
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(page.url + path, headers={"Accept-Encoding": asked}) as answer,
    ):
        body = await answer.read()
        assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
        assert answer.headers["Vary"] == "Accept-Encoding"
    text = (gzip.decompress(body) if packed else body).decode()
    assert text == (await page.get(path, Accept_Encoding="identity"))[1]


async def test_what_the_daemon_did_is_counted(page: Page) -> None:
    found = await samples(page)
    value = {
        (name, *sorted(labels.values())): value for name, all_ in found.items() for labels, value in all_
    }
    assert value["watcher_poll_total", "coinstats", "read"] == 1
    assert value["watcher_poll_total", "coinstats", "internal error"] == 1
    assert value["watcher_rule_evaluation_failures_total", "coinstats"] == 1
    assert value["watcher_readings_quarantined_total", "coinstats", "zero"] == 1
    assert value["watcher_credits_used_total", "coinstats"] == 80
    assert value["watcher_poll_duration_seconds_bucket", "0.5", "coinstats"] == 1
    assert value["watcher_poll_duration_seconds_count", "coinstats"] == 2
    assert value["watcher_notifications_total", "ops"] == 3
    assert value["watcher_notifications_failed_total", "ops", "refused"] == 1
    assert value["watcher_notifications_failed_total", "ops", "rate limited"] == 1
    assert value["watcher_notifications_failed_total", "ops", "timeout"] == 0
    assert value["watcher_notifications_suppressed_total", "silenced"] == 1
    assert value["watcher_notifications_suppressed_total", "inhibited"] == 1
    assert value["watcher_config_last_reload_successful",] == 1
    assert value["watcher_db_size_bytes",] > 10_000
    assert value["watcher_loop_lag_seconds",] == 0.25


async def test_a_lapse_of_time_is_no_poll(page: Page) -> None:
    metrics = page.snapshots.metrics
    assert metrics is not None
    before = dict(metrics.polls)
    metrics.concluded(Decision(NOW + timedelta(hours=1), (known(HOT),)), polled=False)
    assert dict(metrics.polls) == before


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def board() -> Any:
    return json.loads((FOLDER / "grafana.json").read_text())


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in board()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def of_several() -> dict[str, list[tuple[dict[str, str], float]]]:
    """What a page has beside all this where several machines share its store."""
    member = MemberState("zrh-1", NOW, NOW, True, (PLAN,), "rules", "1.0.0", 0.0)
    found = of_members(member_rows([member], NOW))
    return {each.name: [(sample.labels, sample.value) for sample in each.samples] for each in found}


async def test_every_metric_and_label_that_ships_is_one_that_is_exposed(page: Page) -> None:
    found = await samples(page) | of_several()
    for where, expression in expressions():
        names = set(re.findall(r"\bwatcher_\w+", expression))
        assert names, where
        labels = OF_THE_SCRAPE.union(*(_labels(found, name) for name in names))
        for name in names:
            assert name in found, f"{where}: {name} is not in /metrics"
            for inside in re.findall(rf"{name}\{{([^}}]*)\}}", expression):
                used = set(re.findall(r"(\w+)\s*[=!]~?", re.sub(r'"[^"]*"', "", inside)))
                assert used <= _labels(found, name) | OF_THE_SCRAPE, f"{where}: {name}"
        for grouped in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
            assert set(re.split(r"[,\s]+", grouped.strip())) <= labels, where


def _labels(found: dict[str, list[tuple[dict[str, str], float]]], name: str) -> set[str]:
    return set(found[name][0][0]) if found.get(name) else SPARSE[name]


async def test_what_a_rule_says_uses_labels_that_its_metric_has(page: Page) -> None:
    found = await samples(page) | of_several()
    for rule in rules():
        names = set(re.findall(r"\bwatcher_\w+", rule["expr"]))
        labels = OF_THE_SCRAPE.union(*(_labels(found, name) for name in names))
        for text in rule["annotations"].values():
            assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels, rule["alert"]


def test_every_rule_says_how_bad_it_is_and_what_is_the_matter() -> None:
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found) > 10
    for rule in found:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


def test_the_panels_of_the_dashboard_do_not_overlap_and_ask_the_chosen_prometheus() -> None:
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in board()["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in board()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert at["x"] + at["w"] <= 24
        assert panel["datasource"]["uid"] == "${datasource}"


@pytest.mark.needs("promtool")
def test_prometheus_itself_accepts_every_expression(tmp_path: Path) -> None:
    asked = []
    for number, (_, expression) in enumerate(expressions()):
        plain = expression.replace("$__rate_interval", "5m").replace("$instance", ".+")
        asked.append({"record": f"expression_{number}", "expr": plain})
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": asked}]}))
    subprocess.run(["promtool", "check", "rules", tmp_path / "all.yaml"], check=True, capture_output=True)
    subprocess.run(
        ["promtool", "test", "rules", FOLDER / "alerts-test.yaml"], check=True, capture_output=True
    )
