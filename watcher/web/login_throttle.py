"""Who asks, and how many wrong tokens came from there: whoever guesses is told to wait, and the log says so.

The right token works at any time: who shares an address with somebody that guesses is not locked out. What
keeps a token from being guessed is its length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

WRONG = 10
MINUTE = 60.0
"""So many wrong tokens of one address in so many seconds are answered as such; then it is told to wait."""

ADDRESSES = 1000
"""Of so many addresses at once wrong tokens are counted one by one; all others then share one count."""

REST = "the rest"
LOOPBACK = "this machine"

Address = IPv4Address | IPv6Address


class LoginThrottle:
    """Wrong tokens of the last minute, by address."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}

    def wrong(self, who: str, now: float) -> bool:
        """A wrong token came from there; whether there were too many before. `now`: monotonic seconds."""
        if len(self._wrong) >= ADDRESSES:
            self._wrong = {each: found for each, found in self._wrong.items() if now - found[-1] < MINUTE}
        place = who if who in self._wrong or len(self._wrong) < ADDRESSES else REST
        found = self._wrong.setdefault(place, deque(maxlen=WRONG))
        if len(found) == WRONG and now - found[0] < MINUTE:
            return True
        found.append(now)
        return False


def asker(request: web.Request, proxies: Collection[Address] = ()) -> str:
    """Whose wrong tokens are counted together."""
    return _place(_sender(request, proxies))


def sender_of(request: web.Request, proxies: Collection[Address] = ()) -> str:
    """The address of the machine that sent a request; empty if nobody knows."""
    address = _sender(request, proxies)
    return str(address) if address is not None else ""


def _sender(request: web.Request, proxies: Collection[Address]) -> Address | None:
    """A proxy names whom it asks for last in `X-Forwarded-For`. That is believed of those that the
    configuration names, and of nobody else: whoever can connect can send such a line."""
    peer = _address(request.remote or "")
    named = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while named and peer is not None and _is_among(peer, proxies):
        before = _address(named.pop().strip())
        if before is None:
            break
        peer = before
    return peer


def is_proxy(request: web.Request, proxies: Collection[Address]) -> bool:
    """Whether a request comes straight from a proxy that the configuration names: by its connection, whatever
    its headers say."""
    peer = _address(request.remote or "")
    return peer is not None and _is_among(peer, proxies)


def place_of(address: str) -> str:
    """Who shares one count: an address, of IPv6 the network of a household (a /64); all of this machine."""
    return _place(_address(address))


def _place(address: Address | None) -> str:
    if address is not None and address.is_loopback:
        return LOOPBACK
    if isinstance(address, IPv6Address):
        return str(IPv6Address(int(address) >> 64 << 64))
    return str(address)


def _is_among(peer: Address, proxies: Collection[Address]) -> bool:
    return peer in proxies or (peer.is_loopback and any(each.is_loopback for each in proxies))


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
