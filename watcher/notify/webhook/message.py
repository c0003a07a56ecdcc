"""JSON of a webhook in our own format, versioned; docs/reference/webhook-message.schema.json is made from it.

Fields are only ever added within a version. Names and words of an alert may come from an API: they are text,
and whoever shows them escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.records import Record
from watcher.domain.values.formatting import plain
from watcher.domain.values.text import clean, visible
from watcher.notify.notice import notice
from watcher.notify.urgency import Urgency, urgency_of
from watcher.ports.channel import Presentation

Number = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""A decimal number with every digit. As a number of JSON most readers would round it."""

State = Literal["firing", "resolved", "event", "notice", "report", "test"]

_STATES: Mapping[Kind, State] = {
    Kind.FIRING: "firing",
    Kind.REPEAT: "firing",
    Kind.ESCALATION: "firing",
    Kind.RESOLVED: "resolved",
    Kind.WITHDRAWN: "resolved",
    Kind.EVENT: "event",
    Kind.NOTICE: "notice",
    Kind.REPORT: "report",
    Kind.TEST: "test",
}


MOST = 100
"""Alerts in one body: some 200 KB, which most receivers take. More are several bodies."""


class Post(Record, frozen=True):
    """Body of one POST. `delivery`: its name, the same at each attempt."""

    delivery: str
    body: bytes


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )


class WebhookFact(_Part):
    """Label and value, as people read them."""

    label: str
    value: str


class WebhookLinks(_Part):
    """Web addresses; null where there is none."""

    page: str | None = None
    """The alert on the status page."""
    acknowledge: str | None = None
    """Where one tap acknowledges it. Whoever has it can do so: do not publish it."""
    explorers: dict[str, str]
    """Name of a block explorer → its page of the account."""
    runbook: str | None = None


class WebhookAlert(_Part):
    """One transition of an alert, one change, or one notice. What is not known, or has no meaning here, is
    null."""

    delivery_id: str
    """The same at each attempt: what came under it before is a repeat. `watcher outbox` knows it."""
    dedup_key: str
    """The same from firing to resolved, and another one for each change."""
    alert_id: str | None = None
    """What `watcher ack` takes; null for what is no alert."""
    kind: Kind
    state: State
    """`firing` until `resolved`. The others have no end."""
    severity: Severity
    urgency: Urgency
    """How loudly it asks for people, as `priority:` of the channel has it."""
    rule: str
    subject: str
    """What the rule is about here: the same as long as the rule and the wallet keep their names."""
    wallet: str | None = None
    source: str | None = None
    chain: str | None = None
    address: str | None = None
    asset: str | None = None
    """Contract, coin id or UniqueAssetId."""
    symbol: str | None = None
    """Anybody can name a token anything."""
    tags: list[str]
    amount_before: Number | None = None
    amount_after: Number | None = None
    """After a change, or held now. Natural units: 1.5 is one and a half ETH."""
    price_before_usd: Number | None = None
    price_after_usd: Number | None = None
    value_before_usd: Number | None = None
    value_after_usd: Number | None = None
    at: datetime
    """When this was decided."""
    since: datetime | None = None
    """When the alert began; of a change, the reading before."""
    until: datetime | None = None
    """Of a change, the reading that showed it."""
    because: str | None = None
    """Why the rule was met, or no longer is."""
    title: str
    facts: list[WebhookFact]
    """The lines of the message, as other channels show them."""
    links: WebhookLinks


class WebhookMessage(_Part):
    """What is posted: one or several alerts. Of one alert the beginning comes before the end."""

    version: Literal[1] = 1
    """Fields may be added within a version; none changes its meaning."""
    delivery: str
    """The same at each attempt, as the header Watcher-Delivery."""
    sent_at: datetime
    receiver: str
    """Name of the channel in the configuration."""
    alerts: Annotated[list[WebhookAlert], Field(min_length=1)]


def message_schema() -> dict[str, Any]:
    """JSON Schema of what is posted. Nothing that is added later makes a message invalid."""
    schema = WebhookMessage.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def message_posts(
    receiver: str,
    shown: Presentation,
    priority: Mapping[Severity, Urgency],
    deliveries: Sequence[Delivery],
    now: datetime,
) -> Iterator[list[Post]]:
    """What is posted for these deliveries, one body after the other."""
    for start in range(0, len(deliveries), MOST):
        some = deliveries[start : start + MOST]
        delivery = some[0].id if len(some) == 1 else short_id("post", *(each.id for each in some))
        alerts = [_alert(each, shown, priority) for each in some]
        message = WebhookMessage(delivery=delivery, sent_at=now, receiver=receiver, alerts=alerts)
        yield [Post(delivery, message.model_dump_json().encode())]


def _alert(delivery: Delivery, shown: Presentation, priority: Mapping[Severity, Urgency]) -> WebhookAlert:
    message, entry = delivery.message, notice([delivery], shown).entries[0]
    seen, ways = message.particulars, entry.ways
    return WebhookAlert(
        delivery_id=delivery.id,
        dedup_key=message.id,
        alert_id=message.id if is_of_alert(message) else None,
        kind=message.kind,
        state=_STATES[message.kind],
        severity=message.severity,
        urgency=urgency_of(message, priority),
        rule=message.rule,
        subject=visible(message.subject),
        tags=list(seen.tags),
        at=message.at,
        since=seen.since,
        until=seen.until,
        title=clean(entry.title),
        facts=[WebhookFact(label=clean(label), value=clean(value)) for label, value in entry.lines],
        links=WebhookLinks(
            page=ways.page or None,
            acknowledge=ways.acknowledge or None,
            explorers=dict(ways.explorers),
            runbook=ways.runbook or None,
        ),
        **known_of(message),
    )


def is_of_alert(message: Message) -> bool:
    """Whether it tells of an alert, which ends, and of which more may follow."""
    return message.kind.present or message.kind.final


def known_of(message: Message) -> dict[str, str]:
    """What is known of what a message is about, as text: amounts, prices and values with every digit."""
    seen = message.particulars
    words = {
        "wallet": message.wallet, "source": seen.source, "chain": seen.chain, "address": seen.address,
        "asset": seen.asset, "symbol": seen.symbol, "because": seen.because,
    }  # fmt: skip
    numbers = {
        "amount_before": seen.before, "amount_after": seen.after,
        "price_before_usd": seen.price_before, "price_after_usd": seen.price_after,
        "value_before_usd": seen.value_before,
        "value_after_usd": seen.value_after,
    }  # fmt: skip
    known = {name: clean(text) for name, text in words.items() if text}
    return known | {name: plain(number) for name, number in numbers.items() if number is not None}
