"""Webhook: what was posted is proved, read and kept at once, and told in order to who listens."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from watcher.domain.values.chains import canonical
from watcher.domain.values.formatting import counted
from watcher.hints.kind import HintContext
from watcher.hints.webhook.bodies import (
    BodyRead,
    Spellings,
    UnknownBodyError,
    read_generic,
    read_provider,
    unpacked,
)
from watcher.hints.webhook.inbox import Inbox, SeenRequests
from watcher.hints.webhook.signatures import NONCE, proof_of
from watcher.ports.hints import LARGEST_POST, Alive, Bookmark, HintGap, HintSourceError, Posted, Receipt, Told

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two bookmarks."""

MISSED = timedelta(seconds=20)
"""Time since the last bookmark after which something may have been posted that nobody took: how old a
bookmark may be that was kept, and a start."""

UNTIL = "until"


class Webhook:
    """Hint source that is posted to. What is posted while nobody listens waits."""

    def __init__(
        self, context: HintContext, scheme: str, keys: tuple[str, ...], chains: Mapping[str, str]
    ) -> None:
        self.name, self._clock, self._scheme = context.name, context.clock, scheme
        self._keys = tuple(each.encode() for each in keys)
        self._chains = dict(chains)
        self._spellings = Spellings(context.accounts)
        self._inbox, self._before = Inbox(self._spellings.keys), SeenRequests()
        self._until: datetime | None = None
        self._trouble: HintGap | None = None
        self._gap: HintGap | None = None
        self._told_trouble = self._told_unknown = self._heard = False

    def remember(self, facts: Mapping[str, str]) -> None:
        try:
            until = datetime.fromisoformat(facts.get(UNTIL, ""))
        except ValueError:
            return
        self._until = until if until.tzinfo is not None else None

    def receive(self, posted: Posted) -> Receipt:
        """Take a request. What it holds is in no log, and in no answer but to who has the key."""
        body = unpacked(posted.body, posted.headers.get("content-encoding", ""))
        bodies = (posted.body,) if body is None or body is posted.body else (posted.body, body)
        proof = proof_of(self._scheme, posted.headers, bodies, self._keys, posted.at)
        if proof is None:
            return Receipt(401, "not signed with the key of this hint source, or too old")
        if body is None:
            return Receipt(413, f"it cannot be unpacked, or has more than {LARGEST_POST:,} bytes")
        if self._before.has(proof):
            return Receipt(200, "this came before")
        try:
            found = self._read(posted, body)
        except UnknownBodyError as error:
            return self._unknown(error)
        return self._take(found, posted.at)

    async def listen(self) -> AsyncIterator[Told]:
        """Never ends by silence. While the provider posts errors in place of hints nothing is told, not even
        that it lives; with its first hint all goes on at once."""
        if self._trouble is None:
            yield self._missed() or Alive()
        due = self._clock.monotonic()
        while True:
            if self._trouble is not None and not self._told_trouble:
                self._told_trouble = True
                raise HintSourceError(self._trouble.why, refused=True)
            if self._gap is not None:
                gap, self._gap = self._gap, None
                yield gap
            if self._heard and self._trouble is None:
                self._heard = False
                yield Alive()
            while (hint := self._inbox.take()) is not None:
                yield hint
            if self._trouble is None and self._clock.monotonic() >= due:
                due = self._clock.monotonic() + EVERY
                yield Bookmark({UNTIL: self._clock.now().isoformat()})
            left = due - self._clock.monotonic() if self._trouble is None else None
            if await self._clock.wait(self._inbox.stirred, left):
                self._inbox.stirred.clear()

    async def close(self) -> None:
        """Nothing is open: the server is the daemon's."""

    def _missed(self) -> HintGap | None:
        """What may have been posted while nothing ran here. Whether a provider posts it again is its own
        affair: Helius gives up after seconds."""
        until, self._until = self._until, None
        now = self._clock.now()
        if until is None or timedelta(0) <= now - until <= MISSED:
            return None
        return HintGap(min(until, now), "nothing was here to be posted to")

    def _read(self, posted: Posted, body: bytes) -> BodyRead:
        if self._scheme == "generic":
            return read_generic(body, self._spellings, self._chains, posted.headers[NONCE])
        return read_provider(body, self._spellings, self._chain_of)

    def _chain_of(self, network: str) -> str | None:
        """The chain of a network as the provider calls it. Alchemy always names one, so one that the
        configuration does not name is not wanted. The others may call it as they like if there is but one."""
        if network in self._chains:
            return canonical(self._chains[network])
        if self._scheme == "alchemy":
            return None
        chains = set(map(canonical, self._chains.values()))
        if not chains and self._scheme == "helius":
            return "solana"
        return chains.pop() if len(chains) == 1 else ""

    def _unknown(self, error: UnknownBodyError) -> Receipt:
        """A provider is not told that its body is of no use: it would post it again, or give up."""
        if not self._told_unknown:
            self._told_unknown = True
            log.warning("hints %s: what is posted is signed and of no use: %s", self.name, error)
        return Receipt(400 if self._scheme == "generic" else 200, f"of no use: {error}")

    def _take(self, found: BodyRead, now: datetime) -> Receipt:
        if found.trouble:
            if self._trouble is None:
                self._trouble, self._told_trouble = HintGap(now, found.trouble), False
            self._inbox.stirred.set()
            return Receipt(200, "noted")
        if self._trouble is not None:
            self._gap, self._trouble = self._trouble, None
        kept = sum(map(self._inbox.put, found.hints))
        self._heard = True
        self._inbox.stirred.set()
        return Receipt(200, f"{counted(kept, 'hint')} taken")
