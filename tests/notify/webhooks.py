"""A receiver of webhooks that checks all it is sent as its owner would, and answers as it is told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
from aiohttp import web

from watcher.notify.webhook.channel import WebhookChannel
from watcher.notify.webhook.settings import WebhookChannelSettings
from watcher.ports.channel import PLAINLY, Presentation

SECRET = "0123456789abcdef0123456789abcdef"
TOKEN = "t0ken-in-the-path"
PATH = "%2Fa/?to=b%2Bc&d"
DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "reference" / "webhook-message.schema.json").read_text(encoding="utf-8"))


def paper() -> str:
    """What is written about webhooks for their users."""
    return (DOCS / "channels" / "webhook.md").read_text(encoding="utf-8")


@dataclass
class Machine:
    """`script`: what the next posts are answered with, as status, headers and words; then it takes them.

    It takes each delivery once, as the documents advise, and nothing that breaks the schema or is not signed.
    """

    script: list[tuple[int, dict[str, str], str]] = field(default_factory=list)
    alertmanager: bool = False
    port: int = 0
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)
    refuses: str = ""
    """It refuses for good whatever contains this."""
    vanish: int = 0
    """So many posts are taken, and their connection is cut before the answer."""

    def __post_init__(self) -> None:
        self._arrived = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{TOKEN}{PATH}"

    async def until(self, wanted: Callable[[list[dict[str, Any]]], bool], within: float = 60) -> None:
        """Wait until what was taken satisfies `wanted`."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: wanted(list(self.taken.values())))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = await self._answer(request)
        async with self._arrived:
            self._arrived.notify_all()
        return answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.posts.append((dict(request.headers), body))
        if self.script:
            status, headers, words = self.script.pop(0)
            return web.Response(status=status, headers=headers, text=words)
        if self.refuses and self.refuses.encode() in body:
            return web.Response(status=413)
        try:
            self._take(request, body)
        except (AssertionError, KeyError, ValueError, jsonschema.ValidationError) as error:
            self.wrong.append(f"{type(error).__name__} {error}")
            return web.Response(status=400, text="not as it was agreed")
        if self.vanish:
            self.vanish -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=204)

    def _take(self, request: web.Request, body: bytes) -> None:
        assert (request.method, request.raw_path) == ("POST", f"/hooks/{TOKEN}{PATH}")
        assert request.content_type == "application/json"
        assert is_genuine(SECRET, request.headers, body)
        found = json.loads(body)
        if self.alertmanager:
            alerts = {each["annotations"]["delivery_id"]: each for each in found["alerts"]}
        else:
            jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
            assert found["delivery"] == request.headers["Watcher-Delivery"]
            alerts = {each["delivery_id"]: each for each in found["alerts"]}
        self.repeats += len(alerts.keys() & self.taken.keys())
        self.taken |= {key: alert for key, alert in alerts.items() if key not in self.taken}

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.posts]


def is_genuine(secret: str, headers: Any, body: bytes) -> bool:
    """Written anew, from the documents."""
    at = headers["Watcher-Timestamp"]
    assert abs(datetime.now(UTC).timestamp() - int(at)) < 60
    found = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v1={found}", headers["Watcher-Signature"])


@asynccontextmanager
async def machine(port: int = 0, **words: Any) -> AsyncIterator[Machine]:
    here = Machine(**words)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", here.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    here.port = runner.addresses[0][1]
    try:
        yield here
    finally:
        await runner.cleanup()


def hook(url: str, shown: Presentation = PLAINLY, **words: Any) -> WebhookChannel:
    written = {"url": url, "secret": SECRET, "timeout": "5s", **words}
    return WebhookChannelSettings.model_validate(written).build("ops", shown)
