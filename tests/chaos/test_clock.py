"""Somebody sets the machine's clock, by a day or by a year, while the daemon runs and across a restart."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.chaos.stand import Stand, long
from tests.endtoend.bench import BOND, DESK, EVM

DAY = 86_400
STEPS = {"a day ahead": DAY, "a day back": -DAY, "a year ahead": 365 * DAY, "a year back": -365 * DAY}


def move(there: Stand, number: int) -> tuple[str, str]:
    world = there.sim.world
    world.set_amount(EVM, "ethereum", "ETH", f"{number}.0625", symbol="ETH", price="3000", coin_id="ethereum")
    world.set_sparks(DESK, BOND, number * 1000 + 125)
    return f"{number}.0625", f"{number}.125"


def set_clock(offset: Path, seconds: int) -> None:
    """At once: the daemon never reads half a number."""
    fresh = offset.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(offset)


async def told_of_a_move(there: Stand, number: int) -> None:
    """Both sources are still polled, judged and told of, within a few polls."""
    for words in move(there, number):
        await there.told(words, within=20)


@pytest.mark.parametrize(
    "step", [pytest.param(by, id=name, marks=() if by == -DAY else long) for name, by in STEPS.items()]
)
async def test_a_clock_that_is_set_and_set_right_again_stops_nothing(there: Stand, step: int) -> None:
    offset = there.folder / "offset"
    offset.write_text("0")
    life = await there.start(clock=str(offset))
    for log in (there.coinstats, there.teos):
        await log.until_taken(2)
    await told_of_a_move(there, 3)

    for number, seconds in enumerate((step, 0), start=4):
        said = len(there.log())
        set_clock(offset, seconds)
        await there.logged("the clock was set by", since=said)
        await told_of_a_move(there, number)
    await there.zygote.kill(life)
    life = await there.start()  # on the right clock, with a store that has seen the wrong one
    await told_of_a_move(there, 9)

    assert await there.zygote.kill(life, signal.SIGTERM) == 0
    assert there.query("PRAGMA integrity_check") == [("ok",)]
    assert there.query("SELECT sum(credits) FROM spending")[0][0] >= there.sim.coinstats.credits_used
    assert "Traceback" not in there.log()
    pending = there.query("SELECT count(*) FROM deliveries WHERE state <> 'sent'")
    assert pending == [(0,)]
