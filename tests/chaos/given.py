"""What tests of several members start from, and what they wait for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable

from tests.chaos.members import MemberStand
from tests.endtoend.bench import EVM

PLAN = "plan"


def move(there: MemberStand, amount: str) -> None:
    """What the wallet that has a level holds from now on."""
    there.sim.world.set_amount(EVM, "ethereum", "ETH", amount, symbol="ETH", price="3000", coin_id="ethereum")


async def at_work(there: MemberStand, names: Iterable[str] = (), *, roles: bool = True) -> None:
    """These run (if none is named: all that do not yet), and the first reading of each account is kept."""
    for name, member in there.members.items():
        if not member.alive and name in (names or there.members):
            await there.begin(name)
    made = "SELECT count(*) FROM pg_tables WHERE schemaname = 'watcher' AND tablename = 'leases'"
    await there.until(made, 1)
    async with asyncio.timeout(60):
        for chain, address in (("ethereum", EVM), ("base-wallet", EVM)):
            await there.until_recorded(chain, address, 1)
    if roles:
        await there.until(_LED, there_are(there), within=30)


_LED = "SELECT count(*) FROM leases WHERE role = 'plan' OR role LIKE 'tell %'"


def there_are(there: MemberStand) -> int:
    """Roles that are led: planning, and telling each channel."""
    return 1 + len(there.fars)


def leader_of(there: MemberStand, role: str) -> str:
    ((name,),) = there.query(f"SELECT member FROM leases WHERE role = '{role}'")  # noqa: S608
    return str(name)


async def led_by(there: MemberStand, name: str, role: str = "plan") -> None:
    """Until this member leads: for a moment after another one let go, nobody does."""
    held = f"SELECT member FROM leases WHERE role = '{role}' AND held('role', role)"  # noqa: S608
    await there.until(held, name)


def other_than(there: MemberStand, name: str) -> str:
    (other,) = there.members.keys() - {name}
    return other


async def sound(there: MemberStand) -> None:
    """What is pending is told, all members end in order, nothing was told twice, and the plan was kept."""
    await there.until("SELECT count(*) FROM deliveries WHERE state = 'pending'", 0, within=60)
    for name, member in there.members.items():
        if member.alive:
            assert await there.kill(name, signal.SIGTERM) == 0, there.log_of(name).read_text()[-2000:]
    assert "Traceback" not in there.log()
    assert not there.damage()
    assert not there.query("SELECT 1 FROM deliveries WHERE state <> 'sent'")
    for far in there.fars.values():
        owed = {row[0][:8] for row in there.query(f"SELECT id FROM deliveries WHERE channel = '{far.name}'")}  # noqa: S608
        told = {each for message in far.taken for each in message.ids}
        assert owed <= told or far.counted
    ((booked,),) = there.query("SELECT coalesce(sum(credits), 0) FROM spending WHERE source = 'coinstats'")
    assert int(booked) >= there.sim.coinstats.credits_used
