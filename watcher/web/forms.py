"""Forms: each carries a word that no other site can know, and is taken from those who may act alone."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from aiohttp import web
from multidict import MultiMapping

from watcher.commands.alerts import LONGEST_TEXT, is_keepable
from watcher.domain.audit import Actor
from watcher.web.callers import caller_of
from watcher.web.parameters import form_of, path_below, refused

VIA = "page"
"""How it is kept that something was done from here."""


class Forms:
    """The words of the forms of these pages."""

    def __init__(self, secret: bytes, base: str = "") -> None:
        """`secret`: what the words are made from; empty if nothing may be done from the page.
        `base`: the path below which the pages are."""
        self._secret, self._base = secret, base

    @property
    def possible(self) -> bool:
        """Whether anything may be done from here."""
        return bool(self._secret)

    def word(self, path: str) -> str:
        """What the form that goes to `path` must carry; empty if there are no forms."""
        if not self.possible:
            return ""
        return hmac.new(self._secret, b"form " + path.encode(), hashlib.sha256).hexdigest()

    async def read(self, request: web.Request) -> MultiMapping[object]:
        """The fields of a form that was sent. 403 if who sent it may not act, or it is of another site."""
        if not caller_of(request).may_act:
            raise web.HTTPForbidden(text="you may look here, and not act")
        form, path = await form_of(request), path_below(self._base, request.path)
        given = form.get("form_token", "")
        if not isinstance(given, str) or not hmac.compare_digest(
            given.encode("utf-8", "replace"), self.word(path).encode()
        ):
            raise web.HTTPForbidden(text="this form is not of this page, or too old; load the page again")
        return form


def actor_of(request: web.Request, form: MultiMapping[object], now: datetime) -> Actor:
    """Who asks for what a form asks: under the name that it gives, or that of who sent it."""
    known = caller_of(request).name
    return Actor(text_in(form, "by", needed=not known) or known, VIA, now, request.remote or "")


def text_in(form: MultiMapping[object], field: str, *, needed: bool = True) -> str:
    """A text that can be kept. 400 if it cannot, or is needed and not there."""
    text = form.get(field, "")
    text = text.strip() if isinstance(text, str) else ""
    if (needed and not text) or not is_keepable(text):
        raise refused(f"{field} must be visible text, at most {LONGEST_TEXT} characters")
    return text
