"""Requests as the providers and a script of anybody's would post them, and a webhook to post them to."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.fakes import FakeClock
from watcher.domain.model import Account
from watcher.hints.kind import HintContext
from watcher.hints.webhook.settings import WebhookSettings
from watcher.hints.webhook.source import Webhook
from watcher.ports.clock import Clock
from watcher.ports.hints import Posted, Receipt

KEY = "key-of-the-webhook-that-nobody-may-see"
OTHER_KEY = "another-key-that-is-long-enough"
A = "0x503828976d22510aad0201ac7ec88293211d23da"
B = "0xbe3f4b43db5eb49d1f48f53443b9abce45da3b79"
STRANGER = "0x00000000000000000000000000000000000000ff"
SOL = "CKs1E69a2e9TmH4mKKLrXFF8kD3ZnwKjoEuXa6sz9WqX"
WATCHED = (
    Account("coinstats", "ethereum", A),
    Account("coinstats", "base-wallet", A),
    Account("coinstats", "ethereum", B),
    Account("coinstats", "solana", SOL),
)
TX = "0x7a4a39da2a3fa1fc2ef88fd1eaea070286ed2aba21e0419dcfb6d5c5d9f02a72"
NONCE = "nonce-0123456789"


def mac(message: bytes, key: str = KEY) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def alchemy(body: bytes, key: str = KEY) -> dict[str, str]:
    return {"x-alchemy-signature": mac(body, key)}


def quicknode(body: bytes, at: datetime, nonce: str = NONCE, key: str = KEY) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    signature = mac((nonce + seconds).encode() + body, key)
    return {"x-qn-nonce": nonce, "x-qn-timestamp": seconds, "x-qn-signature": signature}


def generic(body: bytes, at: datetime, nonce: str = NONCE, key: str = KEY) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    signature = "sha256=" + mac(f"{seconds}.{nonce}.".encode() + body, key)
    return {"x-watcher-nonce": nonce, "x-watcher-timestamp": seconds, "x-watcher-signature": signature}


def hints(*addresses: str, **more: str) -> bytes:
    """A body of our own scheme."""
    return json.dumps({"hints": [{"address": each, **more} for each in addresses]}).encode()


def activity(*sides: str, network: str = "ETH_MAINNET", tx: str = TX, removed: bool = False) -> bytes:
    """What Alchemy posts about one transfer (the example in its document, cut down)."""
    sender, receiver = (*sides, STRANGER)[:2]
    topics = ["0xddf2", topic(sender), topic(receiver)]
    one = {
        "blockNum": "0xdf34a3", "hash": tx, "fromAddress": sender, "toAddress": receiver, "value": 293.09,
        "erc721TokenId": None, "asset": "USDC", "category": "token",
        "log": {"transactionHash": tx, "removed": removed, "topics": topics},
    }  # fmt: skip
    event = {"network": network, "activity": [one]}
    told = {"webhookId": "wh_k6", "id": "whevt_vq", "createdAt": "2024-01-23T07:42:26.411977228Z"}
    return json.dumps({**told, "type": "ADDRESS_ACTIVITY", "event": event}).encode()


def topic(address: str) -> str:
    return "0x" + 24 * "0" + address[2:]


def spent() -> bytes:
    """What Alchemy posts when the month's units are used up (its FAQ)."""
    event = {"error": "Monthly capacity limit exceeded. Visit https://dashboard.alchemy.com"}
    return json.dumps({"webhookId": "wh_k6", "type": "ADDRESS_ACTIVITY", "event": event}).encode()


def webhook(
    scheme: str = "generic",
    *,
    key: str | Sequence[str] = KEY,
    chains: Mapping[str, str] | None = None,
    accounts: Sequence[Account] = WATCHED,
    clock: Clock | None = None,
    name: str = "hook",
) -> Webhook:
    if chains is None and scheme == "alchemy":
        chains = {"ETH_MAINNET": "ethereum", "BASE_MAINNET": "base-wallet"}
    settings = WebhookSettings.model_validate(
        {"kind": "webhook", "scheme": scheme, "signing_key": key, "chains": chains or {}}
    )
    built = settings.build(HintContext(name, accounts, clock or FakeClock()))
    assert isinstance(built, Webhook)
    return built


def post(hook: Webhook, body: bytes, headers: Mapping[str, str], at: datetime) -> Receipt:
    return hook.receive(Posted({key.lower(): value for key, value in headers.items()}, body, at))


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
