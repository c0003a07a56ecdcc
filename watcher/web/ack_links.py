"""`/a/{delivery}`: a page with one button, which acknowledges what a message told, for whoever has its link.

To look changes nothing: chats fetch what is linked to in them. The word in the link is the authority, and no
login is asked for; it is never logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from aiohttp import web

from watcher.app.presentations import presentations
from watcher.commands.alerts import acknowledge, told
from watcher.config.web import WebSettings
from watcher.domain.alerts.events import Acknowledgeable, Event
from watcher.domain.alerts.lifecycle import Ack, Alert, AlertState
from watcher.domain.audit import Actor
from watcher.domain.messages.ack_links import TEST, LinkFault, LinkSigner
from watcher.domain.messages.delivery import Delivery
from watcher.domain.values.formatting import moment
from watcher.domain.values.text import visible
from watcher.notify.notice import notice
from watcher.ports.channel import PLAINLY, Presentation
from watcher.ports.queries import Queries
from watcher.web.connection_limits import ConnectionLimits
from watcher.web.login_throttle import MINUTE, LoginThrottle, asker, sender_of
from watcher.web.own_name import LONGEST_NAME, is_name, remember, remembered
from watcher.web.parameters import form_of
from watcher.web.snapshot import PageSnapshots

log = logging.getLogger(__name__)

PATH = "/a/"

NO_REFERRER = {"Referrer-Policy": "no-referrer"}
"""The word stands in the address: not even another page of ours, or a log before it, is told."""

_ID = re.compile(r"[0-9a-z]{1,64}")
_WHY = {
    LinkFault.FORGED: (403, "This link is not one of watcher's", "Open the one in the message again."),
    LinkFault.EXPIRED: (410, "This link has expired", "It is good for seven days. Acknowledge on the page."),
}
_TESTED = (200, "Links work", "This one came with a test message. In that of an alert a button stands here.")
_UNKNOWN = (404, "There is nothing to acknowledge", "What this link was about is not kept any more.")


class Linked(NamedTuple):
    """What a link is about, and how the channel of its message shows it."""

    delivery: Delivery
    what: Acknowledgeable
    shown: Presentation


class RefusedLinkError(Exception):
    """A link that is not taken: the answer's status, and what people read."""

    def __init__(self, status: int, title: str, text: str, about: Linked | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.text, self.about = status, title, text, about


class AckLinks:
    """Checks links, shows what they are about, and acknowledges by the same command as everything else."""

    def __init__(
        self,
        snapshots: PageSnapshots,
        settings: WebSettings,
        limits: ConnectionLimits,
        page: Callable[..., str],
    ) -> None:
        """`page`: renders a template."""
        self._snapshots, self._settings, self._limits, self._page = snapshots, settings, limits, page
        self._signer = LinkSigner(settings.link_secret) if settings.link_secret else None
        self._presented = presentations(snapshots.settings)
        self._throttle = LoginThrottle()

    def routes(self) -> list[web.RouteDef]:
        if self._signer is None:
            return []
        path = f"{PATH}{{delivery}}"
        return [web.get(path, self.show), web.post(path, self.acknowledge)]

    async def show(self, request: web.Request) -> web.Response:
        """What it is about, and the button. Changes nothing."""
        try:
            linked = await self._linked(request)
        except RefusedLinkError as refused:
            return self._refuse(request, refused)
        return self._answer(200, "ask", linked, name=remembered(request))

    async def acknowledge(self, request: web.Request) -> web.Response:
        """The button was pressed."""
        try:
            linked = await self._linked(request)
            name = _name(dict(await form_of(request)).get("by", ""))
            via = f"link in {linked.delivery.channel}"
            who = sender_of(request, self._settings.proxies)
            actor = Actor(name or via, via, self._snapshots.clock.now(), who)
            await self._acknowledge(linked, actor)
        except RefusedLinkError as refused:
            return self._refuse(request, refused)
        self._snapshots.forget()
        said = Ack.of(actor)
        log.info("%s", visible(f"acknowledged {said} ({via}): {linked.what.label}"))
        response = self._answer(200, "done", linked, title=f"Acknowledged {self._local(linked, said)}")
        if name:
            secure = (self._settings.url or "").startswith("https:")
            remember(response, name, base=self._settings.public_path, secure=secure)
        return response

    async def _acknowledge(self, linked: Linked, actor: Actor) -> None:
        store, identity = self._snapshots.store, linked.what.id
        found = await self._snapshots.work(lambda: acknowledge(store, actor, [identity]))
        for what in (*found.already, *found.idle):
            self._check(linked._replace(what=what))  # between look and press somebody was quicker
        if found.missing:
            raise RefusedLinkError(*_UNKNOWN)

    async def _linked(self, request: web.Request) -> Linked:
        """What a request's link is about. RefusedLinkError if there is nothing to be done with it."""
        identity = request.match_info["delivery"]
        self._check_word(request, identity, request.query.getall("t", []))

        def asking(reader: Queries) -> tuple[Delivery, Acknowledgeable] | None:
            delivery = reader.delivery(identity)
            what = told(reader, delivery.message.id) if delivery is not None else None
            return (delivery, what) if delivery is not None and what is not None else None

        found = await self._snapshots.ask(asking)
        if found is None:
            raise RefusedLinkError(*_UNKNOWN)
        delivery, what = found
        known = delivery.channel in self._snapshots.settings.channels
        linked = Linked(delivery, what, self._presented(delivery.channel) if known else PLAINLY)
        self._check(linked)
        return linked

    def _check_word(self, request: web.Request, identity: str, words: list[str]) -> None:
        """RefusedLinkError if the word in a link is not the right one, or that of a test message."""
        signer, now, fault = self._signer, self._snapshots.clock.now(), LinkFault.FORGED
        if signer is not None and len(words) == 1:
            found = signer.fault(identity, words[0], now)
            if found is None:
                return
            fault = found
            if signer.fault(identity, words[0], now, TEST) is None:
                raise RefusedLinkError(*_TESTED)
        if fault is LinkFault.FORGED:
            self._wrong(request)
        raise RefusedLinkError(*_WHY[fault])

    def _wrong(self, request: web.Request) -> None:
        """Count a forged link; the log says so now and then."""
        who = asker(request, self._settings.proxies)
        self._limits.warn("links", f"a forged link to acknowledge was refused, from {who}")
        if self._throttle.wrong(who, self._snapshots.clock.monotonic()):
            text = "too many wrong links from this address; wait a minute"
            raise web.HTTPTooManyRequests(text=text, headers={"Retry-After": f"{MINUTE:.0f}"})

    def _check(self, linked: Linked) -> None:
        """RefusedLinkError if it is over, or somebody has acknowledged it."""
        what = linked.what
        if isinstance(what, Alert) and what.state is not AlertState.FIRING:
            word = "was withdrawn" if what.closed else "resolved"
            at = f" at {moment(what.resolved_at)}" if what.resolved_at is not None else ""
            title = self._local(linked, f"It {word}{at}")
            raise RefusedLinkError(409, title, "There is nothing to acknowledge any more.", linked)
        if what.acknowledged is not None:
            title = self._local(linked, f"Already acknowledged {what.acknowledged}")
            raise RefusedLinkError(409, title, "Nothing more is to be done here.", linked)

    def _refuse(self, request: web.Request, refused: RefusedLinkError) -> web.Response:
        identity = request.match_info["delivery"]
        named = identity if _ID.fullmatch(identity) else "that is none"
        if refused.status not in (_TESTED[0], _WHY[LinkFault.FORGED][0]):
            log.info("%s", visible(f"a link to acknowledge delivery {named} was refused: {refused.title}"))
        return self._answer(refused.status, "refused", refused.about, title=refused.title, text=refused.text)

    def _answer(self, status: int, state: str, linked: Linked | None, **values: Any) -> web.Response:
        entry = notice([linked.delivery], linked.shown).entries[0] if linked is not None else None
        url = self._settings.url or ""
        text = self._page(
            "ack.html", state=state, entry=entry, event=linked is not None and isinstance(linked.what, Event),
            open=f"{url}/alerts/{linked.what.id}" if linked is not None else f"{url}/",
            **{"title": "", "text": "", "name": "", **values},
        )  # fmt: skip
        return web.Response(status=status, text=text, content_type="text/html", headers=NO_REFERRER)

    @staticmethod
    def _local(linked: Linked, text: object) -> str:
        return linked.shown.display.localised(str(text))


def _name(text: object) -> str:
    name = text.strip() if isinstance(text, str) else ""
    if not is_name(name):
        words = f"Write it on one line, with at most {LONGEST_NAME} characters, and try again."
        raise RefusedLinkError(400, "This name cannot be kept", words)
    return name
