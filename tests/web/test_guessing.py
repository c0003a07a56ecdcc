"""Wrong tokens are counted by address, and bounded all together."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from aiohttp.test_utils import make_mocked_request

from watcher.web.guessing import ADDRESSES, KNOWN, MINUTE, WRONG, Guesses, asker


def tried(guesses: Guesses, who: str, now: float, times: int = WRONG) -> int:
    """How many guesses of somebody are looked at."""
    looked = 0
    for _ in range(times):
        if not guesses.are_too_many(who, now):
            guesses.wrong(who, now)
            looked += 1
    return looked


def test_ten_wrong_ones_in_any_minute_are_looked_at_and_no_more() -> None:
    guesses = Guesses()
    looked = [now for now in range(600) if tried(guesses, "a", float(now), times=3)]
    assert len([now for now in looked if now < MINUTE]) <= WRONG
    for start in range(540):
        assert sum(tried for tried in (start <= now < start + MINUTE for now in looked)) <= WRONG
    assert not guesses.are_too_many("b", 599.0)


def test_however_many_addresses_somebody_has_the_guesses_of_a_minute_are_bounded() -> None:
    guesses = Guesses()
    looked = sum(tried(guesses, f"address {number}", 1.0) for number in range(5 * ADDRESSES))
    assert looked == ADDRESSES * WRONG + WRONG
    assert len(guesses._wrong) <= ADDRESSES + 1
    assert not guesses.are_too_many("address 1", 1.0 + MINUTE)
    assert tried(guesses, "later", 2.0 + MINUTE) == WRONG


def test_where_the_right_token_came_from_others_never_lock_out() -> None:
    guesses = Guesses()
    guesses.right("operator")
    for number in range(5 * ADDRESSES):
        tried(guesses, f"address {number}", 1.0)
    assert guesses.are_too_many("somebody new", 1.0)
    assert not guesses.are_too_many("operator", 1.0)
    assert tried(guesses, "operator", 1.0) == WRONG  # mistyped
    for number in range(KNOWN):
        guesses.right(f"other {number}")
    assert len(guesses._known) == KNOWN


@pytest.mark.parametrize(
    ("peer", "named", "who"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),  # a proxy that the configuration names
        ("10.0.0.6", "203.0.113.9", "10.0.0.6"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.5", "203.0.113.9"),  # one behind another
        ("10.0.0.5", "10.0.0.5, 10.0.0.5", "10.0.0.5"),
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # hearsay
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("::1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the proxy's own word is the last one
        ("127.0.0.1", "rubbish", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", None, "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),  # all that one household has
        ("::ffff:198.51.100.7", None, "198.51.100.7"),
        ("", None, "None"),
    ],
)
def test_an_asker_is_an_address_or_whom_a_proxy_names(peer: str, named: str | None, who: str) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": named} if named is not None else {})
    assert asker(request.clone(remote=peer), (ip_address("10.0.0.5"),)) == who
