"""When a source as a whole counts as failing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.given import NOW, alert
from watcher.domain.alerts.source_health import FAILS_AFTER, Streak, failing, grown
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.builtin_notices import FAILING_RULE
from watcher.domain.evaluation.decide import decide_on_rules
from watcher.domain.evaluation.rule_index import BUILT_IN, Rules
from watcher.domain.model import Account, Asset, Miss, MissReason, Reading
from watcher.domain.records import replace

ONE, TWO, THREE = (Account("s", "ethereum", f"0x{n}") for n in range(3))
LONG = FAILS_AFTER


def streak(*reasons: tuple[Account, MissReason]) -> Streak | None:
    found = None
    for account, reason in reasons:
        found = grown(found, [Miss(account, reason)], str(reason), NOW)
    return found


DOWN = MissReason.SERVER_ERROR


@pytest.mark.parametrize(
    ("reasons", "watched", "fails"),
    [
        ([(ONE, MissReason.UNREACHABLE)] * 3, 9, True),
        ([(ONE, MissReason.UNREACHABLE)] * 2, 9, False),
        ([(ONE, DOWN)] * 9, 9, False),
        ([(ONE, DOWN)] * 3, 1, True),
        ([(ONE, DOWN), (TWO, DOWN), (THREE, DOWN)], 9, True),
        ([(ONE, MissReason.EXHAUSTED)] * 9, 1, False),
        ([(ONE, MissReason.OMITTED)] * 9, 1, False),
        ([(ONE, MissReason.OMITTED), (TWO, MissReason.OMITTED)] * 9, 2, False),
        ([(ONE, MissReason.OMITTED), (TWO, MissReason.OMITTED), (THREE, MissReason.OMITTED)], 9, True),
    ],
)
def test_a_source_fails_when_it_is_nothing_that_one_address_may_cause(
    reasons: list[tuple[Account, MissReason]], watched: int, fails: bool
) -> None:
    assert failing(streak(*reasons), watched, LONG) is fails
    assert not failing(streak(*reasons), watched, LONG - timedelta(seconds=1))


def test_any_reading_ends_it_and_an_answer_without_this_account_does_not() -> None:
    down = streak((ONE, DOWN), (TWO, DOWN))
    assert grown(down, [Miss(ONE, DOWN), Reading(TWO, {}, {}, {}, frozenset())], "", NOW) is None


def test_a_notice_about_a_source_that_is_watched_no_more_is_withdrawn() -> None:
    notice = replace(alert("n", account=None, subject="s"), rule=FAILING_RULE, fingerprint=BUILT_IN)
    past = Snapshot({}, {(FAILING_RULE, "s"): replace(notice, told=("ops",))})
    over = decide_on_rules(past, Rules([], {}, ["ops"]), NOW)
    assert [each.closed for each in over.alerts] == [True]
    assert [str(each.message.kind) for each in over.deliveries] == ["withdrawn"]


def test_an_answer_of_which_nothing_can_be_used_goes_on_with_the_failures() -> None:
    blank = Reading(ONE, {}, {}, {}, frozenset(), {Asset("ethereum", "x"): "its amount is negative"})
    assert blank.blank
    grew = grown(streak((ONE, DOWN)), [blank], "", NOW)
    assert grew is not None
    assert (grew.requests, grew.why) == (2, "unreadable: its amount is negative")


def test_what_is_told_elsewhere_neither_ends_nor_adds_to_the_failures() -> None:
    down = streak((ONE, DOWN), (TWO, DOWN))
    assert down is not None
    assert grown(down, [Miss(ONE, MissReason.EXHAUSTED)], "exhausted", NOW) == down


@pytest.mark.parametrize(("reason", "refused"), [(DOWN, False), (MissReason.UNAUTHORIZED, True)])
def test_somebody_has_to_do_something_only_where_the_source_refuses(
    reason: MissReason, refused: bool
) -> None:
    found = streak((ONE, reason))
    assert found is not None
    assert found.refused is refused


def test_what_concerned_the_whole_source_once_does_so_until_it_is_read() -> None:
    assert failing(streak((ONE, MissReason.UNREACHABLE), (ONE, DOWN), (ONE, DOWN)), 9, LONG)


def test_a_failure_among_answers_that_leave_all_out_is_no_row_of_answers() -> None:
    found = streak((ONE, DOWN), (ONE, MissReason.OMITTED))
    assert found is not None
    assert not found.answered


def test_an_answer_that_brings_nothing_says_why() -> None:
    found = grown(None, [Miss(ONE, MissReason.OMITTED, "the answer does not mention it")], "", NOW)
    assert found is not None
    assert "the answer does not mention it" in found.why


def test_a_streak_is_the_same_for_all_who_ask_with_one_key() -> None:
    found = streak((ONE, DOWN), (TWO, MissReason.UNAUTHORIZED))
    assert found is not None
    assert Streak.load(found.dump()) == found
