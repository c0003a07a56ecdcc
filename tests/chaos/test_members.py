"""Members that share a store: each may die, stand still or end; nothing is lost, repeated or overspent."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from tests.chaos.given import at_work, leader_of, led_by, move, other_than, sound
from tests.chaos.member_storm import member_storm, member_thirst
from tests.chaos.members import MemberStand
from tests.chaos.stand import Zygote, eventually, long
from tests.endtoend.bench import EVM
from tests.postgresql import Cluster

KILLS = 40 if os.environ.get("CHAOS") else 8
"""In `make test` a bounded share."""


async def test_killed_at_every_step_under_four_members_nothing_is_lost_repeated_or_overspent(
    tmp_path: Path, members_zygote: Zygote, durable: Cluster
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    print(f"repeat with: CHAOS_SEED={seed}")

    report = await member_storm(tmp_path / "storm", members_zygote, durable, seed=seed, kills=KILLS)

    assert not report.compared.broken, f"seed {seed}: {report.compared.broken}"
    assert report.kills >= KILLS


@long
async def test_killed_while_server_and_network_have_bad_days_nothing_is_lost_or_overspent(
    tmp_path: Path, members_zygote: Zygote, durable: Cluster
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    report = await member_storm(
        tmp_path / "storm", members_zygote, durable, seed=seed, kills=KILLS, weather=True
    )
    assert not report.compared.broken, f"seed {seed}: {report.compared.broken}"


@long
async def test_members_on_a_plan_that_is_nearly_spent_keep_to_it(
    tmp_path: Path, members_zygote: Zygote, durable: Cluster
) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1, 10**6))
    report = await member_thirst(tmp_path / "thirst", members_zygote, durable, seed=seed, kills=30)
    assert not report.compared.broken, f"seed {seed}: {report.compared.broken}"


@long
@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
async def test_when_a_member_ends_the_other_one_does_what_it_did(
    two: MemberStand, by: signal.Signals
) -> None:
    await at_work(two)
    name = leader_of(two, "plan")
    move(two, "0.3")
    await two.told("low", "0.3")

    await two.kill(name, by)

    move(two, "0.9")
    await two.told("low", "resolved")
    await led_by(two, other_than(two, name))
    await sound(two)


@long
async def test_who_stood_still_finds_its_roles_gone_and_changes_nothing_that_is_newer(
    two: MemberStand,
) -> None:
    await at_work(two)
    name = leader_of(two, "plan")
    move(two, "0.3")
    await two.told("low", "0.3")
    two.freeze(name)
    other = other_than(two, name)
    await two.until("SELECT member FROM leases WHERE role = 'plan'", other)
    move(two, "0.9")
    await two.told("low", "resolved")
    move(two, "0.25")
    await two.told("low", "0.25")

    two.thaw(name)

    await two.until_recorded("ethereum", EVM, 3)
    assert history(two)[-3:] == ["0.3", "0.9", "0.25"]
    await sound(two)


@long
@pytest.mark.parametrize(
    "step",
    [
        "facts: written, not committed",
        "settling: written, not committed",
        "recording: written, not committed",
    ],
)
async def test_who_stands_still_inside_a_transaction_holds_nobody_up(two: MemberStand, step: str) -> None:
    await two.begin("one", step=step, nth=1, by=signal.SIGSTOP)
    await at_work(two, ["two"], roles=False)
    move(two, "0.3")
    await two.until("SELECT member FROM leases WHERE role = 'plan'", "two")
    await two.told("low", "0.3")
    two.thaw("one")
    move(two, "0.9")
    await two.told("low", "resolved")
    await sound(two)


@long
async def test_an_answer_that_was_held_back_until_a_newer_one_was_recorded_is_no_change(
    two: MemberStand,
) -> None:
    await at_work(two, ["two"])
    await two.begin("one", step="request: answer read, nothing recorded", nth=3, by=signal.SIGSTOP)
    move(two, "0.9")
    await eventually(lambda: bool(two.asked_by("one")), 60, two.log)
    await two.kill("two")  # all is the other one's now, which stands still with an answer in its hand
    await asyncio.sleep(3)
    await two.begin("two")
    await two.until("SELECT member FROM leases WHERE role = 'plan'", "two", within=60)
    move(two, "0.3")
    await two.told("low", "0.3", within=60)

    two.thaw("one")

    await two.until_recorded("ethereum", EVM, 3)
    assert history(two)[-1] == "0.3"
    assert history(two).count("0.3") == 1
    await sound(two)


def history(there: MemberStand) -> list[str]:
    """What the wallet with a level held, one after the other."""
    rows = there.query(
        "SELECT a.address, c.after FROM changes c"
        " JOIN assets s ON s.id = c.asset JOIN accounts a ON a.id = c.account"
        " WHERE a.chain = 'ethereum' AND s.token = 'ethereum' AND c.before IS NOT NULL"
        " AND s.symbol = 'ETH' ORDER BY c.id"
    )
    return [after for address, after in rows if address == EVM]


@long
async def test_a_member_that_runs_nothing_is_asked_and_told_by_its_command_line(two: MemberStand) -> None:
    await at_work(two, ["one"])
    move(two, "0.3")
    await two.told("low", "0.3")
    ((alert,),) = two.query("SELECT id FROM alerts WHERE rule = 'low' AND state = 'firing'")

    life = await two.begin("two", "ack", alert[:8], "--comment", "on it")

    assert await asyncio.wait_for(life.ended, 30) == 0, two.log_of("two").read_text()
    assert two.query("SELECT id, comment FROM alerts WHERE acknowledged_by IS NOT NULL") == [(alert, "on it")]
    for words in (("status",), ("balances",), ("history",), ("alerts",), ("outbox",), ("polls",)):
        life = await two.begin("two", *words)
        code = await asyncio.wait_for(life.ended, 30)
        said = two.log_of("two").read_text()
        assert code in (0, 1, 2), f"{words}: {code}: {said[-1500:]}"
        assert "Traceback" not in said
