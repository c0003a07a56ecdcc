"""Hints of a Solana node: it tells when an account changes, and everything is compared now and then.

`accountSubscribe` (solana.com/docs/rpc/websocket) tells of one account: a wallet's lamports are in the
wallet's own, and each token that it holds in a token account of its own. So both are subscribed to. The
other ways see less or cost more: `logsSubscribe` takes one address a call, and tokens that come in name the
token account and not the wallet; `programSubscribe` on the token programs makes the node sift every
transfer of a token.

Subscriptions begin at the tip and end with the connection, and users report notifications that never came
(solana-labs/solana #18587, #35489). So at each connection, and every so often, lamports and tokens are read
over HTTP (getMultipleAccounts, getTokenAccountsByOwner), and compared with what was told last.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from watcher.hints.json_rpc import CallRefusedError, Unasked
from watcher.hints.solana.node import SolanaLine, SolanaNode
from watcher.hints.solana.wire import TOKEN_PROGRAMS, AccountNotice, Accounts, TokenAccounts, read_as
from watcher.hints.statuses import Statuses
from watcher.ports.clock import Clock
from watcher.ports.hints import Alive, Hint, HintSourceError, Told, Where

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Subscriptions that are asked for before the first one is answered."""

PER_CALL = 100
"""Accounts of one getMultipleAccounts (its documentation)."""

PING = 60.0
"""Seconds between two calls on the WebSocket: some providers hang up after ten minutes without one, and do
not count pings of the WebSocket itself (helius.dev/docs, parsed streams)."""

NO_SUBSCRIPTION = 2**53 - 1
"""Number that no subscription has: to end it is refused, and that is an answer."""

Held = dict[str, tuple[int, str]]
"""Account → the slot in which it was seen, and what it held then."""


