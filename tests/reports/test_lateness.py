"""`status` never calls that well which nobody reads any more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.given import ETH, HOT, NOW, THIRTY, USDC, changed, keep
from tests.fakes import FakeClock
from watcher.cli._tables import Screen
from watcher.cli.status import status as status_verb
from watcher.cli.status import status_lines
from watcher.config.configuration import configure
from watcher.domain.model import Account, AccountState
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.reports import status
from watcher.reports.rows import StatusRow
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

OTHER = Account(HOT.source, HOT.chain, "0x0000000000000000000000000000000000000002")

CONFIG = """\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: key-one, credits: {{limit: 20000}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{hot}", chains: [ethereum], {first}}}
  - {{name: other, source: coinstats, address: "{other}", chains: [ethereum], {second}}}
"""


async def looked_at(
    folder: Path,
    after: timedelta,
    first: str,
    second: str,
    *,
    stretch: float | None = None,
    states: tuple[AccountState, ...] = (),
) -> StatusRow:
    """The status so long after both accounts were read, or with other `states`."""
    path = folder / "watcher.yaml"
    path.write_text(CONFIG.format(hot=HOT.address, other=OTHER.address, first=first, second=second))
    store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
    try:
        states = states or tuple(
            AccountState(each, {ETH: THIRTY}, {"ethereum": NOW}, last_attempt=NOW, watched_since=NOW)
            for each in (HOT, OTHER)
        )
        changes = tuple(
            changed(each.account, asset, None, amount)
            for each in states
            for asset, amount in each.amounts.items()
        )
        await keep(store, accounts=states, changes=changes, symbols={ETH: "ETH", USDC: "USDC"})
        if stretch is not None:
            kept = Outlook(0.0, 0.0, stretch, {f"{HOT.chain}:{HOT.address}": 300 * stretch})
            await store.keep_facts("coinstats", {OUTLOOK: kept.dump()}, NOW)
    finally:
        await store.close()
    now: datetime = NOW + after
    with SqliteQueries(folder / "watcher.db") as reader:
        return status.report(configure(path, {}).settings, reader, now, {})


def shown(status: StatusRow) -> str:
    return "\n".join(status_lines(status, NOW, Screen()))


@pytest.mark.parametrize(
    ("after", "state", "late"),
    [
        (timedelta(minutes=15), "ok", [False, False]),
        (timedelta(minutes=17), "warning", [True, False]),
        (timedelta(hours=37), "critical", [True, True]),
    ],
)
async def test_what_is_not_read_for_three_times_its_interval_is_late(
    tmp_path: Path, after: timedelta, state: str, late: list[bool]
) -> None:
    status = await looked_at(tmp_path, after, "every: 5m", "at_least_every: 12h")

    assert (status["state"], [row["late"] for row in status["accounts"]]) == (state, late)
    assert shown(status).count("late") == late.count(True)
    assert ("nothing is read any more" in shown(status)) is (state == "critical")


async def test_nothing_is_late_of_which_nothing_says_when_it_is_due(tmp_path: Path) -> None:
    calendar = 'every: {cron: "0 9 * * mon"}, at_least_every: 1h'
    status = await looked_at(tmp_path, timedelta(days=6), "every: auto", calendar)

    assert (status["state"], [row["late"] for row in status["accounts"]]) == ("ok", [None, False])


NINE = 'every: {cron: "0 9 * * *", timezone: Europe/Zurich}'
THIRD_MISS = datetime(2026, 3, 13, 8, 1, tzinfo=UTC)
"""Nine in Zurich for the third time after noon of the 10th of March, and a minute."""


@pytest.mark.parametrize(
    ("now", "state", "late"),
    [
        (THIRD_MISS - datetime.resolution, "ok", False),
        (THIRD_MISS, "ok", False),
        (THIRD_MISS + datetime.resolution, "critical", True),
    ],
)
async def test_a_cron_line_is_late_after_as_many_missed_ticks_as_an_interval(
    tmp_path: Path, now: datetime, state: str, late: bool
) -> None:
    status = await looked_at(tmp_path, now - NOW, NINE, NINE)

    assert (status["state"], [row["late"] for row in status["accounts"]]) == (state, [late, late])
    assert ("nothing is read any more" in shown(status)) is late


@pytest.mark.parametrize(("stretch", "ticks"), [(2.4, 8), (1e12, 1000)])
async def test_ticks_that_credits_do_not_allow_for_make_nothing_late(
    tmp_path: Path, stretch: float, ticks: int
) -> None:
    every, first = 'every: {cron: "*/10 * * * *"}', timedelta(minutes=10, microseconds=-NOW.microsecond)
    last = first + (ticks - 1) * timedelta(minutes=10) + timedelta(minutes=1)
    for after, late in ((last, False), (last + datetime.resolution, True)):
        status = await looked_at(tmp_path, after, every, every, stretch=stretch)
        assert [row["late"] for row in status["accounts"]] == [late, late]


async def test_a_reading_at_a_tick_has_not_missed_it(tmp_path: Path) -> None:
    noon, at = 'every: {cron: "0 12 * * *"}', NOW.replace(microsecond=0)
    states = tuple(
        AccountState(each, {ETH: THIRTY}, {"ethereum": at}, last_attempt=at, watched_since=at)
        for each in (HOT, OTHER)
    )
    until = at + timedelta(days=3, minutes=1)
    status = await looked_at(tmp_path, until - NOW, noon, noon, states=states)

    assert [row["late"] for row in status["accounts"]] == [False, False]


async def test_the_next_poll_of_a_cron_line_is_its_first_tick_after_the_last_one(tmp_path: Path) -> None:
    calendar = 'every: {cron: "0 12 * * mon", timezone: America/New_York}'
    status = await looked_at(tmp_path, timedelta(minutes=1), NINE, calendar)

    nine, monday = datetime(2026, 3, 11, 8, tzinfo=UTC), datetime(2026, 3, 16, 16, tzinfo=UTC)
    assert [row["next_poll"] for row in status["accounts"]] == [nine, monday]


async def test_what_a_cron_line_leaves_unread_for_days_does_not_call_a_dead_daemon_well(
    tmp_path: Path,
) -> None:
    """The account of the cron line was read three hours before, and is due in days."""
    before = NOW - timedelta(hours=3)
    states = tuple(
        AccountState(each, {ETH: THIRTY}, {"ethereum": at}, last_attempt=at, watched_since=before)
        for each, at in ((HOT, NOW), (OTHER, before))
    )
    weekly = 'every: {cron: "0 9 * * mon"}'
    status = await looked_at(tmp_path, timedelta(hours=3), "every: 5m", weekly, states=states)

    assert (status["state"], [row["late"] for row in status["accounts"]]) == ("critical", [True, False])


async def test_one_cron_line_that_fails_is_no_dead_daemon_while_others_are_read(tmp_path: Path) -> None:
    failing = AccountState(HOT, {ETH: THIRTY}, {"ethereum": NOW}, last_attempt=NOW, misses=3, miss="timeout")
    later = NOW + timedelta(minutes=30)
    plain = AccountState(OTHER, {ETH: THIRTY}, {"ethereum": later}, last_attempt=later, watched_since=NOW)
    ten = 'every: {cron: "*/10 * * * *"}'
    status = await looked_at(tmp_path, timedelta(minutes=31), ten, ten, states=(failing, plain))

    assert (status["state"], [row["late"] for row in status["accounts"]]) == ("warning", [True, False])


async def test_what_credits_do_not_allow_for_is_not_late(tmp_path: Path) -> None:
    status = await looked_at(tmp_path, timedelta(minutes=130), "every: 5m", "every: 10m", stretch=8.0)

    assert (status["state"], [row["late"] for row in status["accounts"]]) == ("warning", [True, False])


@pytest.mark.parametrize(("after", "state"), [(15, "ok"), (17, "warning")])
async def test_what_answers_leave_unclear_for_as_long_is_a_warning_with_its_reason(
    tmp_path: Path, after: int, state: str
) -> None:
    why = "USDC on base-wallet: its amount is negative"
    until = NOW + timedelta(minutes=after)
    both = {ETH: THIRTY, USDC: THIRTY}
    seen = {"ethereum": until, "base-wallet": until}
    unclear = AccountState(HOT, both, seen, {USDC: NOW}, last_attempt=until, miss=why, watched_since=NOW)
    plain = AccountState(OTHER, {ETH: THIRTY}, {"ethereum": until}, last_attempt=until, watched_since=NOW)

    status = await looked_at(
        tmp_path, timedelta(minutes=after), "every: 5m", "every: 5m", states=(unclear, plain)
    )

    assert (status["state"], [row["late"] for row in status["accounts"]]) == (state, [False, False])
    assert [row["stale"] for row in status["accounts"]] == [state == "warning", False]
    assert why in shown(status)
    assert "nothing is read" not in shown(status)


async def test_what_keeps_everything_from_being_read_is_named_and_not_the_daemon(tmp_path: Path) -> None:
    why = "unreachable: api.example: connection refused"
    down = tuple(
        AccountState(each, {ETH: THIRTY}, {"ethereum": NOW}, last_attempt=NOW, misses=9, miss=why)
        for each in (HOT, OTHER)
    )
    status = await looked_at(tmp_path, timedelta(hours=37), "every: 5m", "every: 5m", states=down)

    assert status["state"] == "critical"
    words = " ".join(shown(status).split())
    assert f"nothing is read any more: coinstats: {why}" in words


@pytest.mark.parametrize(
    ("after", "code", "says"),
    [
        (timedelta(minutes=17), 0, "2 accounts watched"),
        (timedelta(hours=37), 1, "nothing is read any more: see that `watcher run` is at work"),
    ],
)
async def test_alive_is_a_daemon_that_reads_something_whatever_else_is_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    after: timedelta,
    code: int,
    says: str,
) -> None:
    await looked_at(tmp_path, after, "every: 5m", "at_least_every: 12h")
    monkeypatch.setattr("watcher.cli._common.SystemClock", lambda: FakeClock(NOW + after))

    assert status_verb(tmp_path / "watcher.yaml", alive=True) == code
    assert capsys.readouterr().out.startswith(says)


def test_without_a_store_nothing_is_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text(
        CONFIG.format(hot=HOT.address, other=OTHER.address, first="every: 5m", second="every: 5m")
    )

    assert status_verb(path, alive=True) == 1
    assert "watcher.db" in capsys.readouterr().err
