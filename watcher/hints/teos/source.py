"""Hints from TEOS' events. Where they wait for us is a queue at the broker.

TEOS makes a queue when its API is asked, and takes it away half an hour after its last consumer has left
(TEOS docs). So the name of the queue is kept: a daemon that comes back in time finds what came meanwhile. A
queue that is gone means that something may have been missed.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from pydantic import SecretStr

from watcher.hints.teos.broker import ROUTING_KEY, TIMING, Broker, Timing, connected
from watcher.hints.teos.wire import read_event, read_queue
from watcher.ports.clock import Clock
from watcher.ports.hints import (
    Alive,
    ApiAccess,
    Bookmark,
    HintCallRejectedError,
    HintGap,
    HintSourceError,
    Told,
)

log = logging.getLogger(__name__)

ASKED, OWN = "api", "own"
"""Words for queues that have no name yet: the API is asked for one; one is declared."""

_CHANGED = "account.balance_changed"
_PATH = "/api/v1.1/events/queue"
_EVERYTHING = "#"


class TeosEvents:
    """One queue of one tenant. Owns nothing between connections but the queue's name.

    `queue`: `api`, `own`, or the name of a queue that somebody else takes care of. `unread` counts events
    of changed balances that named no account.
    """

    def __init__(
        self, name: str, url: SecretStr, queue: str, api: ApiAccess, clock: Clock, timing: Timing = TIMING
    ) -> None:
        self.name = name
        self.unread = 0
        self._url, self._api, self._clock, self._timing = url, api, clock, timing
        self._given = queue not in (ASKED, OWN)
        self._declares = queue == OWN
        self._queue = queue if self._given else ""
        self._heard: datetime | None = None
        self._missed = False
        """Whether a queue that was consumed before is known to be gone, and nobody was told."""

    def remember(self, facts: Mapping[str, str]) -> None:
        if not self._given:
            self._queue = facts.get("queue", "")

    async def listen(self) -> AsyncIterator[Told]:
        async with connected(self._url, self.name, self._timing) as broker:
            fresh = await self._consume(broker)
            yield HintGap(self._heard, "the queue of events was gone") if self._missed else Alive()
            self._missed = False
            if fresh:
                yield Bookmark({"queue": self._queue})
            while True:
                message = await broker.next()
                self._heard = self._clock.now()
                if message is None:
                    yield Alive()
                    continue
                hints = read_event(message.body)
                if not hints:
                    self._pass_over(message.routing_key or "")
                for hint in hints:
                    yield hint
                await broker.acknowledge(message)

    async def close(self) -> None:
        """Nothing is open between two connections."""

    def _pass_over(self, key: str) -> None:
        """Count a message that names no account. With `#` as the key there are others."""
        if key.endswith(_CHANGED):
            self.unread += 1
            if self.unread == 1:
                log.warning("hints %s: an event of a changed balance names no account", self.name)

    async def _consume(self, broker: Broker) -> bool:
        """Consume the queue that is known, else a new one; whether it is new."""
        if self._queue:
            if await broker.consume(self._queue):
                return False
            self._missed = True
            if self._given:
                raise HintSourceError("the queue that the configuration names is not there", refused=True)
        queue = await broker.declare() if self._declares else await self._asked()
        if not await broker.consume(queue):
            raise HintSourceError("the queue that was made a moment ago is not there")
        self._queue = queue
        return True

    async def _asked(self) -> str:
        """The queue that TEOS makes. Which keys it takes is not documented, only that it takes `#`."""
        try:
            answer = await self._api.call("POST", _PATH, [("eventRoutingKey", ROUTING_KEY)])
        except HintCallRejectedError:
            try:
                answer = await self._api.call("POST", _PATH, [("eventRoutingKey", _EVERYTHING)])
            except HintCallRejectedError as error:
                why = f"TEOS gives no queue of events ({error.why}); perhaps `queue: own` is allowed"
                raise HintSourceError(why, refused=True) from None
        return read_queue(answer)
