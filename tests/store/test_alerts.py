"""Acknowledgements and silences written beside a running daemon, and what of an alert is kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contract.given import NOW, after, alert, always, delivery, keep, message
from tests.store.given import by_hand, opened, rows
from watcher.domain.alerts.flapping import Flap
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor
from watcher.domain.decision import Decision, Snapshot
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace
from watcher.ports.store import Recall
from watcher.store.sqlite.commands import SqliteCommands
from watcher.store.sqlite.queries import SqliteQueries
from watcher.store.sqlite.store import SqliteStore

BOB = Actor("bob", "page", after(minutes=5))
LATER = Actor("bob", "page", after(hours=1))
ACK = Ack.of(BOB, "on it")
SILENCE = Silence("s1", "bob", "works", NOW, after(hours=2), ("gas-*",), ("hot", "ü*"), ("info",), ())
LIVED = replace(
    alert(), told=("ops", "phone"), told_since=NOW, repeats=3, clear_since=after(minutes=1), acknowledged=ACK,
    held="inhibited by rule x", owed=Kind.FIRING, escalated_at=after(minutes=2),
)  # fmt: skip


async def known(store: SqliteStore) -> Snapshot:
    return await store.load([])


async def test_all_of_an_alerts_life_survives_a_restart(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, alerts=(replace(LIVED, account=None),))
    async with opened(path) as store:
        past = await known(store)
    assert list(past.alerts.values()) == [replace(LIVED, account=None)]
    assert past.firing == {("gas-low", "hot"): {"s"}}


async def test_a_resolved_alert_is_remembered_while_its_end_is_owed(path: Path) -> None:
    over = replace(LIVED, state=AlertState.RESOLVED, resolved_at=NOW, owed=Kind.RESOLVED)
    async with opened(path) as store:
        await keep(store, alerts=(LIVED,))
        await keep(store, alerts=(over,))
        assert (await known(store)).owing == (over,)
    async with opened(path) as store:
        past = await known(store)
        assert (past.owing, past.alerts, past.firing) == ((over,), {}, {})
        await keep(store, alerts=(replace(over, owed=None),))
        assert (await known(store)).owing == ()


async def test_the_daemon_sees_an_acknowledgement_at_its_next_decision_and_keeps_it(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        first = alert(account=None)
        await keep(store, alerts=(first, alert("a2", account=None, state=AlertState.PENDING, subject="t")))
        assert not (await known(store)).alerts["gas-low", "s"].acknowledged

        found = SqliteCommands(path, BOB).acknowledge(["a1", "a2", "nobody"], "on it")

        assert [each.what.acknowledged if each.what else None for each in found.values()] == [ACK, None, None]
        seen: list[Alert] = []

        def deciding(past: Snapshot, _recall: Recall) -> Decision:
            seen.append(past.alerts["gas-low", "s"])
            return Decision(NOW, alerts=(replace(seen[0], because="0.3 is below 0.5"),))

        await store.conclude([], deciding)
        assert seen[0].acknowledged == ACK
        with SqliteQueries(path) as reader:
            kept = reader.alert("a1")
        assert kept is not None
        assert (kept.acknowledged, kept.because) == (ACK, "0.3 is below 0.5")


async def test_the_daemon_sees_a_silence_and_its_early_end_at_its_next_decision(path: Path) -> None:
    async with opened(path, exclusive=True) as store:
        assert (await known(store)).silences == ()
        SqliteCommands(path, BOB).add_silence(SILENCE)
        assert (await known(store)).silences == (SILENCE,)
        assert SqliteCommands(path, LATER).expire_silences(["s1", "s2"]) == ["s1"]
        assert SqliteCommands(path, LATER).expire_silences(["s1"]) == []
        assert (await known(store)).silences == (replace(SILENCE, until=after(hours=1)),)


async def test_a_silence_long_over_is_dropped(path: Path) -> None:
    async with opened(path) as store:
        SqliteCommands(path, BOB).add_silence(SILENCE)
        assert not await store.tidy(NOW + timedelta(days=30))
        assert (await known(store)).silences
        while await store.tidy(NOW + timedelta(days=500)):
            pass
    assert rows(path, "SELECT count(*) FROM silences") == [(0,)]


async def test_who_was_told_before_this_version_is_found_in_the_deliveries(path: Path) -> None:
    async with opened(path) as store:
        owed = [replace(delivery(f"d{name}", name), message=message("a1")) for name in ("ops", "mail")]
        await keep(store, alerts=(alert("a1", account=None), alert("a2", account=None, subject="t")))
        await keep(store, deliveries=tuple(owed))
    with by_hand(path) as conn:  # back to the schema before
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%happenings%'"
        for (name,) in conn.execute(triggers).fetchall():
            conn.execute(f"DROP TRIGGER {name}")
        conn.execute("DROP TABLE happenings")
        for name in ("v_alerts", "v_silences", "v_events"):
            conn.execute(f"DROP VIEW {name}")
        conn.execute("DROP TABLE silences")
        conn.execute("DROP INDEX alerts_owing")
        conn.execute("DROP INDEX messages_by_alert")
        columns = [row[1] for row in conn.execute("PRAGMA table_info(alerts)")]
        for column in columns[columns.index("closed") + 1 :]:
            conn.execute(f"ALTER TABLE alerts DROP COLUMN {column}")
        conn.execute("DROP TABLE event_acks")
        gone = "'m004_life', 'm017_acknowledged_events', 'm019_happenings'"
        conn.execute(f"DELETE FROM _sqlite_migrations WHERE name IN ({gone})")  # noqa: S608
        conn.execute("PRAGMA user_version = 3")
    async with opened(path) as store:
        alerts = (await known(store)).alerts
        with store.queries() as reader:
            assert len(reader.happened(AlertFilter(), 9)) == 2
    assert set(alerts["gas-low", "s"].told or ()) == {"ops", "mail"}
    assert alerts["gas-low", "s"].told_since == alerts["gas-low", "s"].fired_at
    assert alerts["gas-low", "t"].told is None


async def test_what_fails_while_it_is_written_changes_nothing(path: Path) -> None:
    async with opened(path) as store:
        await keep(store, alerts=(alert("a1", account=None),))
        with by_hand(path) as conn:
            conn.execute(
                "CREATE TRIGGER broken BEFORE UPDATE ON alerts WHEN old.id = 'a2'"
                " BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        await store.conclude([], always(Decision(NOW, alerts=(alert("a2", account=None, subject="t"),))))
        with pytest.raises(Exception, match="no"):
            SqliteCommands(path, BOB).acknowledge(["a1", "a2"], "on it")
        assert not (await known(store)).alerts["gas-low", "s"].acknowledged


async def test_transitions_are_remembered_over_a_restart_for_a_day(path: Path) -> None:
    key, flap = ("gas-low", "s"), Flap((NOW, after(minutes=3)), NOW, said=True)
    async with opened(path) as store:
        await keep(store, flaps={key: Flap((NOW,))})
        await keep(store, flaps={key: flap})
        assert (await known(store)).flaps == {key: flap}
    async with opened(path) as store:
        assert (await known(store)).flaps == {key: flap}
        while await store.tidy(NOW + timedelta(days=2)):
            pass
    assert rows(path, "SELECT count(*) FROM flaps") == [(0,)]


async def test_an_alert_is_named_by_how_its_id_or_that_of_a_delivery_begins(path: Path) -> None:
    first, second = (replace(alert(), id=each, subject=each) for each in ("ab12cd34", "ab99cd34"))
    told = replace(delivery("77aa0001"), message=replace(message(), id=first.id))
    async with opened(path) as store:
        await keep(store, alerts=(first, second), deliveries=(told,))
    with SqliteQueries(path) as reader:
        assert reader.named_alerts("ab12") == reader.named_alerts("AB12CD34") == [first.id]
        assert reader.named_alerts("77aa") == reader.named_alerts("77aa0001") == [first.id]
        assert reader.named_alerts("ab") == [first.id, second.id]
        assert reader.named_alerts("%") == reader.named_alerts("") == reader.named_alerts("zz") == []
