"""What people read of the members of an installation: who leads what, and what is odd about one."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.core import Metric

from tests.fakes import START
from watcher.domain.records import replace
from watcher.ports.figures import StoreFigures
from watcher.ports.members import MemberState, WorkState
from watcher.reports.members import member_rows, member_words
from watcher.web.member_metrics import of_members, of_store, of_work

ONE = MemberState("one", START, START, True, ("plan", "tell ops"), "rules", "1.0.0", 0.01)
TWO = replace(ONE, name="two", leads=("tell desk",))


def words(*members: MemberState) -> dict[str, str]:
    return {row["member"]: member_words(row) for row in member_rows(members, START + timedelta(minutes=3))}


def test_each_member_is_said_with_what_it_leads() -> None:
    assert words(ONE, TWO, replace(TWO, name="three", leads=())) == {
        "one": "plans; tells ops",
        "two": "tells desk",
        "three": "leads nothing",
    }


def test_what_is_odd_about_a_member_is_said() -> None:
    assert words(ONE, replace(TWO, at_work=False, leads=()))["two"] == "away for 3 min"
    assert words(ONE, replace(TWO, fingerprint="others", leads=()))["two"] == (
        "has other rules or another watch list than one, and does nothing"
    )
    assert words(ONE, replace(TWO, version="1.0.1"))["two"] == (
        "tells desk; has version 1.0.1, one has 1.0.0"
    )
    assert words(replace(ONE, clock_offset=-7.5))["one"] == (
        "plans; tells ops; the clock of its machine is 7.5s behind"
    )
    assert words(replace(ONE, clock_offset=2.0))["one"] == "plans; tells ops"


def test_where_nobody_plans_nobody_has_other_rules() -> None:
    assert words(replace(TWO, fingerprint="others"))["two"] == "tells desk"


def samples(found: list[Metric]) -> set[tuple[str, tuple[str, ...], float]]:
    return {
        (each.name, tuple(each.labels.values()), each.value) for metric in found for each in metric.samples
    }


def test_metrics_say_who_is_there_who_leads_and_whose_clock_is_off() -> None:
    rows = member_rows([ONE, replace(TWO, at_work=False, leads=())], START)
    assert samples(list(of_members(rows))) == {
        ("watcher_member_up", ("one",), 1),
        ("watcher_member_up", ("two",), 0),
        ("watcher_leads", ("plan", "one"), 1),
        ("watcher_leads", ("tell ops", "one"), 1),
        ("watcher_clock_offset_seconds", ("one",), 0.01),
    }
    assert list(of_members([])) == []


def test_metrics_say_what_members_have_before_them_and_what_the_store_does() -> None:
    work = WorkState({"todo": 3, "doing": 1}, 0.25)
    assert samples(list(of_work(work))) == {
        ("watcher_jobs", ("todo",), 3),
        ("watcher_jobs", ("doing",), 1),
        ("watcher_sum_lag_seconds", (), 0.25),
    }
    figures = StoreFigures(places=2)
    figures.retries["40001"] += 2
    with figures.measured("reserve"), figures.measured("reserve"), figures.measured("load"):
        assert ("watcher_pool_waiting", (), 1) in samples(list(of_store(figures, 5)))
    found = samples(list(of_store(figures, 5)))
    assert ("watcher_store_seconds_count", ("reserve",), 2) in found
    assert ("watcher_store_seconds_count", ("load",), 1) in found
    assert ("watcher_store_retries_total", ("40001",), 2) in found
    assert ("watcher_jobs_stalled_total", (), 5) in found
    assert ("watcher_pool_waiting", (), 0) in found
