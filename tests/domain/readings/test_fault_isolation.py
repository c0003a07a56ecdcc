"""Who is asked for with whom after a failure, how long what fails by itself is left alone, what is kept."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.contract.given import NOW
from watcher.domain.model import Account
from watcher.domain.readings.fault_isolation import FARTHEST, FailingAccounts, farther, merged

ACCOUNTS = [Account("s", "ethereum", f"0x{number:040x}") for number in range(20)]
MINUTE = timedelta(minutes=1)


def test_what_fails_by_itself_is_left_alone_twice_as_long_each_time_up_to_an_hour() -> None:
    apart, waits = None, []
    for _ in range(10):
        apart = farther(apart, NOW)
        waits.append(apart.distance / MINUTE)
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        (timedelta(0), True),
        (FARTHEST - timedelta(milliseconds=1), True),
        (FARTHEST, False),
        (-timedelta(days=1), False),  # the clock was set back
    ],
)
def test_it_waits_until_its_time_and_never_longer_than_the_longest_distance(
    after: timedelta, waits: bool
) -> None:
    suspects = FailingAccounts()
    for _ in range(10):
        suspects.alone(ACCOUNTS[:1], "why", NOW)
    assert suspects.waits(ACCOUNTS[0], NOW + after) is waits


def test_those_that_failed_together_are_asked_in_quarters_after_all_others() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW)
    assert [len(group) for group in suspects.together(ACCOUNTS)] == [12, 2, 2, 2, 2]
    searching = [suspects.searching]
    for account in ACCOUNTS[:8]:
        suspects.read(account)
    searching.append(suspects.searching)
    assert searching == [True, False]
    assert [len(group) for group in suspects.together(ACCOUNTS)] == [20]


def test_one_that_is_read_again_goes_back_to_the_others_by_and_by() -> None:
    suspects, one = FailingAccounts(), ACCOUNTS[0]
    suspects.alone([one], "why", NOW)
    known = suspects.read(one)
    assert known is not None
    assert known.apart is not None
    sizes = []
    for _ in range(3):
        suspect = suspects.get(one)
        sizes.append(suspect.most if suspect is not None else 0)
        assert suspects.read(one) is None
    assert sizes == [4, 0, 0]


def test_who_fails_by_itself_is_known_after_a_restart_and_nobody_else() -> None:
    suspects, again = FailingAccounts(), FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW)
    for _ in range(3):
        suspects.alone(ACCOUNTS[:1], "why", NOW, "asset 0x1")
    again.load(suspects.dump(), ACCOUNTS[0].source, ACCOUNTS)
    assert again.dump() == suspects.dump()
    assert [account for account, _ in again.apart()] == ACCOUNTS[:1]
    assert again.waits(ACCOUNTS[0], NOW)
    assert not again.searching
    gone = FailingAccounts()
    gone.load(suspects.dump(), ACCOUNTS[0].source, ACCOUNTS[1:])
    assert gone.apart() == []


@pytest.mark.parametrize("text", [None, "", "[", "[]", "{}", '{"ethereum:0x1": 5}', '{"a": {"since": "x"}}'])
def test_what_was_kept_and_cannot_be_read_is_forgotten(text: str | None) -> None:
    suspects = FailingAccounts()
    suspects.load(text, ACCOUNTS[0].source, ACCOUNTS)
    assert suspects.apart() == []


def test_who_failed_with_others_is_asked_again_at_once() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW)
    assert not suspects.waits(ACCOUNTS[0], NOW)
    assert suspects.searching


def test_the_search_is_over_once_who_fails_is_known_and_the_others_are_read() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW)
    suspects.alone(ACCOUNTS[:1], "why", NOW)
    for account in ACCOUNTS[1:8]:
        suspects.read(account)
    assert not suspects.searching


def test_who_fails_by_itself_has_nothing_to_do_with_another_who_does() -> None:
    suspects = FailingAccounts()
    for account in ACCOUNTS[:3]:
        suspects.alone([account], "why", NOW)
    assert suspects.sharing("") == []
    assert [each.apart.tries for _, each in suspects.apart() if each.apart is not None] == [1, 1, 1]


def test_what_shares_a_cause_fails_since_the_first_of_them_did() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:1], "why", NOW - MINUTE)
    suspects.failed(ACCOUNTS[1:2], "why", NOW)
    suspects.alone(ACCOUNTS[:2], "why", NOW + MINUTE, "asset")
    assert {each.apart.since for _, each in suspects.apart() if each.apart is not None} == {NOW - MINUTE}


def test_what_was_read_since_did_not_begin_to_fail_before() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW - MINUTE)
    suspects.read(ACCOUNTS[0])
    suspects.alone(ACCOUNTS[:1], "why", NOW)
    known = suspects.get(ACCOUNTS[0])
    assert known is not None
    assert known.apart is not None
    assert known.apart.since == NOW
    assert known.failed


def test_a_beginning_that_lies_ahead_comes_from_a_clock_set_back() -> None:
    assert farther(farther(None, NOW + MINUTE), NOW).since == NOW


@pytest.mark.parametrize(("tries", "known"), [(0, False), (1, True)])
def test_a_fact_of_no_failure_is_none(tries: int, known: bool) -> None:
    suspects, kept = FailingAccounts(), FailingAccounts()
    kept.alone(ACCOUNTS[:1], "why", NOW)
    suspects.load(kept.dump().replace('"tries": 1', f'"tries": {tries}'), ACCOUNTS[0].source, ACCOUNTS)
    assert (suspects.get(ACCOUNTS[0]) is not None) is known


def test_who_fails_by_itself_remembers_in_whose_company_it_failed_first() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW)
    suspects.alone(ACCOUNTS[:1], "why", NOW)
    known = suspects.get(ACCOUNTS[0])
    assert known is not None
    assert known.size == 8


def test_what_goes_on_failing_has_failed_since_the_first_time() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:8], "why", NOW - MINUTE)
    suspects.failed(ACCOUNTS[:2], "why", NOW)
    known = suspects.get(ACCOUNTS[0])
    assert known is not None
    assert (known.since, known.size) == (NOW - MINUTE, 8)


def test_another_failure_in_a_row_does_not_begin_anew() -> None:
    first = farther(None, NOW)
    assert farther(first, NOW + MINUTE).since == NOW


def test_the_search_never_goes_back_to_larger_requests() -> None:
    suspects = FailingAccounts()
    suspects.failed(ACCOUNTS[:4], "why", NOW)
    suspects.failed(ACCOUNTS[:16], "why", NOW)
    known = suspects.get(ACCOUNTS[0])
    assert known is not None
    assert known.most == 1


def test_what_members_find_out_at_the_same_time_is_kept_of_both() -> None:
    first, second = FailingAccounts(), FailingAccounts()
    first.alone(ACCOUNTS[:1], "why", NOW)
    second.alone(ACCOUNTS[1:2], "why", NOW)
    kept = merged(merged(None, "{}", first.dump()), "{}", second.dump())

    both = FailingAccounts()
    both.load(kept, ACCOUNTS[0].source, ACCOUNTS)
    assert [account for account, _ in both.apart()] == ACCOUNTS[:2]
    healed = merged(kept, first.dump(), "{}")
    assert json.loads(healed).keys() == json.loads(second.dump()).keys()


def test_what_another_member_has_read_again_is_left_alone_no_longer() -> None:
    mine = FailingAccounts()
    mine.alone(ACCOUNTS[:1], "why", NOW)
    mine.failed(ACCOUNTS[1:3], "why", NOW)
    mine.forget_apart(mine.dump())
    assert mine.get(ACCOUNTS[0]) is None
    assert mine.get(ACCOUNTS[1]) is not None
