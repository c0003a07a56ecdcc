"""Would an alert reach somebody? Each way in which it would not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.given import HOT, NOW, known
from tests.reports.given import tallied
from watcher.domain.model import Account, AccountState
from watcher.ports.queries import ChannelState
from watcher.reports.health import readiness

WELL = ChannelState("ops", 0, None, gave_up=False, trouble="", sent=NOW)
DEAF = ChannelState("pager", 1, NOW - timedelta(minutes=11), gave_up=False, trouble="HTTP 500", sent=None)
LOST = ChannelState("mail", 0, None, gave_up=True, trouble="HTTP 400", sent=None)
READ = known(HOT)


def ready(
    *channels: ChannelState, state: AccountState | None = READ, stuck: tuple[str, ...] = ()
) -> tuple[bool, str]:
    states = {HOT: state} if state is not None else {}
    found = readiness(tallied([HOT], states), channels, NOW, stuck=stuck)
    return found.ready, "; ".join((*found.broken, *found.troubled))


def test_it_is_ready_when_an_account_is_read_and_a_channel_works() -> None:
    assert ready(WELL) == (True, "")


@pytest.mark.parametrize("channel", [DEAF, LOST])
def test_one_deaf_channel_is_trouble_and_no_working_one_is_not_ready(channel: ChannelState) -> None:
    fine, text = ready(WELL, channel)
    assert fine
    assert channel.name in text
    fine, text = ready(channel)
    assert not fine
    assert channel.trouble in text


def test_a_channel_that_some_of_its_recipients_hear_is_trouble_and_not_deaf() -> None:
    waits = NOW - timedelta(minutes=11)
    half = ChannelState(
        "post", 1, None, gave_up=False, trouble="gone@m.test: 550", sent=None, partly_since=waits
    )
    fine, text = ready(half)
    assert fine
    assert "channel post: some wait since" in text
    assert "gone@m.test: 550" in text


def test_without_a_channel_nobody_would_be_told() -> None:
    assert not ready()[0]


def test_a_source_of_which_nothing_can_be_read_would_alert_nobody() -> None:
    assert not ready(WELL, state=READ._replace(misses=3))[0]
    assert ready(WELL, state=READ._replace(misses=2))[0]


def test_before_the_first_reading_it_is_not_ready() -> None:
    assert ready(WELL, state=None) == (False, "coinstats: nothing has been read yet")


def test_an_account_that_is_not_read_yet_is_no_fault_beside_one_that_is() -> None:
    other = Account("coinstats", "ethereum", "0x02")
    assert readiness(tallied([HOT, other], {HOT: READ}), [WELL], NOW).ready


def test_a_daemon_that_makes_no_progress_is_not_ready() -> None:
    assert not ready(WELL, stuck=("coinstats makes no progress",))[0]


def test_a_partly_read_source_is_trouble() -> None:
    other = Account("coinstats", "ethereum", "0x02")
    states = {HOT: READ, other: known(other)._replace(misses=5)}
    found = readiness(tallied([HOT, other], states), [WELL], NOW)
    assert found.ready
    assert found.troubled == ("coinstats: 1 of 2 accounts cannot be read",)


def test_a_bot_that_hears_nobody_is_trouble_and_keeps_no_alert_from_anybody() -> None:
    found = readiness(
        tallied([HOT], {HOT: READ}), [WELL], NOW, doubts=("channel ops: nobody is heard there: 409",)
    )
    assert (found.ready, found.troubled) == (True, ("channel ops: nobody is heard there: 409",))


def test_an_account_that_is_watched_no_more_counts_for_nothing() -> None:
    gone = Account("coinstats", "ethereum", "0x02")
    assert readiness(tallied([HOT], {gone: READ}), [WELL], NOW).broken == (
        "coinstats: nothing has been read yet",
    )
    assert readiness(tallied([HOT], {HOT: READ, gone: known(gone)._replace(misses=5)}), [WELL], NOW).ready


def test_who_is_late_and_who_cannot_be_read_are_told_apart() -> None:
    others = [Account("coinstats", "ethereum", f"0x{number}") for number in range(2, 5)]
    states = {each: known(each) for each in (HOT, *others)}
    states[others[0]] = states[others[0]]._replace(misses=3)
    found = readiness(tallied([HOT, *others], states, late=others[:2]), [WELL], NOW)
    assert found.troubled == (
        "coinstats: 1 of 4 accounts cannot be read", "coinstats: 1 of 4 accounts late",
    )  # fmt: skip
    assert not readiness(tallied([HOT, *others], states, late=[HOT, *others]), [WELL], NOW).ready
