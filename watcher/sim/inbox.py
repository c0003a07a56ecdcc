"""An inbox: takes what a webhook channel posts, and keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

Alert = dict[str, Any]


class Inbox:
    """Whoever is told. `alerts`: each one as it came, so that one that came twice stands there twice."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.on_alert: Callable[[Alert], None] = lambda _alert: None

    @property
    def deliveries(self) -> list[str]:
        """The id of each notification that came, in their order."""
        return [alert["delivery_id"] for alert in self.alerts]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        for alert in json.loads(await request.text())["alerts"]:
            self.alerts.append(alert)
            self.on_alert(alert)
        return web.json_response({"ok": True})
