"""Hints of the simulated chains: each move is posted to a webhook, signed, as a script of anybody's would."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter

import aiohttp

from watcher.sim.world import World

PATIENCE = 5.0
MOST = 1000
"""Hints in one request."""


class HintPoster:
    """Posts a hint, about `delay` seconds later, of whatever moves in the world; at once until `leave`.

    `on`: whether it does; off, moves go untold. `answers`: HTTP status → how often; 0: there was none.
    """

    def __init__(self, world: World, url: str, key: str, delay: float = 0.0) -> None:
        self.on = True
        self.answers: Counter[int] = Counter()
        self._world, self._url, self._key, self._delay = world, url, key.encode(), delay
        self._said = 0
        self._waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        world.observers.append(self._moved)
        self._posting = asyncio.get_running_loop().create_task(self._post_all())

    def leave(self) -> None:
        if self._moved in self._world.observers:
            self._world.observers.remove(self._moved)
        self._posting.cancel()

    async def close(self) -> None:
        self.leave()
        await asyncio.gather(self._posting, return_exceptions=True)

    def say(self, address: str, chain: str = "") -> None:
        """Post a hint about an address, whether or not anything moved there."""
        self._said += 1
        place = {"address": address, "chain": chain} if chain else {"address": address}
        happened = f"{self._world.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        self._waiting.put_nowait({**place, "id": f"sim-{self._said}", "happened": happened})

    async def drain(self) -> None:
        """Until all that was said is posted."""
        await self._waiting.join()

    def _moved(self, address: str, chain: str) -> None:
        if self.on:
            self.say(address, chain)

    async def _post_all(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
            while True:
                hints = [await self._waiting.get()]
                await asyncio.sleep(self._delay)
                while len(hints) < MOST and not self._waiting.empty():
                    hints.append(self._waiting.get_nowait())
                self.answers[await self._post(session, json.dumps({"hints": hints}).encode())] += 1
                for _ in hints:
                    self._waiting.task_done()

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> int:
        at, nonce = str(int(time.time())), f"sim-{self._said}-{time.monotonic_ns()}"
        signed = hmac.new(self._key, f"{at}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Watcher-Timestamp": at,
            "X-Watcher-Nonce": nonce,
            "X-Watcher-Signature": f"sha256={signed}",
        }
        try:
            async with session.post(self._url, data=body, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
