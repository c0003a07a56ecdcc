"""An inbox: takes what a webhook channel posts, and keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

Alert = dict[str, Any]


class Inbox:
    """Whoever is told. `alerts`: each one as it came, so that one that came twice stands there twice.
    `on_message`: told of each message, by its alerts, before they are kept."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.on_message: Callable[[list[Alert]], None] = lambda _alerts: None

    @property
    def deliveries(self) -> list[str]:
        """The id of each notification that came, in their order."""
        return [alert["delivery_id"] for alert in self.alerts]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        alerts = json.loads(await request.text())["alerts"]
        self.on_message(alerts)
        self.alerts += alerts
        return web.json_response({"ok": True})
