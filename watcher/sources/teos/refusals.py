"""Refusals of TEOS: assets without a balance, for all addresses or for one, while others have theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from watcher.domain.model import Asset
from watcher.domain.readings.fault_isolation import Isolation, farther
from watcher.sources.teos.wire import Pair, asset_number, asset_of

REFUSED = "refused"
"""Under this name the store keeps them."""

WITNESSES = 3
"""An asset that is refused for so many addresses is refused for all."""

_HEX = re.compile(r"0[xX][0-9a-fA-F]+")


class Refused:
    """Pairs, and assets whoever holds them, each with the time from which it is worth asking again."""

    def __init__(self) -> None:
        self._known: dict[Pair | int, Isolation] = {}
        self._kept = "{}"
        self.assets: Mapping[Asset, Isolation] = {}
        """Those that are refused whoever holds them, as of `facts`."""

    def get(self, pair: Pair) -> Isolation | None:
        return self._known.get(pair[1]) or self._known.get(pair)

    def everywhere(self, number: int) -> bool:
        """Whether the asset is refused whoever holds it."""
        return number in self._known

    def lately(self, pair: Pair, now: datetime) -> bool:
        """Whether that it fails is noted already, of this very poll."""
        known = self.get(pair)
        return known is not None and (known.tried == now or known.waits(now))

    def note(self, pair: Pair, now: datetime) -> None:
        """It failed by itself."""
        number = pair[1]
        key = number if number in self._known else pair
        self._known[key] = farther(self._known.get(key), now)
        witnesses = [each for each in self._known if isinstance(each, tuple) and each[1] == number]
        if len(witnesses) >= WITNESSES:
            for each in witnesses:
                del self._known[each]
            self.note_asset(number, now)

    def note_asset(self, number: int, now: datetime) -> None:
        self._known[number] = farther(self._known.get(number), now)

    def read(self, pairs: Mapping[Pair, object]) -> None:
        """These have a balance."""
        for pair in pairs if self._known else ():
            self._known.pop(pair, None)
            self._known.pop(pair[1], None)

    def facts(self) -> dict[str, str]:
        """What is to be kept, if that changed."""
        text = json.dumps({_key(key): [e.since.isoformat(), e.tries, e.until.isoformat()]
                           for key, e in self._known.items()})  # fmt: skip
        if text == self._kept:
            return {}
        self._kept = text
        self._list()
        return {REFUSED: text}

    def _list(self) -> None:
        self.assets = {asset_of(key): each for key, each in self._known.items() if isinstance(key, int)}

    def remember(self, facts: Mapping[str, str], watched: Mapping[str, Collection[int]]) -> None:
        """The inverse of `facts`; what cannot be read is found out anew, and what is not `watched` any more
        (address → assets) is forgotten."""
        numbers = frozenset().union(*watched.values())
        try:
            for key, (since, tries, until) in json.loads(facts.get(REFUSED, "{}")).items():
                address, _, asset = key.rpartition(":")
                number = asset_number(asset)
                apart = Isolation(datetime.fromisoformat(since), int(tries), datetime.fromisoformat(until))
                if number not in (watched.get(address, ()) if address else numbers):
                    continue
                if apart.tries > 0 and apart.until.tzinfo is not None and apart.since.tzinfo is not None:
                    self._known[(address, number) if address else number] = apart
        except (ValueError, TypeError, AttributeError):
            pass
        self._kept = facts.get(REFUSED, "{}")
        self._list()


def _key(key: Pair | int) -> str:
    return f"{key:#x}" if isinstance(key, int) else f"{key[0]}:{key[1]:#x}"


def named(text: str, numbers: Sequence[int], addresses: Sequence[str]) -> int | None:
    """The one asset that a refusal names. None if it names several, or an address: it may be an echo."""
    words = {int(word, 16) for word in _HEX.findall(text)}
    if any(address.lower() in text.lower() for address in addresses):
        return None
    found = words.intersection(numbers)
    return found.pop() if len(found) == 1 else None
