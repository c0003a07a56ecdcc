"""What can be done from the page: acknowledge an alert, silence its rule for a wallet.

Only where a token is set, by who has it, and only from a form of this page: each form carries a token
that no other site can know.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from aiohttp import web
from multidict import MultiMapping

from watcher.commands.alerts import LONGEST_TEXT, acknowledge, add_silence, is_keepable, matchers_of, told
from watcher.domain.alerts.lifecycle import Ack
from watcher.domain.values.durations import parse_duration
from watcher.ports.store import StoreAccess
from watcher.web.parameters import form_of
from watcher.web.snapshot import PageSnapshots

LONGEST = timedelta(days=30)


class Actions:
    """Writes to the store as the command line does; the daemon sees it at its next decision."""

    def __init__(self, snapshots: PageSnapshots, store: StoreAccess, secret: bytes) -> None:
        """`secret`: what the tokens of the forms are made from; empty if nothing may be done here."""
        self._snapshots, self._store, self._secret = snapshots, store, secret

    @property
    def possible(self) -> bool:
        """Whether anything may be done from here."""
        return bool(self._secret)

    def routes(self) -> list[web.RouteDef]:
        if not self.possible:
            return []
        return [web.post("/alerts/{id}/ack", self.ack), web.post("/alerts/{id}/silence", self.silence)]

    def form_token(self, path: str) -> str:
        """What the form that goes to `path` must carry; empty if there are no forms."""
        if not self.possible:
            return ""
        return hmac.new(self._secret, b"form " + path.encode(), hashlib.sha256).hexdigest()

    async def ack(self, request: web.Request) -> web.StreamResponse:
        """Whoever is named takes care of it."""
        form = await self._form(request)
        by, comment = _text(form, "by"), _text(form, "comment", needed=False)
        said = Ack(by, self._snapshots.clock.now(), comment, "page")
        name = request.match_info["id"]
        found = await self._snapshots.work(lambda: acknowledge(self._store, [name], said))
        if found.missing:
            raise web.HTTPNotFound(text="there is no such alert")
        for before in found.already:
            raise web.HTTPConflict(text=f"already acknowledged {before.acknowledged}")
        for alert in found.idle:
            raise web.HTTPConflict(text=f"the alert is {alert.state}: there is nothing to acknowledge")
        return self._back(name)

    async def silence(self, request: web.Request) -> web.StreamResponse:
        """Nobody is told of this rule on this wallet for a while."""
        form = await self._form(request)
        author, comment = _text(form, "by"), _text(form, "comment", needed=False)
        span, now, name = _span(form), self._snapshots.clock.now(), request.match_info["id"]

        def silencing() -> bool:
            with self._store.queries() as reader:
                alert = told(reader, name)
            if alert is None:
                return False
            rules, wallets = matchers_of(alert)
            add_silence(self._store, author, comment, now, span, rules=rules, wallets=wallets)
            return True

        if not await self._snapshots.work(silencing):
            raise web.HTTPNotFound(text="there is no such alert")
        return self._back(name)

    async def _form(self, request: web.Request) -> MultiMapping[object]:
        form = await form_of(request)
        given = form.get("form_token", "")
        if not isinstance(given, str) or not hmac.compare_digest(
            given.encode("utf-8", "replace"), self.form_token(request.path).encode()
        ):
            raise web.HTTPForbidden(text="this form is not of this page, or too old; load the page again")
        return form

    def _back(self, name: str) -> web.Response:
        self._snapshots.forget()
        return web.Response(status=303, headers={"Location": f"/alerts/{name}"})


def _text(form: MultiMapping[object], field: str, *, needed: bool = True) -> str:
    text = form.get(field, "")
    text = text.strip() if isinstance(text, str) else ""
    if (needed and not text) or not is_keepable(text):
        raise web.HTTPBadRequest(text=f"{field} must be visible text, at most {LONGEST_TEXT} characters")
    return text


def _span(form: MultiMapping[object]) -> timedelta:
    text = form.get("for", "")
    try:
        span = parse_duration(text if isinstance(text, str) else "")
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"for: {error}") from None
    if not timedelta(0) < span <= LONGEST:
        raise web.HTTPBadRequest(text="for must be at least 1s and at most 30d")
    return span
