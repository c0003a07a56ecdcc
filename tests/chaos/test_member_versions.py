"""Members that are not alike: another schema, other rules, another watch list, one name twice."""

from __future__ import annotations

import asyncio
import shutil

from tests.chaos.given import at_work, leader_of, move, other_than, sound
from tests.chaos.members import MemberStand
from tests.chaos.stand import long

pytestmark = long


async def test_an_older_member_works_on_after_a_change_of_the_schema_that_only_adds(two: MemberStand) -> None:
    await at_work(two)
    two.execute("ALTER TABLE accounts ADD COLUMN later text; UPDATE schema_version SET version = version + 1")
    move(two, "0.3")
    await two.told("low", "0.3")
    await two.kill(leader_of(two, "plan"))
    move(two, "0.9")
    await two.told("low", "resolved")
    await sound(two)


async def test_an_older_member_gives_up_its_roles_and_says_so_once_the_schema_needs_a_newer_one(
    two: MemberStand,
) -> None:
    await at_work(two)
    two.execute("UPDATE schema_version SET version = version + 1, min_version = version + 1")
    await two.logged("written by a newer watcher")
    await asyncio.sleep(2)
    asked = two.coinstats.taken
    await asyncio.sleep(3)
    assert two.coinstats.taken - asked <= 1
    assert "Traceback" not in two.log()


async def test_a_member_with_other_rules_is_named_and_given_no_work(two: MemberStand) -> None:
    other_folder = two.folder.parent / "other"
    shutil.copytree(two.folder, other_folder)
    await at_work(two, ["one"])
    rules = other_folder / "rules.yaml"
    rules.write_text(rules.read_text().replace('below: "0.5"', 'below: "0.1"'))
    await two.begin("two", folder=other_folder)
    await two.until("SELECT count(*) FROM members WHERE name = 'two'", 1)
    for turn in range(4):
        move(two, "0.3" if turn % 2 == 0 else "0.9")
        await two.told("low", "0.3" if turn % 2 == 0 else "resolved")
    assert not two.asked_by("two")
    assert not two.told_by("two")
    life = await two.begin("one", "status")
    await asyncio.wait_for(life.ended, 30)
    said = two.log_of("one").read_text()
    assert "two" in said
    assert "other rules" in said or "differ" in said
    await sound(two)


async def test_two_members_of_one_name_are_not_at_work_at_the_same_time(two: MemberStand) -> None:
    await at_work(two, ["one"])
    life = await two.begin("two", env={"MEMBER": "one"})
    assert await asyncio.wait_for(life.ended, 40) != 0
    assert "one" in two.log_of("two").read_text()
    assert "Traceback" not in two.log()
    assert leader_of(two, "plan") == "one"
    assert other_than(two, "one") == "two"