class SolanaSource:
    """Wallets on one node: `wallets`: address → its place."""

    def __init__(
        self,
        name: str,
        node: SolanaNode,
        wallets: Mapping[str, Where],
        clock: Clock,
        *,
        look_every: timedelta,
        most: int,
        ping: float = PING,
    ) -> None:
        self._name, self._node, self._wallets, self._clock = name, node, wallets, clock
        self._look_every, self._most, self._ping = look_every.total_seconds(), most, ping
        self._statuses = Statuses()
        self._held: dict[str, Held] = {wallet: {} for wallet in wallets}
        self._looked: set[str] = set()
        self._subscriptions: dict[int, tuple[str, str]] = {}
        self._noted: set[str] = set()

    @property
    def name(self) -> str:
        return self._name

    def remember(self, facts: Mapping[str, str]) -> None:
        self._statuses.remember(self._wallets, facts)

    async def close(self) -> None:
        """Nothing is open between two connections."""

    async def listen(self) -> AsyncIterator[Told]:
        self._subscriptions = {}
        async with self._node.connected() as line:
            known = [(wallet, wallet) for wallet in self._wallets]
            known += [
                (wallet, each) for wallet, held in self._held.items() for each in held if each != wallet
            ]
            await self._subscribe(line, known)
            if self._wallets and not self._subscriptions:
                raise HintSourceError(f"{self._node.host} refuses every subscription", refused=True)
            yield Alive()
            async for told in self._looks(line):
                yield told
            async for told in self._heard(line):
                yield told

    async def _heard(self, line: SolanaLine) -> AsyncIterator[Told]:
        """What is told from now on, with a ping every minute and a look every so often."""
        ping_at = self._clock.monotonic() + self._ping
        look_at = self._clock.monotonic() + self._look_every
        while True:
            message = await line.peer.next(ping_at - self._clock.monotonic())
            for told in self._notified(message):
                yield told
            if self._clock.monotonic() >= ping_at:
                await _ping(line)
                yield Alive()
                for each in self._statuses.bookmark():
                    yield each
                ping_at = self._clock.monotonic() + self._ping
            if self._clock.monotonic() >= look_at:
                async for found in self._looks(line):
                    yield found
                look_at = self._clock.monotonic() + self._look_every

    def _notified(self, message: Unasked | None) -> list[Hint]:
        if message is None or message.method != "accountNotification":
            return []
        notice = read_as(AccountNotice, message.params)
        place = self._subscriptions.get(notice.subscription) if notice is not None else None
        if notice is None or place is None:
            return []
        wallet, account = place
        told = notice.result
        self._see(wallet, account, told.context.slot, told.value.value() if told.value is not None else "")
        # What it was before is known only once the whole wallet was read.
        return self._changed(wallet) if wallet in self._looked else []

    async def _looks(self, line: SolanaLine) -> AsyncIterator[Told]:
        """Read everything, tell what differs, and subscribe to token accounts that are new."""
        for some in _batches(list(self._wallets), PER_CALL):
            found = read_as(Accounts, await self._ask(line, "getMultipleAccounts", some))
            if found is None or len(found.value) != len(some):
                raise HintSourceError(f"{self._node.host} gave an answer that cannot be read")
            for wallet, account in zip(some, found.value, strict=True):
                self._see(wallet, wallet, found.context.slot, account.value() if account is not None else "")
        for wallet in self._wallets:
            fresh = await self._read_tokens(line, wallet)
            if await self._subscribe(line, [(wallet, each) for each in fresh]):
                await self._read_tokens(line, wallet)  # it may have changed before it was subscribed to
            self._looked.add(wallet)
            for hint in self._changed(wallet):
                yield hint
            while (message := await line.peer.next(0)) is not None:
                for hint in self._notified(message):
                    yield hint
        for each in self._statuses.bookmark():
            yield each

    async def _read_tokens(self, line: SolanaLine, wallet: str) -> list[str]:
        """Read the token accounts of a wallet; those that nobody knew."""
        held, listed, slots = self._held[wallet], set[str](), []
        known = held.keys() - {wallet}
        for program in TOKEN_PROGRAMS:
            try:
                answer = await line.ask("getTokenAccountsByOwner", wallet, {"programId": program})
            except CallRefusedError as error:
                self._note(f"the tokens of some wallets cannot be read: {error.words}")
                return sorted(listed - known)
            found = read_as(TokenAccounts, answer)
            if found is None:
                raise HintSourceError(f"{self._node.host} gave an answer that cannot be read")
            slots.append(found.context.slot)
            for each in found.value:
                listed.add(each.pubkey)
                self._see(wallet, each.pubkey, found.context.slot, each.account.value())
        for closed in known - listed:
            self._see(wallet, closed, min(slots), "")
        return sorted(listed - known)

    async def _ask(self, line: SolanaLine, method: str, *params: Any) -> Any:
        try:
            return await line.ask(method, *params)
        except CallRefusedError as error:
            raise HintSourceError(f"{self._node.host} refuses {method}: {error.words}") from None

    async def _subscribe(self, line: SolanaLine, places: Sequence[tuple[str, str]]) -> bool:
        """Subscribe to accounts of wallets, as far as there is room; whether to any."""
        room = max(0, self._most - len(self._subscriptions))
        if len(places) > room:
            self._note(f"more accounts than `most`: {self._most}; the others are compared only")
        wallet_of = {account: wallet for wallet, account in places}
        before = len(self._subscriptions)
        for some in _batches([account for _, account in islice(places, room)], AT_ONCE):
            found, refused = await line.subscribe(some)
            self._subscriptions |= {number: (wallet_of[each], each) for number, each in found.items()}
            if refused:
                self._note(f"some subscriptions are refused, these accounts are compared only: {refused}")
        return len(self._subscriptions) > before

    def _see(self, wallet: str, account: str, slot: int, value: str) -> None:
        """Keep what an account holds, unless it was seen in a later slot: nodes behind a balancer differ."""
        held = self._held[wallet]
        if slot >= held.get(account, (0, ""))[0]:
            held[account] = (slot, value)

    def _changed(self, wallet: str) -> list[Hint]:
        held = sorted((account, value) for account, (_, value) in self._held[wallet].items() if value)
        digest = hashlib.sha256(repr(held).encode()).hexdigest()
        event = self._statuses.event(wallet, digest)
        return [Hint(self._wallets[wallet], event)] if event else []

    def _note(self, words: str) -> None:
        """Log something once."""
        if words not in self._noted and len(self._noted) < 100:
            self._noted.add(words)
            log.warning("%s: %s", self._name, words)


async def _ping(line: SolanaLine) -> None:
    """Any answer will do."""
    try:
        await line.peer.call("accountUnsubscribe", [NO_SUBSCRIPTION])
    except CallRefusedError:
        return


def _batches(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
