"""What was told of a chain: up to which block, and in which of the last blocks what moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from watcher.domain.records import replace
from watcher.hints.evm.wire import BlockHead, Moved

REMEMBERED = 64
"""Blocks that are remembered by their hashes: a reorganisation that goes deeper is told as a gap. After two
epochs, which are 64 blocks, a block of Ethereum is final."""

KEPT = 6
"""Hashes of a bookmark. A chain that replaced more blocks while nobody listened is told as a gap."""

_HASHES = re.compile(r"0x[0-9a-f]{64}( 0x[0-9a-f]{64}){0,63}")
_NUMBER = re.compile(r"[0-9]{1,18}")


class ToldChain:
    """Chain as far as it was told. `at`: the last block whose changes were all told; None: no block yet.

    `since`: when that was, by our clock.
    """

    def __init__(self) -> None:
        self.at: int | None = None
        self.since: datetime | None = None
        self._hashes: dict[int, str] = {}
        self._moved: dict[str, dict[Moved, None]] = {}

    def begin(self, head: BlockHead, now: datetime) -> None:
        """Forget everything, and go on from this block."""
        self._hashes, self._moved = {}, {}
        self.reached(head, now)

    def skip_to(self, number: int) -> None:
        """Go on after this block, whatever it was."""
        self._hashes, self._moved, self.at = {}, {}, number

    def reached(self, head: BlockHead, now: datetime) -> list[Moved]:
        """All changes of this block were told. What was told of another one of that number, whose logs came
        and whose head did not, comes back as removed."""
        self.at, self.since = head.number, now
        self._hashes[head.number] = head.hash
        for number in [each for each in self._hashes if each <= head.number - REMEMBERED]:
            self._moved.pop(self._hashes.pop(number), None)
        others = {block: told for block, told in self._moved.items() if block != head.hash}
        replaced = [moved for told in others.values() for moved in told if moved.number == head.number]
        return self._removed(replaced)

    def note(self, moved: Moved) -> None:
        """Remember what was told of a block, in case that it is taken back."""
        if moved.removed:
            self._moved.pop(moved.block, None)
            return
        self._moved.setdefault(moved.block, {})[moved] = None
        while len(self._moved) > 2 * REMEMBERED:  # blocks whose heads never came
            del self._moved[next(iter(self._moved))]

    def hash_of(self, number: int) -> str | None:
        """The hash of a block that was told; None if it is not remembered."""
        return self._hashes.get(number)

    def attaches(self, head: BlockHead) -> bool:
        """Whether a block stands on what was told, as far as that is remembered."""
        below = self._hashes.get(head.number - 1)
        return self.at is None or (head.number > self.at and below in (None, head.parent))

    def remembered(self) -> list[int]:
        """The numbers of the blocks that are remembered, newest first."""
        return sorted(self._hashes, reverse=True)

    def back_to(self, number: int) -> list[Moved]:
        """Go back to a block that is remembered; what was told of those above it comes back as removed."""
        above = [each for each in self.remembered() if each > number]
        self.at = number
        return self._removed(
            [moved for each in above for moved in self._moved.get(self._hashes.pop(each), ())]
        )

    def _removed(self, told: list[Moved]) -> list[Moved]:
        for moved in told:
            self._moved.pop(moved.block, None)
        return [replace(moved, removed=True) for moved in told]

    def facts(self) -> dict[str, str]:
        """What a later run needs, in order to go on from here."""
        hashes: list[str] = []
        while self.at is not None and len(hashes) < KEPT and (found := self.hash_of(self.at - len(hashes))):
            hashes.append(found)
        since = self.since.isoformat() if self.since else ""
        return {"block": str(self.at), "hashes": " ".join(hashes), "since": since}

    def recall(self, facts: Mapping[str, str]) -> None:
        """Take those facts back. Some that cannot be read are as good as none."""
        block, hashes = facts.get("block", ""), facts.get("hashes", "")
        if not _NUMBER.fullmatch(block) or not _HASHES.fullmatch(hashes):
            return
        self.at, self.since = int(block), _moment(facts.get("since", ""))
        self._hashes = dict(_downwards(self.at, hashes.split(" ")))


def _downwards(number: int, hashes: Iterable[str]) -> Iterable[tuple[int, str]]:
    return ((number - below, each) for below, each in enumerate(hashes))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
