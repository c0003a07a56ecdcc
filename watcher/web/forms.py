"""Forms: each carries a word that no other site can know, and is taken from those who may act alone."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime
from functools import cache

from aiohttp import web
from multidict import MultiDict, MultiMapping

from watcher.commands.alerts import LONGEST_TEXT, is_keepable
from watcher.domain.audit import Actor
from watcher.web.callers import Caller, How, caller_of
from watcher.web.login_throttle import Address, sender_of
from watcher.web.own_name import is_name, remember
from watcher.web.parameters import form_of, path_below, refused

VIA = "page"
"""How it is kept that something was done from here."""
SENT = web.RequestKey("form", MultiMapping[object])
SENDER = web.RequestKey("sender", str)
"""From which machine it came."""
WORD = "form_token"
NAME = "by"
"""The field in which people say who they are."""


class StaleFormError(web.HTTPForbidden):
    """A form of ours that is too old: of another login, or from before a restart. Nothing was done."""

    def __init__(self, form: MultiMapping[object]) -> None:
        super().__init__(text="this form is not of this page, or too old; load the page again")
        self.form = form


class Forms:
    """The words of the forms of these pages."""

    def __init__(self, base: str = "", *, possible: bool = False, proxies: Collection[Address] = ()) -> None:
        """`base`: the path below which the pages are. `possible`: whether anybody may act. `proxies`: those
        whose word for who asks is believed."""
        self._secret, self._base, self._proxies = form_secret(), base, proxies
        self.possible = possible

    def word(self, caller: Caller, path: str) -> str:
        """What the form that goes to `path` must carry; empty for those who may not send it."""
        if not caller.may_act:
            return ""
        told = f"form {caller.login}\n{path}".encode("utf-8", "replace")
        return hmac.new(self._secret, told, hashlib.sha256).hexdigest()

    async def check(self, request: web.Request) -> None:
        """See that what was sent is a form of ours, for this caller and address. StaleFormError if not."""
        form, caller = MultiDict(await form_of(request)), caller_of(request)
        word = form.get(WORD, "")
        given = word.encode("utf-8", "replace") if isinstance(word, str) else b""
        wanted = self.word(caller, path_below(self._base, request.path)).encode()
        right = hmac.compare_digest(given, wanted)
        if caller.how is not How.TOKEN and not (wanted and right):
            raise StaleFormError(form)
        if caller.signed_on:
            form[NAME] = caller.name  # whoever else somebody says to be
        request[SENT], request[SENDER] = form, sender_of(request, self._proxies)

    def keep_name(self, request: web.Request, response: web.StreamResponse, *, secure: bool) -> None:
        """Have the browser keep the name that somebody typed into a form which was right."""
        form = request.get(SENT)
        name = form.get(NAME, "") if form is not None and not caller_of(request).signed_on else ""
        if isinstance(name, str) and name.strip() and is_name(name.strip()):
            remember(response, name.strip(), base=self._base, secure=secure)

    async def read(self, request: web.Request) -> MultiMapping[object]:
        """The fields of a form that was sent, and found to be right before anything else was done."""
        return request[SENT]


@cache
def form_secret() -> bytes:
    """What the words are made from. It is nobody's token, is written nowhere, and lasts as long as the
    process: a reload spoils no form that somebody fills in."""
    return secrets.token_bytes(32)


def actor_of(request: web.Request, form: MultiMapping[object], now: datetime) -> Actor:
    """Who asks for what a form asks: under the name that it gives, or that of who sent it. By what they are
    known stands beside it, for anybody can type the name of another."""
    caller = caller_of(request)
    name = text_in(form, NAME, needed=not caller.name) or caller.name
    known = f", token {caller.token}" if caller.token else ", sign-on" if caller.signed_on else ""
    return Actor(name, VIA + known, now, request.get(SENDER, ""))


def text_in(form: MultiMapping[object], field: str, *, needed: bool = True) -> str:
    """A text that can be kept. 400 if it cannot, or is needed and not there."""
    text = form.get(field, "")
    text = text.strip() if isinstance(text, str) else ""
    if (needed and not text) or not is_keepable(text):
        raise refused(f"{field} must be visible text, at most {LONGEST_TEXT} characters")
    return text
