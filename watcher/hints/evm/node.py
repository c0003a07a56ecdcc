"""One connection to an EVM node: calls with their answers, and what its subscriptions tell, bounded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from types import TracebackType
from typing import Any

import msgspec

from watcher.hints.evm.wire import BlockHead, Moved, NodeAnswer, UnreadableError, read_event, read_message
from watcher.hints.web_socket import NodeAddress, NodeLimits, NodeSocket, a_person_must_act
from watcher.ports.hints import HintSourceError

_FOR_PEOPLE = {-32601, -32602, -32005}
"""Codes of JSON-RPC (no such method, wrong parameters) and of EIP-1474 (limit exceeded)."""

PAUSES = (0.5, 1.0, 2.0)
"""Seconds to wait where a node has had too many calls in a second, before it is asked again."""

_TOO_FAST = re.compile(r"(per|/) ?second|request rate|too many requests|rate.?limit", re.IGNORECASE)
_NOT_FOR_LONG = re.compile(r"daily|day|month|quota|plan", re.IGNORECASE)


class RefusedCallError(Exception):
    """A node's answer that is a refusal, in words fit for people. `refused`: a person must act."""

    def __init__(self, said: str, *, refused: bool) -> None:
        super().__init__(said)
        self.said, self.refused = said, refused


class EvmNode:
    """Connection to a node, open as long as the block runs. It is not made again.

    HintSourceError says why it could not be made, or why it ended; what was told until then is taken first.
    """

    def __init__(self, address: NodeAddress, watched: Collection[str], limits: NodeLimits) -> None:
        self.newest: BlockHead | None = None
        """The last head that was told; it may still wait to be taken."""
        self._address, self._watched, self._limits = address, watched, limits
        self._socket = NodeSocket(address, limits)
        self._calls: dict[int, asyncio.Future[NodeAnswer]] = {}
        self._number = 0
        self._events: asyncio.Queue[BlockHead | Moved | None] = asyncio.Queue()
        self._failure: HintSourceError | None = None

    async def __aenter__(self) -> EvmNode:
        await self._socket.__aenter__()
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.cancel()
        try:
            await asyncio.wait([self._reader])
        finally:
            await self._socket.__aexit__(kind, error, trace)

    async def event(self) -> BlockHead | Moved:
        """What a subscription tells next."""
        event = await self._events.get()
        if event is None:
            raise self._ended()
        return event

    async def ask(self, method: str, *parameters: Any) -> msgspec.Raw:
        """The answer to a call that must have one. HintSourceError: it was refused, or there is none."""
        try:
            return await self.call(method, *parameters)
        except RefusedCallError as error:
            text = f"{self._address.host} refuses {method}: {error.said}"
            raise HintSourceError(text, refused=error.refused) from None

    async def call(self, method: str, *parameters: Any) -> msgspec.Raw:
        """The answer to a call. RefusedCallError: it is a refusal. HintSourceError: there is none."""
        for pause in (*PAUSES, None):
            answer = await self._answer(method, parameters)
            if answer.error is None:
                break
            code, said = answer.error
            if pause is None or not _TOO_FAST.search(said) or _NOT_FOR_LONG.search(said):
                refused = code in _FOR_PEOPLE or a_person_must_act(said)
                raise RefusedCallError(self._address.words(said) or f"error {code}", refused=refused)
            await asyncio.sleep(pause)
        return answer.result

    async def _answer(self, method: str, parameters: tuple[Any, ...]) -> NodeAnswer:
        if self._failure is not None:
            raise self._failure
        self._number += 1
        number = self._number
        words = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
        coming: asyncio.Future[NodeAnswer] = asyncio.get_running_loop().create_future()
        self._calls[number] = coming
        try:
            async with asyncio.timeout(self._limits.call):
                await self._socket.send(msgspec.json.encode(words))
                return await coming
        except TimeoutError:
            seconds = f"{self._limits.call:g}"
            text = f"{self._address.host} did not answer {method} within {seconds} s"
            raise HintSourceError(text) from None
        except HintSourceError as error:
            raise self._failure or error from None
        finally:
            self._calls.pop(number, None)

    def misread(self, error: UnreadableError) -> HintSourceError:
        """What is said of an answer that cannot be read."""
        return HintSourceError(f"{self._address.host} sent {error}")

    async def _read(self) -> None:
        """Take what comes until the connection ends."""
        try:
            while self._failure is None:
                self._failure = self._taken(await self._socket.receive())
        except HintSourceError as error:
            self._failure = error
        finally:
            for coming in self._calls.values():
                if not coming.done():
                    coming.set_exception(self._ended())
            self._events.put_nowait(None)

    def _taken(self, data: bytes) -> HintSourceError | None:
        """Hand one message on; the failure that ends the connection, if it is one."""
        try:
            message = read_message(data)
            if isinstance(message, NodeAnswer):
                coming = self._calls.get(message.id)
                if coming is not None and not coming.done():
                    coming.set_result(message)
                return None
            event = None if message is None else read_event(message, self._watched)
        except UnreadableError as error:
            return self.misread(error)
        if isinstance(event, BlockHead):
            self.newest = event
        if event is not None:
            self._events.put_nowait(event)
        if self._events.qsize() <= self._limits.waiting:
            return None
        return HintSourceError(f"{self._address.host} tells more than can be taken")

    def _ended(self) -> HintSourceError:
        return self._failure or HintSourceError(f"{self._address.host} broke the connection")
