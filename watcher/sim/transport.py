"""Faults of the transport: answers that a proxy, a dying server or an attacker sends."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from watcher.sim.faults import Fault

_MEGABYTE = 1024 * 1024
HUGE = 200 * _MEGABYTE
_PAGE = (
    "<!doctype html><html><head><title>Just a moment…</title></head><body>Checking your browser</body></html>"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A request that a fault struck. `body`: what would have been answered; `stranger`: another host."""

    request: web.BaseRequest
    fault: Fault
    body: bytes
    stranger: str


Sender = Callable[[Case], Awaitable[web.StreamResponse]]


def _fixed(body: str, content_type: str) -> Sender:
    """A sender of one text, whatever was asked, with status 200."""

    async def send(case: Case) -> web.StreamResponse:  # noqa: ARG001
        return web.Response(text=body, content_type=content_type)

    return send


async def truncated(case: Case) -> web.StreamResponse:
    """Sound HTTP, but the JSON stops in the middle."""
    body = case.body
    return web.Response(body=body[: len(body) // 2], content_type="application/json")


async def cut_off(case: Case) -> web.StreamResponse:
    """The connection closes before the announced length."""
    body = case.body
    response = web.StreamResponse(
        headers={"Content-Length": str(len(body)), "Content-Type": "application/json"}
    )
    await response.prepare(case.request)
    await response.write(body[: len(body) // 2])
    _abort(case.request, hard=False)
    return response


async def huge(case: Case) -> web.StreamResponse:
    """Sound JSON with 200 MB of spaces in it, of no announced length."""
    response = await _stream(case.request)
    block = b" " * _MEGABYTE
    await response.write(b"[")
    for _ in range(int(case.fault.options.get("size", HUGE)) // _MEGABYTE):
        await response.write(block)
    await response.write(b"]")
    return response


async def endless(case: Case) -> web.StreamResponse:
    """A body that goes on, a little at a time, until the client leaves."""
    response = await _stream(case.request)
    pause = float(case.fault.options.get("seconds", 0.05))
    await response.write(b"[")
    while True:
        await response.write(b" " * 64)
        await asyncio.sleep(pause)


async def slow_headers(case: Case) -> web.StreamResponse:
    """Headers that go on, one at a time, until the client leaves."""
    transport = case.request.transport
    pause = float(case.fault.options.get("seconds", 0.25))
    if transport is not None:
        transport.write(b"HTTP/1.1 200 OK\r\n")
    while transport is not None and not transport.is_closing():
        transport.write(b"X-Wait: a little\r\n")
        await asyncio.sleep(pause)
    return web.Response()


async def reset(case: Case) -> web.StreamResponse:
    """The connection is reset instead of an answer."""
    _abort(case.request, hard=True)
    return web.Response()


async def redirect(case: Case) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": case.stranger + case.request.raw_path})


async def gzip_bomb(case: Case) -> web.StreamResponse:
    """One megabyte on the wire, one gigabyte when unpacked; only the check sum at its end is wrong."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(b" " * _MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    response = await _stream(case.request, {"Content-Encoding": "gzip"})
    await response.write(b"\x1f\x8b\x08" + bytes(6) + b"\xff")
    for _ in range(1024):
        await response.write(block)
    await response.write(b"\x03\x00" + bytes(8))
    return response


async def pascal_error(case: Case) -> web.StreamResponse:
    """A refusal with its keys in Pascal case, as some TEOS answers are written."""
    detail = {"Code": "1001", "Message": "Asset does not exist"}
    body = {
        "Code": "21000",
        "Message": "One or more preconditions failed",
        "Target": "balances",
        "Details": [detail],
    }
    return web.json_response(body, status=int(case.fault.options.get("status", 400)))


SENDERS: dict[str, Sender] = {
    "html": _fixed(_PAGE, "text/html"),
    "truncated": truncated,
    "cut-off": cut_off,
    "huge": huge,
    "endless": endless,
    "slow-headers": slow_headers,
    "reset": reset,
    "redirect": redirect,
    "gzip-bomb": gzip_bomb,
    "not-json": _fixed("upstream error", "application/json"),
    "empty-body": _fixed("", "application/json"),
    "pascal-error": pascal_error,
}
UNCHARGED = frozenset({"redirect", "html", "pascal-error"})
"""Answers of somebody before the provider: nothing was read there, nothing is charged."""


async def _stream(request: web.BaseRequest, headers: dict[str, str] | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", **(headers or {})})
    await response.prepare(request)
    return response


def _abort(request: web.BaseRequest, *, hard: bool) -> None:
    """Close the connection now; hard is a reset rather than an end."""
    transport = request.transport
    if transport is None:
        return
    if hard and (link := transport.get_extra_info("socket")) is not None:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
