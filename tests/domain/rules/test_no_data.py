"""The rule about accounts that could not be read for too long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain.given import ETH, HOT, MINUTE, START, WALLETS, World, failed, omitted, reading
from watcher.domain.rules import NoDataRule

HOUR = timedelta(hours=1)
N: list[str] = []
F, R, AGAIN = ["silent firing"], ["silent resolved"], ["silent repeat"]
ONE = {HOT: WALLETS[HOT]}


def silent(**fields: object) -> NoDataRule:
    return NoDataRule(id="silent", longer_than="30m", **fields)  # type: ignore[arg-type]


def test_silence_fires_by_time_alone_and_a_reading_resolves_it() -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    assert world.wait(30 * MINUTE) == N, "not longer than"
    assert world.wait(MINUTE) == F
    assert [world.wait(MINUTE), world.see(failed(HOT))] == [N, N]
    assert world.see(reading(HOT, {ETH: "1"})) == R
    assert world.wait(MINUTE) == N


def test_an_account_that_was_never_read_counts_from_the_first_attempt() -> None:
    world = World(silent(), wallets=ONE)
    assert [world.see(omitted(HOT)), world.see(failed(HOT), after=30 * MINUTE)] == [N, N]
    assert world.see(failed(HOT)) == F
    assert world.title == "hot on ethereum: no reading for longer than 30m, never read (timeout)"


def test_an_account_that_was_never_asked_for_counts_from_the_start() -> None:
    world = World(silent(), wallets=ONE)
    assert world.wait(30 * MINUTE) == N
    assert world.wait(MINUTE) == F


def test_time_in_which_the_daemon_did_not_run_counts_once_a_poll_has_failed() -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    world.see(failed(HOT))
    world.restart(after=8 * HOUR)
    assert world.wait(MINUTE) == N, "the miss was before the restart"
    assert world.see(failed(HOT)) == F


def test_a_good_poll_after_a_long_stop_fires_nothing() -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    world.restart(after=8 * HOUR)
    assert [world.wait(MINUTE), world.see(reading(HOT, {ETH: "1"}))] == [N, N]


@pytest.mark.parametrize("last", [reading(HOT, {ETH: "1"}), failed(HOT)])
def test_a_restart_resolves_nothing_that_was_not_read(last: object) -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    world.see(last)  # type: ignore[arg-type]
    assert world.wait(40 * MINUTE) == F
    world.restart()
    assert [world.wait(MINUTE), world.see(failed(HOT))] == [N, N]
    assert world.see(reading(HOT, {ETH: "1"})) == R


def test_a_repeat_is_told_once_when_it_is_due() -> None:
    world = World(silent(repeat="2h"), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    assert world.wait(HOUR) == F
    assert world.wait(2 * HOUR - MINUTE) == N
    assert world.wait(MINUTE) == AGAIN
    assert len({each.id for each in world.told}) == len(world.told)


def test_a_pass_in_which_nothing_is_new_writes_nothing() -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}))
    world.wait(HOUR)
    world.wait(MINUTE)
    assert world.last.alerts == ()


def test_words_say_how_long_and_why() -> None:
    world = World(silent(), wallets=ONE)
    world.see(reading(HOT, {ETH: "1"}), after=timedelta(0))
    world.see(failed(HOT), after=31 * MINUTE)
    assert (
        world.fact("Because") == "no reading for longer than 30m, last read 2026-03-01 12:00:00 UTC (timeout)"
    )
    assert world.live[0].since == START + 31 * MINUTE
