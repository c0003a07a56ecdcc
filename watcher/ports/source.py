"""Source: one API that is asked for balances, its requests and its replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from watcher.domain.credits.allowance import Allowance
from watcher.domain.credits.provider_count import Usage
from watcher.domain.model import EMPTY, Account, Asset, Outcome
from watcher.domain.readings.fault_isolation import Isolation
from watcher.domain.records import Record, field


class Request(Record, frozen=True):
    """One HTTP request that a source can make, and what it costs.

    `accounts` are those whose outcome depends on it (none for a look-up of facts);
    `payload` is the source's own. `part`: what these accounts share that failed for all of them
    before; one question then stands for all. `calls`: HTTP requests that it takes as a rule, with those that
    follow from it.
    """

    accounts: tuple[Account, ...]
    cost: int
    payload: object
    lookup: bool = False
    part: str = ""
    calls: int = 1


class Reply(Record, frozen=True):
    """What one request brought.

    `outcomes`: a reading or a miss for each account that is now settled; accounts that wait
    for `more` requests (another page, half of a batch) come with those. `charged`: credits
    that the provider took, None if nobody knows. `failure`: empty, or what went wrong in
    words without secrets. `facts`: to be kept by the store for the next start.
    `pause`: the provider wants no request for so long. `exhausted`: the provider says that the
    credits are gone. `usage`: what the provider counts, if that was asked.
    `rates`: how much of each currency one US dollar is, if that was asked. `part`: the cause of
    the failure in words, if it is known to concern each of these accounts by itself (an asset).
    `refused`: all assets that the source is refused whoever holds them, though other assets of the
    same accounts are read; the same mapping again while nothing has changed, None if nothing is said of it.
    `unread`: finds out what came of the accounts, where that is judged: in the store's thread, one reply of a
    source after another. Until then the reply says what the request cost, and nothing of its outcomes.
    """

    outcomes: tuple[Outcome, ...] = ()
    more: tuple[Request, ...] = ()
    charged: int | None = None
    failure: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    pause: timedelta | None = None
    exhausted: bool = False
    usage: Usage | None = None
    rates: Mapping[str, Decimal] | None = None
    part: str = ""
    refused: Mapping[Asset, Isolation] | None = None
    unread: Callable[[], Reply] | None = None

    def read(self) -> Reply:
        """The whole reply. To be called once."""
        return self if self.unread is None else self.unread()


class RawCall(Record, frozen=True):
    """HTTP request of whoever knows the API otherwise. `path` begins below the host, with its version."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()


class RawAnswer(Record, frozen=True):
    """Answer to it: the body of a status 200 to 204, or why there is none, in words without secrets.

    `charged`: 0 if the provider cannot have taken credits, None if what was booked counts. `refused`: a
    person must act (a key, a right, credits that are gone). `rejected`: the request itself is not taken (400,
    404), and another one may be. `pause`: the provider wants no request for so long.
    """

    body: bytes = b""
    failure: str = ""
    charged: int | None = None
    refused: bool = False
    rejected: bool = False
    pause: timedelta | None = None


class Source(Protocol):
    """One configured API access. Never raises for what the API does: that is an outcome."""

    @property
    def name(self) -> str: ...

    @property
    def allowance(self) -> Allowance: ...

    @property
    def spacing(self) -> float:
        """Seconds between the starts of two requests."""
        ...

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the facts kept from an earlier run, before the first `plan`."""
        ...

    def cost(self, account: Account) -> int:
        """Credits that one poll of this account alone costs; those of one chain cost the same."""
        ...

    def plan(self, accounts: Sequence[Account], now: datetime) -> list[Request]:
        """Split the accounts into requests, look-ups that must come first included."""
        ...

    def usage(self) -> Request | None:
        """The request, free of charge, that asks the provider what it has counted; None if there is none."""
        ...

    def rates(self) -> Request | None:
        """The request that asks for a list of exchange rates; None if there is none."""
        ...

    async def send(self, request: Request) -> Reply:
        """Make exactly one HTTP request."""
        ...

    async def ask(self, call: RawCall) -> RawAnswer:
        """Make exactly one HTTP request that is no poll, below the configured address and with its key."""
        ...

    async def close(self) -> None: ...
