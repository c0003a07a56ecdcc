"""JSON-RPC 2.0 over one connection: calls and their answers, and what the other end tells unasked.

Whoever waits for something reads; there is no task in the background. What comes meanwhile is kept in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from watcher.domain.records import Record
from watcher.domain.values.text import clean
from watcher.ports.hints import HintSourceError

MOST_UNREAD = 10_000
"""Notifications that may come while an answer is waited for."""


class Wire(Protocol):
    """Connection that carries whole messages. Both raise HintSourceError when it cannot."""

    async def send(self, message: bytes) -> None: ...

    async def receive(self) -> bytes: ...


class Unasked(Record, frozen=True):
    """What the other end tells unasked. `params`: as it stands in its JSON."""

    method: str
    params: Any


class CallRefusedError(Exception):
    """An answer that is an error. `words`: the other end's own, cleaned and cut."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Peer:
    """Other end of a connection. `who`: its name in messages; `patience`: seconds to wait for an answer."""

    def __init__(self, wire: Wire, who: str, patience: float) -> None:
        self._wire, self._who, self._patience = wire, who, patience
        self._asked = 0
        self._awaited: set[int] = set()
        self._answers: dict[int, dict[str, Any]] = {}
        self._unasked: deque[Unasked] = deque()

    async def call(self, method: str, params: Sequence[Any]) -> Any:
        """The result of a call. CallRefusedError: the other end says no."""
        return await self.answer(await self.ask(method, params))

    async def ask(self, method: str, params: Sequence[Any]) -> int:
        """Send a call. The number is what `answer` takes."""
        self._asked += 1
        call = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        self._awaited.add(self._asked)
        try:
            async with asyncio.timeout(self._patience):
                await self._wire.send(msgspec.json.encode(call))
        except TimeoutError:
            raise HintSourceError(f"{self._who} takes nothing more") from None
        return self._asked

    async def answer(self, number: int) -> Any:
        """The result of the call with this number. CallRefusedError: the other end says no."""
        try:
            async with asyncio.timeout(self._patience):
                while number not in self._answers:
                    await self._read()
        except TimeoutError:
            raise HintSourceError(f"{self._who} did not answer within {self._patience:g} s") from None
        found = self._answers.pop(number)
        if found.get("error") is not None:
            raise refusal_in(found["error"])
        return found.get("result")

    async def next(self, seconds: float) -> Unasked | None:
        """What is told next; None if that takes longer."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                while not self._unasked:
                    await self._read()
        except TimeoutError:
            return None
        return self._unasked.popleft()

    async def _read(self) -> None:
        message = object_in(await self._wire.receive(), self._who)
        number, method = message.get("id"), message.get("method")
        if isinstance(method, str):
            if len(self._unasked) >= MOST_UNREAD:
                raise HintSourceError(f"{self._who} tells more than can be read")
            self._unasked.append(Unasked(method, message.get("params")))
        elif isinstance(number, int) and number in self._awaited:
            self._awaited.discard(number)
            self._answers[number] = message


def object_in(data: bytes, who: str) -> dict[str, Any]:
    """The JSON object that a message is; HintSourceError if it is none."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HintSourceError(f"{who} sends what is no JSON-RPC")
    return found


def refusal_in(error: Any) -> CallRefusedError:
    """What an error in an answer says. Some servers send a text where an object should be."""
    found = error if isinstance(error, dict) else {"message": error}
    code, words = found.get("code"), found.get("message")
    said = clean(words)[:160] if isinstance(words, str) else ""
    return CallRefusedError(code if isinstance(code, int) else 0, said or "no reason given")
