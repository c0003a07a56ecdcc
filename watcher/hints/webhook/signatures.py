"""Signatures: whether a request comes from who has the key, and what tells it from every other request.

Sources. Alchemy: docs.alchemy.com, Notify API FAQ. QuickNode: its guide "How to Validate Incoming Streams
Webhook Messages". Helius: its webhook FAQ. The generic scheme is ours.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

WINDOW = 300.0
"""Seconds by which a timestamp may differ from the time here, to either side."""

TIMESTAMP, NONCE, SIGNATURE = "x-watcher-timestamp", "x-watcher-nonce", "x-watcher-signature"
_NONCE = re.compile(r"[A-Za-z0-9_-]{8,100}")
_SECONDS = re.compile(r"[0-9]{1,12}")

Headers = Mapping[str, str]
Proof = Callable[[Headers, bytes, bytes, datetime], "bytes | None"]
"""Headers, body, key, the time now → what is the same for this request alone, however often it is sent; None
if it is not proved to be of whom it should be, or too old."""


def proof_of(
    scheme: str, headers: Headers, bodies: tuple[bytes, ...], keys: tuple[bytes, ...], now: datetime
) -> bytes | None:
    """Proof that a request is of the scheme's provider, with any of the keys.

    `bodies`: the body as it came, and unpacked if it was packed. QuickNode signs it unpacked; of the others
    no document says, so either will do. All comparing takes the same time whatever is compared.
    """
    proof = PROOFS[scheme]
    found = [proof(headers, body, key, now) for key in keys for body in bodies]
    return next((each for each in found if each is not None), None)


def _alchemy(headers: Headers, body: bytes, key: bytes, _now: datetime) -> bytes | None:
    return _signed(key, body, headers.get("x-alchemy-signature", ""))


def _quicknode(headers: Headers, body: bytes, key: bytes, now: datetime) -> bytes | None:
    nonce, timestamp = headers.get("x-qn-nonce", ""), headers.get("x-qn-timestamp", "")
    if not nonce or not _is_fresh(timestamp, now):
        return None
    return _signed(key, _bytes(nonce + timestamp) + body, headers.get("x-qn-signature", ""))


def _helius(headers: Headers, body: bytes, key: bytes, _now: datetime) -> bytes | None:
    same = hmac.compare_digest(_bytes(headers.get("authorization", "")), key)
    return sha256(body).digest() if same else None


def _generic(headers: Headers, body: bytes, key: bytes, now: datetime) -> bytes | None:
    nonce, timestamp = headers.get(NONCE, ""), headers.get(TIMESTAMP, "")
    if not _NONCE.fullmatch(nonce) or not _is_fresh(timestamp, now):
        return None
    method, _, given = headers.get(SIGNATURE, "").partition("=")
    return _signed(key, f"{timestamp}.{nonce}.".encode() + body, given) if method == "sha256" else None


PROOFS: Mapping[str, Proof] = {
    "alchemy": _alchemy,
    "quicknode": _quicknode,
    "helius": _helius,
    "generic": _generic,
}


def _signed(key: bytes, message: bytes, given: str) -> bytes | None:
    """The HMAC-SHA256 of the message, if what was given is it in hexadecimal."""
    found = hmac.new(key, message, sha256)
    same = hmac.compare_digest(_bytes(given.strip().lower()), found.hexdigest().encode())
    return found.digest() if same else None


def _is_fresh(timestamp: str, now: datetime) -> bool:
    if not _SECONDS.fullmatch(timestamp):
        return False
    return abs(now.timestamp() - int(timestamp)) <= WINDOW


def _bytes(text: str) -> bytes:
    """Headers may hold bytes that are no text; they come as surrogates."""
    return text.encode("utf-8", "surrogateescape")
