"""How many wrong tokens are borne: few from each address, so that nobody's wrong ones lock out another."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

WRONG = 10
MINUTE = 60.0
"""So many wrong tokens of one address in so many seconds, and none of that address is looked at."""

ADDRESSES = 1000
"""Of so many addresses at once wrong tokens are counted one by one; all others then share one count. So the
number of guesses is bounded however many addresses somebody has."""

KNOWN = 256
"""Addresses from which the right token came last: they are counted for themselves whatever others do."""

REST = "the rest"


class Guesses:
    """Wrong tokens of the last minute, by address."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}
        self._known: dict[str, None] = {}

    def are_too_many(self, who: str, now: float) -> bool:
        """Whether a token from there is not to be looked at. `now`: monotonic seconds."""
        found = self._wrong.get(self._place(who))
        return found is not None and len(found) >= WRONG and now - found[0] < MINUTE

    def wrong(self, who: str, now: float) -> None:
        """A wrong token came from there."""
        self._forget(now)
        self._wrong.setdefault(self._place(who), deque(maxlen=WRONG)).append(now)

    def right(self, who: str) -> None:
        """The right token came from there."""
        self._known.pop(who, None)
        self._known[who] = None
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _place(self, who: str) -> str:
        known = who in self._wrong or who in self._known or len(self._wrong) < ADDRESSES
        return who if known else REST

    def _forget(self, now: float) -> None:
        if len(self._wrong) >= ADDRESSES:
            self._wrong = {who: found for who, found in self._wrong.items() if now - found[-1] < MINUTE}


def asker(request: web.Request, proxies: Collection[IPv4Address | IPv6Address] = ()) -> str:
    """Whose wrong tokens are counted together: an address, of IPv6 the network of a household (a /64).

    A proxy names whom it asks for last in `X-Forwarded-For`. That is believed of those on this machine and
    of `proxies`; from others it is hearsay.
    """
    peer = _address(request.remote or "")
    named = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while named and peer is not None and (peer.is_loopback or peer in proxies):
        before = _address(named.pop().strip())
        if before is None:
            break
        peer = before
    if isinstance(peer, IPv6Address):
        return str(IPv6Address(int(peer) >> 64 << 64))
    return str(peer)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
