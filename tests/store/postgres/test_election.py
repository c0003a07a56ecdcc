"""What a member takes up and what it leaves to others follows from who is there, what they want and by which
rules."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.ports.members import PLAN, Identity
from watcher.store.postgres.election import Aims, OtherMember, Standing, aims

LANES = ("tell a", "tell b", "tell c", "tell d")
ALL = (PLAN, *LANES)


def me(*wanted: str, rules: str = "same") -> Identity:
    return Identity("me", wanted or ALL, rules)


def found(*peers: OtherMember, planner: str = "") -> Standing:
    return Standing(0.0, 1, planner, peers)


def peer(
    name: str, wanted: Sequence[str] = ALL, rules: str = "same", clock_offset: float = 0.0
) -> OtherMember:
    return OtherMember(name, rules, tuple(wanted), clock_offset)


def test_who_is_alone_takes_all_that_it_wants() -> None:
    assert aims(me(), (), found()) == Aims(take=ALL)


def test_channels_are_shared_out_among_those_who_would_tell_them() -> None:
    aimed = aims(me(), (), found(peer("other"), planner="other"))
    assert (aimed.take, aimed.share, aimed.room) == ((PLAN,), LANES, 2)
    assert aims(me(), (), found(peer("x"), peer("y"))).room == 2
    assert aims(me(), (), found(peer("x"), peer("y"), peer("z"))).room == 1


def test_who_has_more_than_its_share_leaves_the_rest_to_others() -> None:
    aimed = aims(me(), ALL, found(peer("other"), planner="me"))
    assert aimed.leave == LANES[2:]
    assert aimed.room == 0


def test_who_has_its_share_keeps_it() -> None:
    aimed = aims(me(), (PLAN, *LANES[1:3]), found(peer("other"), planner="me"))
    assert (aimed.leave, aimed.room) == ((), 0)


def test_what_nobody_else_would_tell_is_taken_whatever_the_share() -> None:
    aimed = aims(me(), (PLAN, *LANES[:2]), found(peer("other", LANES[:2]), planner="me"))
    assert aimed.take == LANES[2:]
    assert aimed.leave == LANES[1:2]


def test_a_role_that_is_not_wanted_is_not_taken_and_one_that_is_wanted_no_more_is_left() -> None:
    assert PLAN not in aims(me(*LANES), (), found()).take
    assert aims(me(*LANES), (PLAN,), found()).leave == (PLAN,)


def test_whoever_plans_says_by_which_rules() -> None:
    other = peer("other", rules="different")
    aimed = aims(me(), LANES[:1], found(other, planner="other"))
    assert aimed == Aims(leave=LANES[:1], differs_from="other")
    assert aims(me(), (PLAN,), found(other, planner="me")).differs_from == ""


def test_where_nobody_plans_other_rules_keep_nobody_from_planning() -> None:
    assert PLAN in aims(me(), (), found(peer("other", rules="different"))).take


def test_who_does_nothing_for_its_rules_has_no_share() -> None:
    idle = peer("other", rules="different")
    aimed = aims(me(), (PLAN,), found(idle, planner="me"))
    assert (aimed.take, aimed.room) == (LANES, 0)


def test_whose_clock_is_wrong_leaves_all_to_those_whose_clocks_are_right() -> None:
    for offset in (-3600.0, -30.1, 30.1, 3600.0):
        aimed = aims(me(), (PLAN, LANES[0]), found(peer("other"), planner="me"), offset)
        assert aimed == Aims(leave=(PLAN, LANES[0]), to_others=True)


def test_a_clock_that_is_a_little_off_keeps_nobody_from_leading() -> None:
    for offset in (-30.0, -5.0, 5.0, 30.0):
        assert PLAN in aims(me(), (), found(peer("other")), offset).take


def test_what_nobody_whose_clock_is_right_would_lead_is_led_by_who_has_a_wrong_one() -> None:
    aimed = aims(me(), (), found(peer("other", LANES[:2])), 60.0)
    assert aimed.take == (PLAN, *LANES[2:])


def test_where_every_clock_is_wrong_all_go_on_as_if_none_were() -> None:
    other = peer("other", clock_offset=3600.0)
    assert aims(me(), (), found(other), 3600.0) == aims(me(), (), found(peer("other")))
    assert aims(me(), (), found(), 3600.0) == Aims(take=ALL)


def test_who_has_a_wrong_clock_has_no_share() -> None:
    aimed = aims(me(), (PLAN,), found(peer("other", clock_offset=-60.0), planner="me"))
    assert (aimed.take, aimed.room) == (LANES, 0)
