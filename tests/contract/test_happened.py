"""What every store promises of alerts and events that people look through together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.given import NOW, after, alert, by, delivery, keep, message
from watcher.commands.alerts import acknowledge
from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.alerts.selection import AlertFilter, Stage
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Particulars, Severity
from watcher.domain.records import replace
from watcher.ports.store import Store


def event(identity: str, hours: float, **values: Any) -> Delivery:
    told = replace(message(identity, Kind.EVENT, NOW - timedelta(hours=hours)), **values)
    return replace(delivery(f"d-{identity}"), message=told)


def fired(identity: str, hours: float, **values: Any) -> Alert:
    since = NOW - timedelta(hours=hours)
    values = {"since": since, "fired_at": since, **values}
    return replace(alert(identity, account=None, subject=identity), **values)


@pytest.fixture
async def full(store: Store) -> Store:
    """Alerts of every state, and events, from the newest to the oldest."""
    over = {"state": AlertState.RESOLVED, "resolved_at": NOW - timedelta(hours=4)}
    await keep(
        store,
        alerts=(
            fired("warns", 1),
            fired("waits", 2, state=AlertState.PENDING, fired_at=None),
            fired("ended", 5, **over),
            fired("stopped", 6, closed=True, **over),
            fired("never", 7, **{**over, "closed": True, "fired_at": None}),
            fired("burns", 30, severity=Severity.CRITICAL, wallet="desk", rule="low_50%"),
        ),
        deliveries=(
            event("left", 3, wallet="desk", particulars=Particulars(because="58,890 USDC left")),
            event("came", 48, severity=Severity.INFO),
        ),
    )  # fmt: skip
    acknowledge(store, by(after()), ["burns"], "")
    return store


def ids(store: Store, *, worst: bool = False, limit: int = 99, skip: int = 0, **wanted: Any) -> list[str]:
    selection = AlertFilter(**wanted)
    with store.queries() as reader:
        found = reader.happened(selection, limit, skip, worst=worst)
        if limit == 99:
            assert reader.count_happened(selection) == len(found)
    return [each.id for each in found]


async def test_alerts_and_events_are_one_list_the_newest_first(full: Store) -> None:
    assert ids(full) == ["warns", "waits", "left", "ended", "stopped", "burns", "came"]
    assert ids(full, limit=2, skip=2) == ["left", "ended"]


async def test_what_was_over_before_it_fired_is_not_in_it(full: Store) -> None:
    assert "never" not in ids(full)
    await keep(
        full, alerts=(replace(fired("waits", 2), state=AlertState.RESOLVED, closed=True, fired_at=None),)
    )
    assert "waits" not in ids(full)


async def test_the_worst_first_is_what_needs_somebody_and_of_that_the_gravest(full: Store) -> None:
    assert ids(full, worst=True) == ["left", "warns", "came", "burns", "waits", "ended", "stopped"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"stages": {Stage.FIRING}}, ["warns", "burns"]),
        ({"stages": {Stage.EVENT, Stage.WITHDRAWN}}, ["left", "stopped", "came"]),
        ({"severity": Severity.CRITICAL}, ["left", "burns"]),
        ({"wallet": "desk"}, ["left", "burns"]),
        ({"rule": "low_50%"}, ["burns"]),
        ({"acknowledged": True}, ["burns"]),
        ({"acknowledged": False, "severity": Severity.CRITICAL}, ["left"]),
        ({"text": "usdc LEFT"}, ["left"]),
        ({"text": "w_50%"}, ["burns"]),
        ({"text": "w_50_"}, []),
        ({"text": "BURN"}, ["burns"]),
        ({"among": ["came", "ended", "nothing"]}, ["ended", "came"]),
        ({"stages": {Stage.FIRING}, "wallet": "hot", "text": "below"}, ["warns"]),
    ],
)
async def test_it_is_narrowed_by_each_thing_and_by_all_together(
    full: Store, wanted: dict[str, Any], found: list[str]
) -> None:
    assert ids(full, **wanted) == found


async def test_a_time_has_what_was_not_over_when_it_began_and_began_before_its_end(full: Store) -> None:
    assert ids(full, since=NOW - timedelta(hours=4, minutes=1)) == [
        "warns", "waits", "left", "ended", "stopped", "burns",
    ]  # fmt: skip
    assert ids(full, since=NOW - timedelta(hours=3, minutes=1)) == ["warns", "waits", "left", "burns"]
    assert ids(full, until=NOW - timedelta(hours=24)) == ["burns", "came"]
    assert ids(full, since=NOW - timedelta(hours=40), until=NOW - timedelta(hours=4)) == [
        "ended", "stopped", "burns",
    ]  # fmt: skip


async def test_an_alert_that_ends_or_is_acknowledged_moves_at_once(full: Store) -> None:
    over = replace(fired("warns", 1), state=AlertState.RESOLVED, resolved_at=NOW, because="0.6 is above 0.5")
    await keep(full, alerts=(over,))
    acknowledge(full, by(after()), ["left"], "")
    assert ids(full, worst=True)[:2] == ["came", "left"]
    assert ids(full, stages={Stage.FIRING}) == ["burns"]
    assert ids(full, text="0.6 is") == ["warns"]
    assert ids(full, acknowledged=True) == ["left", "burns"]


async def test_an_event_told_again_in_the_place_of_another_channel_is_listed_once(full: Store) -> None:
    again = replace(
        delivery("d-pager", "pager"), message=replace(message("left", Kind.EVENT), at=after(minutes=9))
    )
    await keep(full, deliveries=(again,))
    assert ids(full).count("left") == 1
    assert ids(full)[2] == "left", "it is as old as when it was told first"
