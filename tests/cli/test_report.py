"""`watcher report`: each format on a real store, what is left out, and each mistake with its remedy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.letters.given import Treasury, configured
from watcher.cli import _run as watcher
from watcher.service.clock import SystemClock
from watcher.store.sqlite.store import SqliteStore

Run = Callable[..., str]
SPAN = ("--since", "2026-11-01", "--until", "2026-11-03")


@pytest.fixture
async def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    configuration = configured(tmp_path)
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    await Treasury(configuration, store).live(2)
    await store.close()
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime(2026, 11, 3, 9, tzinfo=UTC))

    def run(*words: str, code: int = 0) -> str:
        assert watcher(["report", "-c", str(tmp_path / "watcher.yaml"), *words]) == code
        said = capsys.readouterr()
        return said.err if code else said.out

    return run


async def test_every_format_tells_the_same_figures(run: Run) -> None:
    found = json.loads(run(*SPAN, "--format", "json"))
    closing = Decimal(found["total_usd"]["closing"])
    rows = list(csv.DictReader(io.StringIO(run(*SPAN, "--format", "csv"))))
    assert sum(Decimal(row["value_usd_closing"] or 0) for row in rows) == closing
    shown = f"${closing.quantize(Decimal('0.01'), 'ROUND_DOWN'):,}"
    assert shown in run(*SPAN)
    assert shown in run(*SPAN, "--format", "html")
    assert json.loads(run(*SPAN, "--json")) == found
    assert len(found["holdings"]) == len([row for row in rows if row["asset"]])


async def test_of_no_time_at_all_it_is_the_last_month(run: Run) -> None:
    found = json.loads(run("--json"))
    assert (found["since"], found["until"]) == ("2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z")
    zurich = json.loads(run("--json", "--timezone", "Europe/Zurich"))
    assert (zurich["since"], zurich["until"]) == ("2026-09-30T22:00:00.000Z", "2026-10-31T23:00:00.000Z")


async def test_with_a_beginning_alone_it_is_until_now(run: Run) -> None:
    found = json.loads(run("--json", "--since", "2d"))
    assert (found["since"], found["until"]) == ("2026-11-01T09:00:00.000Z", "2026-11-03T09:00:00.000Z")


async def test_it_goes_into_a_file_that_a_spreadsheet_reads_as_utf_8(run: Run, tmp_path: Path) -> None:
    run(*SPAN, "--format", "csv", "--output", str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbfsince,until,")
    run(*SPAN, "--format", "html", "--output", str(tmp_path / "out.html"))
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    run(*SPAN, "--json", "--output", str(tmp_path / "out.json"))
    assert json.loads((tmp_path / "out.json").read_text())["timezone"] == "UTC"


async def test_wallets_are_chosen_by_patterns_and_tags(run: Run) -> None:
    by_name = json.loads(run(*SPAN, "--json", "--wallet", "t*", "--wallet", "gas"))
    assert {each["name"] for each in by_name["wallets"]} == {"treasury", "gas"}
    by_tag = json.loads(run(*SPAN, "--json", "--tag", "own"))
    assert {each["name"] for each in by_tag["wallets"]} == {"treasury", "payroll", "cold"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "yesterday"), "is no day and no time; write 2026-11-01"),
        (("--since", "2026-11-31"), "is no day and no time"),
        (("--until", "0001-01-01"), "--until: no chain is older than 2000"),
        (("--since", "2026-11-03", "--until", "2026-11-01"), "nothing lies between"),
        (("--since", "2027-01-01"), "nothing lies between"),
        (("--wallet", "treasure"), "did you mean 'treasury'?"),
        (("--timezone", "Zurich"), "did you mean 'Europe/Zurich'?"),
        (("--format", "pdf"), "pdf"),
    ],
)
async def test_each_mistake_is_told_with_what_was_expected(
    run: Run, words: tuple[str, ...], said: str
) -> None:
    assert said in " ".join(run(*words, code=2).split())
