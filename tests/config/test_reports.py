"""Reports in a configuration: what is left out has its default, and each mistake is told at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.config.configuration import configure
from watcher.config.reports import ReportSettings
from watcher.domain.model import Wallet
from watcher.domain.values.errors import ConfigurationError

HEAD = """\
version: 1
sources: {coinstats: {kind: coinstats, api_key: kkkkkkkkkkkkkkkkkkkk, credits: {limit: 20000}}}
wallets:
  - {name: hot, source: coinstats, address: "0x9f114da25b61b77606d47eab414b9360f8783979",
     chains: [ethereum], tags: [own]}
channels: {treasurer: {kind: console}, ops: {kind: console}}
"""


def reports(folder: Path, text: str) -> dict[str, ReportSettings]:
    (folder / "watcher.yaml").write_text(HEAD + text)
    return configure(folder / "watcher.yaml", {}).settings.reports


def warnings(folder: Path, text: str) -> list[str]:
    (folder / "watcher.yaml").write_text(HEAD + text)
    return [each for each in configure(folder / "watcher.yaml", {}).warnings if "report" in each]


def test_a_service_that_takes_no_files_is_named(tmp_path: Path) -> None:
    found = warnings(tmp_path, "reports: {x: {channels: [ops]}}\n")
    assert found == [
        "channel ops: this service takes no files, report x comes without its page and its table"
    ]
    (tmp_path / "watcher.yaml").write_text(
        HEAD.replace("ops: {kind: console}", 'ops: {url: "json://127.0.0.1"}')
        + "reports: {x: {channels: ops}}\n"
    )
    assert not [each for each in configure(tmp_path / "watcher.yaml", {}).warnings if "report" in each]


def mistakes(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        reports(folder, text)
    return "\n".join(map(str, caught.value.problems))


def test_a_report_is_monthly_at_seven_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = reports(tmp_path, "reports: {monthly: {channels: treasurer}}\n")["monthly"]
    assert (found.line, found.timezone, found.channels) == ("0 7 1 * *", "UTC", ("treasurer",))
    assert found.chosen.wallet(Wallet("hot", "coinstats", ""))


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("every: daily", "0 7 * * *"),
        ('every: weekly, at: "06:30"', "30 6 * * mon"),
        ('every: {cron: "0 8 1 jan,jul *"}', "0 8 1 jan,jul *"),
    ],
)
def test_each_period_has_its_cron_line(tmp_path: Path, written: str, line: str) -> None:
    assert reports(tmp_path, f"reports: {{x: {{channels: [ops], {written}}}}}\n")["x"].line == line


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("channels: [opps]", "there is no channel 'opps'; did you mean 'ops'?"),
        ("channels: []", "names no channel: nobody would be told"),
        ("channels: [ops, ops]", "names 'ops' twice"),
        ("every: weekly", "'channels' is missing in reports.x"),
        ("channels: ops, every: yearly", "'yearly' is not one of daily, weekly, monthly"),
        ('channels: ops, every: {cron: "0 7,8 1 * *"}', "comes 2 times a day"),
        ('channels: ops, every: {cron: "*/5 * * * *"}', "comes 288 times a day"),
        (
            'channels: ops, every: {cron: "0 7 1 *"}',
            "a cron expression has 5 fields",
        ),
        ('channels: ops, at: "08:00", every: {cron: "0 7 1 * *"}', "the cron line says when; leave 'at' out"),
        ("channels: ops, at: 7", "must be a time of day in quotes"),
        ("channels: ops, timezone: Europe/Zuric", "did you mean 'Europe/Zurich'?"),
        ("channels: ops, chanels: ops", "chanels"),
    ],
)
def test_each_mistake_is_told_at_its_place(tmp_path: Path, written: str, said: str) -> None:
    found = mistakes(tmp_path, f"reports:\n  x: {{{written}}}\n")
    assert said in found
    assert "watcher.yaml:8:" in found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "reports:\n  a b: {channels: opps}\n  c: {every: never}\n  d: []\n")
    for said in ("'a b' cannot be a name", "no channel 'opps'", "'never' is not one of", "reports.d"):
        assert said in found


def test_reports_must_be_named(tmp_path: Path) -> None:
    assert "reports must be a mapping" in mistakes(tmp_path, "reports: [{channels: ops}]\n")


def test_who_selects_no_wallet_is_warned(tmp_path: Path) -> None:
    found = warnings(tmp_path, "reports: {x: {channels: ops, wallets: [hott], tags: [own]}}\n")
    assert len(found) == 2
    assert "no wallet is called 'hott'; did you mean 'hot'?" in found[0]
    assert warnings(tmp_path, "reports: {x: {channels: ops, wallets: [h*], tags: [own]}}\n")[1:] == []
