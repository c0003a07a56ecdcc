"""JSON of a webhook as Alertmanager sends it, version 4, so that an existing receiver of it takes ours.

Fields: prometheus.io, Alertmanager's configuration, webhook_config; and `template.Data` in its source. There
one body is one group of alerts, known by `groupKey`, and receivers open and close by that (Grafana OnCall) or
by each alert's `fingerprint` (Keep). With us each alert ends by itself, and no channel knows which others do
not: so each alert is a group of its own, and its labels are those that stay from its beginning to its end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Severity
from watcher.domain.values.text import clean
from watcher.notify.notice import notice
from watcher.notify.urgency import Urgency, urgency_of
from watcher.notify.webhook.message import Post, is_of_alert, known_of
from watcher.ports.channel import Presentation

NO_END = datetime(1, 1, 1, tzinfo=UTC)
"""What stands for the end of an alert that goes on: a time of zero, as Go writes it."""

SHOWN_FOR = timedelta(minutes=5)
"""A change is over as it is told: receivers that go by `endsAt` show it for so long."""

AT_ONCE = 8
"""Bodies under way at the same time: each is about another alert, so their order does not matter."""

Status = Literal["firing", "resolved"]
Words = Mapping[str, str]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class GroupedAlert(_Model):
    """Alert in a group."""

    status: Status
    labels: Words
    annotations: Words
    startsAt: datetime  # noqa: N815 (Alertmanager's names)
    endsAt: datetime  # noqa: N815
    generatorURL: str  # noqa: N815
    fingerprint: str


class AlertGroup(_Model):
    """Body of one post: a group, here of one alert."""

    version: Literal["4"] = "4"
    groupKey: str  # noqa: N815
    truncatedAlerts: Literal[0] = 0  # noqa: N815
    status: Status
    receiver: str
    groupLabels: Words  # noqa: N815
    commonLabels: Words  # noqa: N815
    commonAnnotations: Words  # noqa: N815
    externalURL: str  # noqa: N815
    alerts: Annotated[tuple[GroupedAlert, ...], Field(min_length=1)]


def group_posts(
    receiver: str,
    shown: Presentation,
    priority: Mapping[Severity, Urgency],
    deliveries: Sequence[Delivery],
    _now: datetime,
) -> Iterator[list[Post]]:
    """What is posted for these deliveries: of each alert the last news, in a body of its own."""
    last = list({group_id(each): each for each in deliveries}.values())
    for start in range(0, len(last), AT_ONCE):
        some = last[start : start + AT_ONCE]
        groups = [(each.id, alert_group(each, shown, priority, receiver)) for each in some]
        yield [Post(delivery, group.model_dump_json().encode()) for delivery, group in groups]


def group_id(delivery: Delivery) -> str:
    """What its group is known by: the alert. What has no end is its own, or one would hide the other."""
    return delivery.message.id if is_of_alert(delivery.message) else delivery.id


def alert_group(
    delivery: Delivery, shown: Presentation, priority: Mapping[Severity, Urgency], receiver: str
) -> AlertGroup:
    """The group that the last news of an alert makes."""
    message, entry = delivery.message, notice([delivery], shown).entries[0]
    identity = group_id(delivery)
    group = {"alert": identity, "alertname": message.rule}
    labels = {
        **group, "severity": message.severity.value, "subject": clean(message.subject),
        **({"wallet": clean(message.wallet)} if message.wallet else {}),
    }  # fmt: skip
    annotations = {
        **{name: text for name, text in known_of(message).items() if name != "wallet"},
        "summary": clean(entry.title),
        "description": "\n".join(f"{clean(label)}: {clean(value)}" for label, value in entry.lines),
        "kind": message.kind.value,
        "urgency": urgency_of(message, priority).value,
        "tags": ", ".join(message.particulars.tags),
        "delivery_id": delivery.id,
        "acknowledge_url": entry.ways.acknowledge,
        "runbook_url": entry.ways.runbook,
        "explorers": " ".join(entry.ways.explorers.values()),
    }
    annotations = {name: text for name, text in annotations.items() if text}
    began = message.particulars.since if is_of_alert(message) else None
    over = message.kind.final
    end = message.at if over else NO_END if message.kind.present else message.at + SHOWN_FOR
    alert = GroupedAlert(
        status="resolved" if over else "firing",
        labels=labels,
        annotations=annotations,
        startsAt=min(began or message.at, message.at),
        endsAt=end,
        generatorURL=entry.ways.page,
        fingerprint=identity,
    )
    key = ", ".join(f"{name}={json.dumps(text)}" for name, text in group.items())
    return AlertGroup(
        groupKey=f"{{}}:{{{key}}}",
        status=alert.status,
        receiver=receiver,
        groupLabels=group,
        commonLabels=labels,
        commonAnnotations=annotations,
        externalURL=entry.ways.page,
        alerts=(alert,),
    )
