"""Members whose machines' clocks are apart: nothing is lost, told twice or overspent; who is far off plans
nothing where another can."""

from __future__ import annotations

import signal

import pytest

from tests.chaos.given import at_work, led_by, move, sound
from tests.chaos.members import MemberStand
from tests.chaos.stand import long


@pytest.mark.parametrize("apart", [*(pytest.param(by, marks=long) for by in (-3600, -5, 5)), 3600])
async def test_two_members_whose_clocks_are_apart_are_one_watcher(two: MemberStand, apart: int) -> None:
    offset = two.folder / "offset"
    offset.write_text(str(apart))
    await two.begin("two", clock=str(offset))
    await at_work(two, ["two"])
    await two.begin("one")
    await at_work(two)
    if abs(apart) > 30:
        await two.until("SELECT count(*) FROM leases WHERE member = 'two' AND held('role', role)", 0)
        await led_by(two, "one")

    move(two, "0.3")
    await two.told("low", "0.3")
    move(two, "0.9")
    await two.told("low", "resolved")

    late = "SELECT count(*) FROM requests WHERE abs(reserved_at - now_ms()) > 600000"
    assert two.query(late) == [(0,)]
    assert two.query("SELECT count(*) FROM deliveries WHERE abs(created - now_ms()) > 600000") == [(0,)]
    ((off,),) = two.query("SELECT clock_offset FROM members WHERE name = 'two'")
    assert abs(off - apart) < 2
    await two.kill("one", signal.SIGTERM)
    await led_by(two, "two")
    move(two, "0.25")
    await two.told("low", "0.25")
    await sound(two)
