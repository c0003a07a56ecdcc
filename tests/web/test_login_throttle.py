"""Who guesses tokens is counted by address; what is kept of it is bounded."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from aiohttp.test_utils import make_mocked_request

from watcher.web.login_throttle import ADDRESSES, MINUTE, WRONG, LoginThrottle, asker


def borne(guesses: LoginThrottle, who: str, now: float, times: int = WRONG) -> int:
    """How many wrong tokens of somebody are answered as such."""
    return sum(not guesses.wrong(who, now) for _ in range(times))


def test_ten_wrong_ones_in_any_minute_are_answered_as_such_and_no_more() -> None:
    guesses = LoginThrottle()
    found = [now for now in range(600) for _ in range(borne(guesses, "a", float(now), times=3))]
    for start in range(540):
        assert sum(start <= now < start + MINUTE for now in found) <= WRONG
    assert borne(guesses, "b", 599.0) == WRONG


def test_however_many_addresses_somebody_has_what_is_kept_of_them_is_bounded() -> None:
    guesses = LoginThrottle()
    found = sum(borne(guesses, f"address {number}", 1.0) for number in range(5 * ADDRESSES))
    assert found == ADDRESSES * WRONG + WRONG
    assert len(guesses._wrong) <= ADDRESSES + 1
    assert borne(guesses, "later", 2.0 + MINUTE) == WRONG


@pytest.mark.parametrize(
    ("peer", "named", "who"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),  # a proxy that the configuration names
        ("10.0.0.6", "203.0.113.9", "10.0.0.6"),
        ("10.0.0.5", "6.6.6.6, 203.0.113.9, 10.0.0.5", "203.0.113.9"),  # one behind another
        ("10.0.0.5", "10.0.0.5, 10.0.0.5", "10.0.0.5"),
        ("198.51.100.7", None, "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # hearsay
        ("127.0.0.1", "203.0.113.9", "this machine"),  # hearsay too: any user of it can say so
        ("::1", "203.0.113.9", "this machine"),
        ("127.9.9.9", None, "this machine"),
        ("10.0.0.5", "rubbish", "10.0.0.5"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::"),  # all that one household has
        ("::ffff:198.51.100.7", None, "198.51.100.7"),
        ("", None, "None"),
    ],
)
def test_an_asker_is_an_address_or_whom_a_proxy_names(peer: str, named: str | None, who: str) -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": named} if named is not None else {})
    assert asker(request.clone(remote=peer), (ip_address("10.0.0.5"),)) == who


def test_a_proxy_on_this_machine_is_believed_once_it_is_named() -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "203.0.113.9"})
    for peer in ("127.0.0.1", "::1"):
        assert asker(request.clone(remote=peer), (ip_address("127.0.0.1"),)) == "203.0.113.9"
