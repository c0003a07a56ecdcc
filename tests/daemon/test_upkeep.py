"""What keeps a running daemon well."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.contract.given import HOT, NOW, keep, known
from tests.fakes import FakeClock, FakeMembers
from tests.notify.given import delivery
from watcher.app.build import build
from watcher.config.configuration import configure
from watcher.daemon import systemd
from watcher.daemon.upkeep import feed_watchdog, silence, status_of
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.records import replace
from watcher.ports.members import SoleMember
from watcher.reports import status
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore


def test_a_daemon_takes_all_descriptors_that_it_may_have() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))\n"
        "from watcher.daemon.upkeep import take_descriptors; take_descriptors()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "300 300\n"


CONFIG = """\
version: 1
sources: {{coinstats: {{kind: coinstats, api_key: key-one, credits: {{limit: 20000}}}}}}
wallets: [{{name: hot, source: coinstats, address: "{hot}", chains: [ethereum]}}]
channels:
  ops: {{url: "json://127.0.0.1:9/"{quiet}}}
web: null
"""
QUIET = ', quiet: {from: "22:00", to: "07:00", timezone: UTC}'


async def found(folder: Path, now: datetime, *deliveries: Delivery, quiet: str = "") -> tuple[str, str]:
    """Why the dead-man's switch is not called, and the word of `status`, while these deliveries wait."""
    path = folder / "watcher.yaml"
    path.write_text(CONFIG.format(hot=HOT.address, quiet=quiet))
    configuration = configure(path, {})
    store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
    try:
        await keep(store, accounts=(known(HOT, now, ethereum="1"),))
        owed = tuple(
            replace(each, delivered_to=frozenset(), state=DeliveryState.PENDING) for each in deliveries
        )
        await store.conclude([], lambda _past, _recall: Decision(at=now, deliveries=owed))
        await store.settle([each for each in deliveries if each.delivered_to], {})
        app = await build(configuration, store, clock=FakeClock(now))
        why = await silence(app)
    finally:
        await store.close()
    with SqliteQueries(folder / "watcher.db") as reader:
        return why, str(status.report(configuration.settings, reader, now, {})["state"])


async def test_what_waits_for_the_end_of_quiet_hours_does_not_stop_the_heartbeat(tmp_path: Path) -> None:
    night = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)
    waits = replace(delivery(1), created=night, due=night)

    assert await found(tmp_path, night + timedelta(hours=2), waits, quiet=QUIET) == ("", "ok")


async def test_what_reaches_nobody_for_ten_minutes_stops_the_heartbeat(tmp_path: Path) -> None:
    waits = replace(delivery(1), created=NOW, due=NOW)
    why, state = await found(tmp_path, NOW + timedelta(minutes=11), waits)

    assert ("messages wait since" in why, state) == (True, "critical")


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.GIVEN_UP])
async def test_one_dead_mailbox_of_a_channel_is_no_silence_of_the_daemon(
    tmp_path: Path, state: DeliveryState
) -> None:
    one = replace(
        delivery(1), created=NOW, due=NOW, state=state, attempts=9, delivered_to=frozenset({"a@mail.test"})
    )
    why, word = await found(tmp_path, NOW + timedelta(minutes=11), replace(one, last_error="gone: 550"))

    assert (why, word) == ("", "warning" if state is DeliveryState.PENDING else "critical")


async def test_a_store_that_says_nothing_is_told_with_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("watcher.daemon.upkeep.STORE_ANSWERS", 0.01)
    mute: Any = SimpleNamespace(store=SimpleNamespace(live_alerts=asyncio.Event().wait, members=SoleMember()))

    said = "the store does not answer: nothing within 0.01 s"
    assert await status_of(mute) == (said, False)
    assert said in caplog.text


async def test_a_database_that_is_away_is_said_at_once_and_no_reason_to_start_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[str] = []
    monkeypatch.setattr(systemd, "watchdog", lambda: beats.append("alive"))
    members = FakeMembers()
    (tmp_path / "watcher.yaml").write_text(CONFIG.format(hot=HOT.address, quiet=""))
    store = await SqliteStore.open(tmp_path / "watcher.db", exclusive=True)
    store.members = members
    clock = FakeClock(NOW)
    app = await build(configure(tmp_path / "watcher.yaml", {}), store, clock=clock)
    members.away = "db: the server cannot be reached, since 2026-03-10 12:00:00 UTC"
    feeding = asyncio.create_task(feed_watchdog(app))
    await clock.advance(600)
    feeding.cancel()

    assert await status_of(app) == (members.away, False)
    assert await silence(app) == f"the store does not answer: {members.away}"
    assert len(beats) >= 5
    await store.close()
