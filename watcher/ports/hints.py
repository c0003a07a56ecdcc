"""Hints: word from outside that an account has probably changed, and who brings it.

A hint is no reading. It says "look at this account now"; what is held is said by the paid poll that follows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from watcher.domain.model import Account
from watcher.domain.records import Record

LONGEST_ID = 200
"""Characters of a hint's id. What is longer is cut before it is compared."""

MISSED = "missed"
"""The id of the word upon which an account is polled of which hints may be missing."""

LARGEST_POST = 1024 * 1024
"""Bytes of a body that is posted, packed and unpacked."""


class Where(Record, frozen=True):
    """Place that a hint is about.

    `chain` is in its one spelling (`canonical`), empty for any chain; `address` in its one form
    (`address_key`).
    """

    chain: str
    address: str


class Hint(Record, frozen=True):
    """Word that a balance has probably changed.

    `id` is the same whenever the same event is told again: a transaction's hash with what makes it one of
    several. `happened`: when it happened, if that is told; it is no time of ours.
    """

    where: Where
    id: str
    happened: datetime | None = None


class HintGap(Record, frozen=True):
    """Time for which hints may have been missed, until now. `since` None: nobody knows since when."""

    since: datetime | None
    why: str


class Alive(Record, frozen=True):
    """Sign of life: the connection is up, a block came, a ping was answered."""


class Bookmark(Record, frozen=True):
    """How far everything was told, as facts for the store: from here the next run goes on."""

    facts: Mapping[str, str]


Told = Hint | HintGap | Alive | Bookmark


class HintWord(Record, frozen=True):
    """Who told that an account has probably changed: `by` the name of the hint source, `at` when we heard it,
    `id` the hint's own."""

    by: str
    at: datetime
    id: str


class HintedPoll(Record, frozen=True):
    """A poll that was made because of a hint, as the store keeps it.

    `changed`: whether it found a change; None: nothing could be read. `credits`: this account's part of what
    the request cost. `at`: when the answer was read.
    """

    account: Account
    word: HintWord
    at: datetime
    changed: bool | None
    credits: int = 0


class HintTally(Record, frozen=True):
    """What the polls of one source that one hint source caused came to. `barren`: they found no change."""

    source: str
    by: str
    polls: int
    confirmed: int
    barren: int
    credits: int
    barren_credits: int


class HintInbox(Protocol):
    """Whoever plans the polls of one source, and hears what hint sources tell of its accounts. Each method
    returns at once, and is called in the event loop."""

    def hinted(self, account: Account, word: HintWord) -> bool:
        """One account has probably changed. Whether that is news: False if it waits for its poll anyway."""
        ...

    def missed(self, accounts: Sequence[Account], by: str, at: datetime) -> None:
        """Hints about any of these may have been missed until `at`: each is worth one look, at the ordinary
        pace."""
        ...

    def silent_since(self, by: str) -> datetime | None:
        """Since when changes were found that a hint source told nothing of, if it is taken for silent."""
        ...


class HintSourceError(Exception):
    """A hint source that cannot be heard now, in words without a secret.

    `refused`: a person must act (a wrong password, a right that is missing, a quota that is used up), so it
    is tried again more rarely, and told at once.
    """

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.why, self.refused = why, refused


class HintCallRejectedError(HintSourceError):
    """A request that an API does not take as it is (400, 404). One in another form may be taken."""

    def __init__(self, why: str) -> None:
        super().__init__(why, refused=True)


class HintSource(Protocol):
    """One configured source of hints: a connection that is listened to, or an address that is posted to."""

    @property
    def name(self) -> str: ...

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back the facts of the last `Bookmark` of an earlier run, before `listen`."""
        ...

    def listen(self) -> AsyncIterator[Told]:
        """One connection, from its making to its end; what it tells, in order.

        The first thing told is a HintGap if something may have been missed since the last connection (or
        the last run) that this source does not deliver again by itself, else Alive. Raises HintSourceError
        when the connection cannot be made, breaks, or is silent for longer than the source allows; whoever
        listens waits and calls it again. What was told is done with when the next item is asked for: only
        then may a broker be told so.
        """
        ...

    async def close(self) -> None: ...


class Posted(Record, frozen=True):
    """A request that somebody posted to `/hints/{name}`. `body` as it came, before any decompression;
    header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    at: datetime


class Receipt(Record, frozen=True):
    """Answer to a request: its HTTP status, and one line for who posted it. 200: taken, seen before, or of
    no use; 401: not signed by whom it should be."""

    status: int
    said: str


class Posting(Protocol):
    """Hint source that is posted to, instead of being connected to."""

    def receive(self, posted: Posted) -> Receipt:
        """Take a request. Does no work beyond reading it: hints are told by `listen`."""
        ...


class ApiAccess(Protocol):
    """Access to the API of a source, within its rate and its allowance: each call is booked in the ledger
    before it is sent, as purpose `hinting`."""

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        """The body of the answer (200 to 204). `path` follows the configured base URL, with its version;
        it is percent-encoded already, and sent as it stands.

        HintSourceError says why there is none: no credits, refused, unreachable; HintCallRejectedError, that
        the request is none that this API takes.
        """
        ...
