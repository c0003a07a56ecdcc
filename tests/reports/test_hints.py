"""What `status` says of hint sources, and that `explain` says upon whose word an account was polled."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import HOT, NOW, always, keep, known
from tests.reports.hinted import configured, keep_learnt, keep_state, learnt, polled, told
from watcher.cli._tables import Screen
from watcher.cli.explain import _read_lines
from watcher.cli.status import status_lines
from watcher.config.configuration import build_rules, configure
from watcher.domain.decision import Decision
from watcher.domain.evaluation.builtin_notices import hint_notice
from watcher.domain.messages.message import Severity
from watcher.domain.values.verdict import met
from watcher.ports.hint_state import HintSourceState
from watcher.reports import status
from watcher.reports.explain import Explainer
from watcher.reports.rows import ExplanationRow, HintSourceRow, StatusRow
from watcher.store.sqlite.store import SqliteStore

LATER = NOW + timedelta(seconds=30)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    yield store
    await store.close()


def report(folder: Path, store: SqliteStore, after: timedelta = timedelta(seconds=30)) -> StatusRow:
    with store.queries() as reader:
        return status.report(configured(folder), reader, NOW + after, {})


def mainnet(folder: Path, store: SqliteStore, after: timedelta = timedelta(seconds=30)) -> HintSourceRow:
    return report(folder, store, after)["hints"]["mainnet"]


async def test_a_source_is_told_with_its_hints_polls_and_worth(tmp_path: Path, store: SqliteStore) -> None:
    await keep_state(store, told())
    await keep_learnt(store)
    await polled(store, [True, True, False])

    row = mainnet(tmp_path, store)

    assert (row["state"], row["since"], row["accounts"]) == ("heard", NOW - timedelta(hours=5), 1)
    assert row["today"] == {
        "taken": 5, "gathered": 7, "late": 0, "duplicate": 0, "unknown": 100_000, "gaps": 1
    }  # fmt: skip
    each = row["sources"]["coinstats"]
    assert (each["polls"], each["confirmed"], each["barren"]) == (3, 2, 1)
    assert (each["credits"], each["wasted"]) == (120, 40)
    assert each["recall"] == pytest.approx(0.98, abs=0.02)
    assert each["precision"] == pytest.approx(0.98, abs=0.02)
    assert each["lag_seconds"] == pytest.approx(14, abs=3)
    assert each["longest_lag_seconds"] is not None


async def test_people_read_it_in_sentences_that_fit(tmp_path: Path, store: SqliteStore) -> None:
    await keep_state(store, told())
    await keep_learnt(store)
    await polled(store, [True, False])
    found = report(tmp_path, store)

    lines = status_lines(found, LATER, Screen())
    start = lines.index(next(line for line in lines if line.startswith("hints mainnet")))
    assert lines[start] == (
        "hints mainnet: heard since 2026-03-10 07:00:00 UTC; last hint 1.17 min ago; for 1 account"
    )
    assert lines[start + 1] == (
        "  today: 5 taken, 7 gathered, 100,000 of unknown addresses; 1 time for which some may be missing"
    )
    assert lines[start + 2].startswith(
        "  coinstats: 2 polls upon them today, 1 confirmed, 1 barren, 80 credits (40 wasted); 98 % told"
    )
    assert all(len(line) <= 60 for line in status_lines(found, LATER, Screen(width=60)))


async def test_nothing_is_claimed_of_a_source_that_was_never_confirmed(
    tmp_path: Path, store: SqliteStore
) -> None:
    await keep_state(store, told())
    await keep_learnt(store, learnt(changes=0))

    each = mainnet(tmp_path, store)["sources"]["coinstats"]

    assert (each["recall"], each["precision"], each["lag_seconds"]) == (None, None, None)
    assert "  coinstats: no poll upon them today; what they are worth is not known yet" in "\n".join(
        status_lines(report(tmp_path, store), LATER, Screen())
    )


async def test_a_source_that_is_down_is_told_with_why_and_since_when(
    tmp_path: Path, store: SqliteStore
) -> None:
    down = NOW - timedelta(minutes=20)
    await keep_state(store, HintSourceState(down_since=down, why="refused\x1b[2J" + "x" * 5000, at=NOW))

    row = mainnet(tmp_path, store)

    assert (row["state"], row["since"]) == ("not heard", down)
    assert row["why"].startswith("refused[2J")
    assert len(row["why"]) <= 1000


async def test_a_silent_source_is_told_since_when(tmp_path: Path, store: SqliteStore) -> None:
    await keep_state(store, told(silent=True))
    row = mainnet(tmp_path, store)
    assert (row["state"], row["since"]) == ("silent", NOW - timedelta(hours=2))


@pytest.mark.parametrize("kept", [True, False])
async def test_where_no_daemon_listens_nothing_is_said_of_now(
    tmp_path: Path, store: SqliteStore, *, kept: bool
) -> None:
    if kept:
        await keep_state(store, told())
    row = mainnet(tmp_path, store, timedelta(minutes=4))
    assert (row["state"], row["since"]) == ("unknown", NOW if kept else None)
    assert row["why"].startswith("nobody listens")


async def test_the_counts_of_yesterday_are_not_those_of_today(tmp_path: Path, store: SqliteStore) -> None:
    await keep_state(store, told())
    await polled(store, [True])
    row = mainnet(tmp_path, store, timedelta(hours=13))
    assert set(row["today"].values()) == {0}
    assert row["sources"]["coinstats"]["polls"] == 0


async def test_a_hinted_account_is_expected_to_be_seen_sooner(tmp_path: Path, store: SqliteStore) -> None:
    await keep_learnt(store, learnt(untold=0.1))
    first, second = report(tmp_path, store)["accounts"]
    lag = mainnet(tmp_path, store)["sources"]["coinstats"]["lag_seconds"]
    assert lag is not None
    assert first["expected_delay_seconds"] == pytest.approx(0.9 * lag + 0.1 * 10_800)
    assert second["expected_delay_seconds"] is None


async def test_a_firing_notice_about_hints_is_a_warning(tmp_path: Path, store: SqliteStore) -> None:
    """It fires after 15 minutes without a connection, or an hour of silence (`service/hint_health`)."""
    settings = configured(tmp_path)
    both = tuple(
        known(account, NOW, ethereum="1")._replace(watched_since=NOW)
        for wallet in settings.wallets
        for account in wallet.accounts
    )
    await keep(store, accounts=both)
    assert report(tmp_path, store)["state"] == "ok"
    with store.queries() as reader:
        past = reader.past()
    notice = hint_notice(past, "mainnet", met("not heard"), ("ops",), NOW, Severity.WARNING)
    await keep(store, alerts=notice.alerts)
    assert report(tmp_path, store)["state"] == "warning"


async def explained(folder: Path, store: SqliteStore) -> ExplanationRow:
    settings = configured(folder)
    rules = build_rules(configure(folder / "watcher.yaml", {}))
    with store.queries() as reader:
        explainer = Explainer(settings, rules, reader, LATER)
        rule = rules.by_id["low"]
        (subject,) = explainer.subjects(rule)
        return explainer.explain(rule, subject)


async def test_a_poll_upon_a_hint_is_explained_by_it(tmp_path: Path, store: SqliteStore) -> None:
    await polled(store, [True], hint="0xab")
    reading = (await explained(tmp_path, store))["reading"]
    assert "hint" in reading
    assert reading["hint"] == {"by": "mainnet", "at": NOW - timedelta(seconds=15), "id": "0xab"}
    assert ("polled because", "mainnet told of 0xab at 2026-03-10 11:59:45 UTC") in _read_lines(reading)


async def test_no_hint_of_long_ago_explains_the_last_poll(tmp_path: Path, store: SqliteStore) -> None:
    await polled(store, [True])
    later = NOW + timedelta(seconds=10)
    state = known(HOT, later, ethereum="1")
    await store.conclude([HOT], always(Decision(later, (state,))))
    reading = (await explained(tmp_path, store))["reading"]
    assert "hint" in reading
    assert reading["hint"] is None


async def test_the_id_of_a_hint_is_shown_cleaned_and_cut(tmp_path: Path, store: SqliteStore) -> None:
    await polled(store, [True], hint="\x1b[2J" + "<b>" * 500)
    reading = (await explained(tmp_path, store))["reading"]
    assert "hint" in reading
    ((_, text),) = [line for line in _read_lines(reading) if line[0] == "polled because"]
    assert "\x1b" not in text
    assert len(text) < 150


LOOKED = """\
import json, sys
from watcher.cli import _run
_run(["status", "--json"]), _run(["plan", "--json"])
new = ("aio_pika", "watcher.hints.", "watcher.domain.hints", "watcher.reports.hints", "watcher.config.hint")
print([name for name in sys.modules if name.startswith(new)])
"""


def test_who_has_no_hints_and_only_looks_loads_nothing_of_them(tmp_path: Path) -> None:
    configured(tmp_path, hints="")
    asyncio.run(_a_store(tmp_path))
    program = [sys.executable, "-c", LOOKED]
    told_of = subprocess.run(program, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told_of.stdout.splitlines()[-1] == "[]"


async def _a_store(folder: Path) -> None:
    await (await SqliteStore.open(folder / "watcher.db", exclusive=True)).close()
