"""Ways on from a message, as the configuration has them: the page, a link that acknowledges, explorers, and
the rule's own runbook."""

from __future__ import annotations

from collections.abc import Callable

from watcher.config.settings import Settings
from watcher.domain.messages.ack_links import LASTS, LinkSigner, purpose_of
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message
from watcher.domain.messages.presentation import Ways
from watcher.domain.values.explorers import explorers_of
from watcher.domain.values.text import is_plain_url


def ways_of(settings: Settings) -> Callable[[Delivery], Ways]:
    """The ways on from each delivery. The same delivery has the same ones at every attempt."""
    web = settings.web
    url = (web.url or "") if web is not None else ""
    secret = web.link_secret if web is not None else ""
    signer = LinkSigner(secret) if secret else None

    def ways(delivery: Delivery) -> Ways:
        about, purpose = delivery.message.particulars, purpose_of(delivery)
        acknowledge = ""
        if signer is not None and purpose:
            word = signer.word(delivery.id, delivery.created + LASTS, purpose)
            acknowledge = f"{url}/a/{delivery.id}?t={word}"
        return Ways(
            page=_page(url, delivery.message),
            acknowledge=acknowledge,
            explorers=explorers_of(about.chain, about.address, settings.explorers),
            runbook=_runbook(delivery.message),
        )

    return ways


def _page(url: str, message: Message) -> str:
    if not url:
        return ""
    return (
        f"{url}/" if message.kind in (Kind.NOTICE, Kind.REPORT, Kind.TEST) else f"{url}/alerts/{message.id}"
    )


def _runbook(message: Message) -> str:
    found = next((value for label, value in message.facts if label == "Runbook"), "")
    return found if is_plain_url(found) else ""
