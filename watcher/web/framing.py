"""What all pages share: the templates, and one look from which whoever asks within a moment is served."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from watcher.domain.display import amount, full, moment, money, price
from watcher.domain.model import Account
from watcher.notify.markup import clean
from watcher.report import Row
from watcher.web import words
from watcher.web.looking import Look, Looker

ROWS = 100
"""Rows of a page of a table."""

KEPT = 64


class Frame:
    """Renders from one look at a time; what was rendered from it is kept as long as it is fresh."""

    def __init__(self, looker: Looker) -> None:
        self.looker = looker
        self._html = Environment(
            loader=PackageLoader("watcher.web"), autoescape=select_autoescape(default=True),
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._html.filters.update(
            clean=clean, moment=moment, age=words.age, counted=words.counted, whole=words.whole,
            digits=lambda text: full(Decimal(text)), amount=lambda text: amount(Decimal(text)),
            money=lambda text: money(Decimal(text)), price=lambda text: price(Decimal(text)),
        )  # fmt: skip

    async def page(
        self, request: web.Request, render: Callable[[Look], str], *, keep: bool = True
    ) -> web.Response:
        """What `render` makes of the newest look, made beside the loop."""
        look = await self.looker.look()
        body = look.pages.get(request.path_qs) if keep else None
        if body is None:
            body = (await self.looker.work(lambda: render(look))).encode("utf-8", "backslashreplace")
            if keep and len(look.pages) < KEPT:
                look.pages[request.path_qs] = body
        return web.Response(body=body, content_type="text/html", charset="utf-8")

    def render(self, template: str, look: Look, **values: Any) -> str:
        return self._html.get_template(template).render(
            look=look, now=look.at, late=lambda row: self.late(row, look), **values
        )

    def bare(self, template: str, **values: Any) -> str:
        """A page that shows nothing of the store."""
        return self._html.get_template(template).render(**values)

    def late(self, row: Row, look: Look) -> bool:
        wallet = self.looker.wallets[Account(row["source"], row["chain"], row["address"])]
        return words.late(row, wallet, look.at)
