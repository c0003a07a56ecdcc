"""What people read of the members of an installation: who leads what, and what is odd about one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from prometheus_client.core import Metric

from tests.fakes import START
from watcher.ports.members import MemberState
from watcher.reports.members import member_rows, member_words
from watcher.web.member_metrics import of_members

ONE = MemberState("one", START, START, True, ("plan", "tell ops"), "rules", "1.0.0", 0.01)
TWO = replace(ONE, name="two", leads=("tell desk",))


def words(*members: MemberState) -> dict[str, str]:
    return {row["member"]: member_words(row) for row in member_rows(members, START + timedelta(minutes=3))}


def test_each_member_is_said_with_what_it_leads() -> None:
    assert words(ONE, TWO, replace(TWO, name="three", leads=())) == {
        "one": "plans, tells ops",
        "two": "tells desk",
        "three": "leads nothing",
    }


def test_what_is_odd_about_a_member_is_said() -> None:
    assert words(ONE, replace(TWO, at_work=False, leads=()))["two"] == "away for 3 min"
    assert words(ONE, replace(TWO, fingerprint="others", leads=()))["two"] == (
        "leads nothing; has other rules or another watch list than one, and does nothing"
    )
    assert words(replace(ONE, clock_offset=-7.5))["one"] == (
        "plans, tells ops; the clock of its machine is 7.5s behind"
    )
    assert words(replace(ONE, clock_offset=2.0))["one"] == "plans, tells ops"


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
