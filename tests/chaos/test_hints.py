"""kill -9 at every step of a hint's way: nothing false is told, and the schedule finds what is left."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from tests.chaos.faultpoints import OF_HINTS
from tests.chaos.stand import CHANNELS, Life, Stand, Zygote, eventually, stand
from tests.chaos.test_clock import set_clock
from tests.endtoend.bench import EVM
from tests.hints.webhooks import KEY, generic, hints

HINTS = f"""\
web: {{listen: "127.0.0.1:0"}}
hints:
  mine: {{kind: webhook, scheme: generic, signing_key: {KEY}}}
"""
STEPS = {
    **dict.fromkeys(OF_HINTS, 1),
    "booking: not begun": 1,
    "booking: committed, nothing sent": 1,
    "request: about to go out": 2,
    "request: answer read, nothing recorded": 2,
}
"""Step → at which time that it is reached: the first request of a life asks for the provider's count."""

SEVEN_HOURS = "25200"


async def life_of(there: Stand, **order: object) -> tuple[Life, str]:
    """A life at work, and where hints are posted to."""
    said = len(there.log())
    life = await there.start(**order)
    return life, await posted_to(there, said)


async def posted_to(there: Stand, said: int) -> str:
    """Where hints are posted to, once they are listened to after so many characters of the log."""
    await there.logged("status page at", "hints mine: connected", since=said)
    (url,) = re.findall(r"status page at (\S+)", there.log()[said:])
    return f"{url}/hints/mine"


async def told_by_a_hint(there: Stand, url: str, amount: str = "1.0625", ahead: int = 0) -> None:
    """The balance changes, and somebody posts so, whose clock is so many seconds ahead."""
    world = there.sim.world
    world.set_amount(EVM, "ethereum", "ETH", amount, symbol="ETH", price="3000", coin_id="ethereum")
    body, at = hints(EVM, chain="ethereum"), datetime.now(UTC) + timedelta(seconds=ahead)
    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.ClientError):  # killed before it could answer
            await session.post(url, data=body, headers=generic(body, at))


async def read_rarely(there: Stand) -> None:
    """All accounts are read once, and then every six hours."""
    there.write()
    path = there.folder / "watcher.yaml"
    path.write_text(path.read_text().replace("every: 1s", "every: 6h").replace("web: null\n", HINTS))
    life, _ = await life_of(there)
    read = "SELECT count(*) FROM v_accounts WHERE last_reading IS NOT NULL"
    await eventually(lambda: there.query(read) == [(4,)], 30, there.log)
    assert await there.zygote.kill(life, signal.SIGTERM) == 0


def told(there: Stand) -> int:
    return there.fars[CHANNELS[0]].about("1.0625")


async def survived(there: Stand, step: str) -> None:
    """A life ends at this step of a hint's way; in the next one it is seven hours later."""
    await read_rarely(there)
    life, url = await life_of(there, step=step, nth=STEPS[step])
    await told_by_a_hint(there, url)
    async with asyncio.timeout(60):
        assert await asyncio.shield(life.ended) == -signal.SIGKILL, step
    assert told(there) == 0

    later = there.folder / "offset"
    later.write_text(SEVEN_HOURS)
    life, _ = await life_of(there, clock=str(later))
    await there.told("1.0625")
    assert await there.zygote.kill(life, signal.SIGTERM) == 0
    assert told(there) == 1, step
    assert there.sim.coinstats.credits_used <= there.query("SELECT sum(credits) FROM v_spending")[0][0]
    assert there.query("PRAGMA integrity_check") == [("ok",)]
    assert "Traceback" not in there.log()


async def test_killed_at_any_step_of_a_hints_way_the_schedule_finds_the_change(
    tmp_path: Path, zygote: Zygote
) -> None:
    async def one(number: int, step: str) -> None:
        async with stand(tmp_path / str(number), zygote, number) as there:
            await survived(there, step)

    await asyncio.gather(*(one(number, step) for number, step in enumerate(STEPS)))


async def test_a_life_that_is_not_cut_off_finds_the_change_by_the_hint(there: Stand) -> None:
    await read_rarely(there)
    life, url = await life_of(there)
    await told_by_a_hint(there, url)

    await there.told("1.0625", within=60)

    assert told(there) == 1
    assert there.query("SELECT by, changed, credits FROM v_hinted") == [("mine", 1, 40)]
    assert there.query("SELECT count(*) FROM v_requests WHERE purpose = 'hinted'") == [(1,)]
    await there.zygote.kill(life)


async def test_a_clock_that_is_set_by_an_hour_and_back_stops_no_hint(there: Stand) -> None:
    await read_rarely(there)
    offset = there.folder / "offset"
    offset.write_text("0")
    life, url = await life_of(there, clock=str(offset))
    await told_by_a_hint(there, url)
    await there.told("1.0625", within=20)

    for amount, seconds in (("1.125", 3600), ("1.1875", 0)):
        said = len(there.log())
        set_clock(offset, seconds)
        await there.logged("the clock was set by", since=said)
        url = await posted_to(there, said)
        await told_by_a_hint(there, url, amount, seconds)
        await there.told(amount, within=20)

    assert await there.zygote.kill(life, signal.SIGTERM) == 0
    assert "Traceback" not in there.log()
