"""The last words of the demo of members: they are said only if every promise was kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from watcher.cli._story_told import TOLD, entries, unseen, untold, verdict
from watcher.ports.queries import Queries
from watcher.sim import Simulation
from watcher.sim.scenario import prepare
from watcher.store.memory.store import MemoryStore


@pytest.fixture
def sim() -> Simulation:
    found = Simulation()
    prepare(found)
    return found


@pytest.fixture
def reader() -> Iterator[Queries]:
    """Of a store in which nothing ever happened."""
    with MemoryStore().queries() as found:
        yield found


def alert(rule: str, title: str = "ENA came", severity: str = "info", **more: Any) -> dict[str, Any]:
    told = {"rule": rule, "title": title, "severity": severity, "state": "event", "kind": "event"}
    return told | {"delivery_id": f"{rule} {title}", "dedup_key": title, "alert_id": "", **more}


def broken(reader: Queries, sim: Simulation, limit: int = 100) -> list[str]:
    lines, sound = verdict(reader, sim, limit, whole=True)
    assert sound == (not any(line.startswith("BROKEN") for line in lines))
    assert sound == any("nothing was lost" in line for line in lines)
    return [line.removeprefix("BROKEN: ") for line in lines if line.startswith("BROKEN")]


def test_what_two_rules_tell_of_one_thing_is_one_line_as_bad_as_the_worst() -> None:
    same = [alert("new-token"), alert("funds-moved", severity="warning"), alert("x", "other")]
    assert list(entries(same)) == [
        ("warning", "ENA came", "new-token, funds-moved"),
        ("info", "other", "x"),
    ]
    assert [mark for mark, *_ in entries([alert("x", severity="critical", state="resolved")])] == ["resolved"]


def test_what_the_apis_show_and_nobody_has_read_is_lost(reader: Queries, sim: Simulation) -> None:
    assert "treasury on base-wallet holds something else" in unseen(reader, sim)
    assert len(unseen(reader, sim)) == 8
    assert "holder on teos holds something else" in broken(reader, sim)


def test_a_rule_of_which_nobody_was_told_is_lost(reader: Queries, sim: Simulation) -> None:
    sim.inbox.alerts += [alert(rule) for rule in TOLD if rule != "emptied"]
    assert untold(sim) == ["emptied"]
    assert "nobody was told of emptied" in broken(reader, sim)


def test_a_credit_that_was_not_booked_is_overspent(reader: Queries, sim: Simulation) -> None:
    sim.coinstats.credits_used = 40
    assert "40 credits were spent and not booked" in broken(reader, sim)


def test_a_message_may_come_twice_and_not_a_second_one_of_the_same(reader: Queries, sim: Simulation) -> None:
    fires = alert("gas-low", kind="firing", alert_id="a")
    sim.inbox.alerts += [fires, fires]
    said = broken(reader, sim)
    assert not [each for each in said if "told firing by" in each]
    sim.inbox.alerts.append(fires | {"delivery_id": "another"})
    assert "ENA came was told firing by 2 messages" in broken(reader, sim)


def test_an_end_without_a_beginning_is_a_fault(reader: Queries, sim: Simulation) -> None:
    sim.inbox.alerts.append(alert("gas-low", kind="resolved", alert_id="a"))
    assert "ENA came was over, and had not begun" in broken(reader, sim)
