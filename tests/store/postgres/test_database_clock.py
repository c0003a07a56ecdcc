"""The time of a member is the server's, whatever its machine's clock says or is set to."""

from __future__ import annotations

from watcher.store.postgres.clock import DatabaseClock


class Machine:
    def __init__(self) -> None:
        self.ticks, self.time = 100.0, 5000.0


def clock_of(machine: Machine) -> DatabaseClock:
    return DatabaseClock(lambda: machine.ticks, lambda: machine.time)


def test_it_is_the_time_of_the_server_and_goes_on_by_the_machine_s_ticks() -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.told(9000.0, 99.0, 101.0)
    assert clock.now().timestamp() == 9000.0
    machine.ticks += 2.5
    machine.time += 86_400.0
    assert clock.now().timestamp() == 9002.5


def test_by_how_much_the_machine_s_clock_is_off_is_known() -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.told(5003.0, 100.0, 100.0)
    assert clock.ahead == -3.0


def test_an_answer_that_took_long_says_nothing_new() -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.told(9000.0, 100.0, 100.0)
    clock.told(9003.0, 99.0, 109.0)
    assert clock.now().timestamp() == 9000.0


def test_a_small_correction_turns_no_time_back() -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.told(9000.0, 100.0, 100.0)
    before = clock.now()
    clock.told(8999.5, 100.0, 100.0)
    assert clock.now() == before
    machine.ticks += 1
    assert clock.now().timestamp() == 9000.5


def test_a_server_whose_clock_is_set_back_is_followed() -> None:
    machine = Machine()
    clock = clock_of(machine)
    clock.told(9000.0, 100.0, 100.0)
    clock.now()
    clock.told(5400.0, 100.0, 100.0)
    assert clock.now().timestamp() == 5400.0


def test_before_it_was_told_it_is_the_machine_s() -> None:
    assert clock_of(Machine()).now().timestamp() == 5000.0
