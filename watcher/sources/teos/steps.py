"""Steps of a TEOS poll: what is still to be asked, and what is known so far. Nothing here sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from yarl import URL

from watcher.domain.model import Account, MissReason
from watcher.domain.records import Record, field, replace
from watcher.ports.source import Request
from watcher.sources.teos.wire import BalancePage, Pair, address_key


class Bulk(Record, frozen=True):
    """Request about all accounts of the poll. `asked`: pairs that were open when it went out first."""

    ids: tuple[int, ...]
    asked: int = 0


class NextPage(Record, frozen=True):
    """The next page of a `Bulk`. `seen`: the pages before."""

    ids: tuple[int, ...]
    url: URL
    seen: tuple[URL, ...]
    asked: int = 0


class Single(Record, frozen=True):
    """Request about one asset of the first account."""

    ids: tuple[int]


class Sample(Record, frozen=True):
    """Request about assets that are refused whoever holds them: the first account stands for all."""

    ids: tuple[int, ...]


Step = Bulk | NextPage | Single | Sample


class TeosPoll(Record, frozen=True):
    """Accounts on their way to an outcome: what is still to be asked, and what is known so far."""

    accounts: tuple[Account, ...]
    steps: tuple[Step, ...]
    now: datetime
    sparks: Mapping[Pair, int] = field(default_factory=dict)
    unclear: Mapping[Pair, str] = field(default_factory=dict)
    failed: Mapping[Pair, tuple[MissReason, str]] = field(default_factory=dict)

    def missing(self, ids: Sequence[int]) -> list[Pair]:
        pairs = ((address_key(account.address), number) for account in self.accounts for number in ids)
        return [p for p in pairs if p not in self.sparks and p not in self.unclear and p not in self.failed]

    def fail(self, steps: Sequence[Step], reason: MissReason, text: str) -> TeosPoll:
        """The poll without these steps; what they would have told is unknown, for this reason."""
        lost = (pair for step in steps for pair in self.missing(step.ids))
        return replace(
            self,
            steps=tuple(step for step in self.steps if step not in steps),
            failed={**self.failed, **dict.fromkeys(lost, (reason, text))},
        )

    def request(self) -> Request:
        return Request(self.accounts, 0, self, calls=len(self.steps))


def halved(poll: TeosPoll, step: Bulk) -> TeosPoll | None:
    """The same question about one account in two, each for half of its assets; None for one asset."""
    middle = len(step.ids) // 2
    if len(poll.accounts) > 1 or not middle:
        return None
    steps = (Bulk(step.ids[:middle]), Bulk(step.ids[middle:]), *poll.steps[1:])
    return replace(poll, steps=steps)


def merge(poll: TeosPoll, step: Step, page: BalancePage) -> TeosPoll:
    """The poll with what a page says about the pairs that this step asked for."""
    wanted = {(address_key(account.address), number) for account in poll.accounts for number in step.ids}
    sparks, unclear = dict(poll.sparks), dict(poll.unclear)
    unclear.update((pair, why) for pair, why in page.unclear.items() if pair in wanted)
    for pair, amount in page.sparks.items():
        if pair not in wanted:
            continue
        if sparks.setdefault(pair, amount) != amount:
            unclear[pair] = "it came twice, and not the same"
    for pair in unclear:
        sparks.pop(pair, None)
    return replace(poll, sparks=sparks, unclear=unclear)
