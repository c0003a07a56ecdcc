"""Incidents: services that open one for an alert, and close it when the alert is over.

Each alert is one incident there, from firing over its repeats to its end, known by the alert's id. What
happened once opens one that nothing closes. What the URL says of key or action stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from watcher.domain.messages.delivery import Delivery, NotSent, SendResult, Sent
from watcher.domain.messages.message import Kind, Message
from watcher.domain.records import Record, replace
from watcher.notify.apprise.sending import SendAttempt
from watcher.notify.apprise.urgency import UrgencySetter

PAUSE = 0.25
"""Seconds between two requests to such a service: an alert is one, and there may be many."""

MOST_NOTE = 25_000
"""Characters of a note that Opsgenie takes."""


class IncidentWords(Record, frozen=True):
    """Words of a plugin for an incident. `key`: the attribute with its key; `opens` and `closes`: values of
    its attribute `action`."""

    key: str
    opens: str
    closes: str
    in_short: bool = False
    """Whether the plugin makes all of the text the title: here the first line is, the rest is its details."""
    alerts: str = ""
    """The plugin's table of addresses by region, where an incident is closed by its alias; apprise closes
    only what the same process opened."""


SERVICES: Mapping[str, IncidentWords] = {
    "NotifyPagerDuty": IncidentWords("dedup", "trigger", "resolve", in_short=True),
    "NotifyOpsgenie": IncidentWords("alias", "new", "close", alerts="OPSGENIE_API_LOOKUP"),
    "NotifyJira": IncidentWords("alias", "new", "close", alerts="JIRA_API_LOOKUP"),
    "NotifySquadcast": IncidentWords("dedup", "trigger", "resolve"),
    "NotifyILert": IncidentWords("dedup", "trigger", "resolve"),
    "NotifyFireHydrant": IncidentWords("dedup", "trigger", "resolve"),
    "NotifyIncidentIO": IncidentWords("dedup", "trigger", "resolve"),
    "NotifyGoAlert": IncidentWords("dedup", "trigger", "close"),
    "NotifySIGNL4": IncidentWords("external_id", "trigger", "resolve"),
    "NotifyPagerTree": IncidentWords("thirdparty", "create", "resolve"),
    "NotifySplunk": IncidentWords("entity_id", "", "recovery"),
}
"""The class name of apprise's plugin → its words. Without `opens`, the urgency is the action."""


class _Step(Record, frozen=True):
    """One request: what it says, of which alert, and whether it closes."""

    told: tuple[Delivery, ...]
    alert: tuple[Delivery, ...]
    closes: bool


class IncidentTracker:
    """Tracker of incidents over one plugin; of what could be told in part only, it knows which part."""

    def __init__(self, plugin: Any, words: IncidentWords, urgency: UrgencySetter) -> None:
        self._plugin, self._words, self._urgency = plugin, words, urgency
        self._taken: set[str] = set()
        plugin.request_rate_per_sec = min(plugin.request_rate_per_sec, PAUSE)

    @classmethod
    def of(cls, plugin: Any, query: Mapping[str, str], urgency: UrgencySetter) -> IncidentTracker | None:
        """The tracker of a plugin; None if its service has no incidents, or the URL says how to name them."""
        words = SERVICES.get(type(plugin).__name__)
        if words is None or query.get("action", "map") != "map" or "status" in query:
            return None
        unnamed = (None, "", f"{plugin.app_id}/{getattr(plugin, 'routing_key', '')}")  # the last is Splunk's
        if getattr(plugin, words.key) not in unnamed:
            return None
        return cls(plugin, words, urgency)

    def requests(self, deliveries: Sequence[Delivery]) -> int:
        """How many requests a notification is."""
        return len(_steps(deliveries))

    def tell(
        self,
        deliveries: Sequence[Delivery],
        attempt: SendAttempt,
        send: Callable[[Sequence[Delivery], SendAttempt], SendResult],
    ) -> SendResult:
        """Result of a request for each alert, in order; the first that is not taken ends it.

        What was taken before is not asked for again: it would be harmless, but might never come to an end.
        """
        steps = _steps(deliveries)
        if len(steps) == 1:
            return self._ask(steps[0], attempt, send)
        for each in steps:
            mark = f"{each.closes} {' '.join(one.id for one in each.told)}"
            if mark in self._taken:
                continue
            result = self._ask(each, SendAttempt(only=attempt.only), send)
            if isinstance(result, NotSent):
                return replace(result, delivered_to=frozenset())
            self._taken.add(mark)
        self._taken.clear()
        return Sent()

    def _ask(
        self, step: _Step, attempt: SendAttempt, send: Callable[[Sequence[Delivery], SendAttempt], SendResult]
    ) -> SendResult:
        self._urgency.set(step.alert)
        identity = _key(step.alert[0].message)
        setattr(self._plugin, self._words.key, identity)
        if step.closes:
            self._plugin.action = self._words.closes
        elif self._words.opens:
            self._plugin.action = self._words.opens
        try:
            if step.closes and self._words.alerts:
                self._plugin.send = _closing(self._plugin, self._words.alerts, identity)
            elif self._words.in_short:
                self._plugin.send = _in_short(self._plugin)
            return send(step.told, attempt)
        finally:
            vars(self._plugin).pop("send", None)


def _key(message: Message) -> str:
    """The key of an incident. A notice has one of its own: that an alert flaps is said under the alert's id,
    and may be said last."""
    return f"notice.{message.id}" if message.kind is Kind.NOTICE else message.id


def _steps(deliveries: Sequence[Delivery]) -> list[_Step]:
    """What to ask for each alert. One that is over before anybody heard of it is opened too, as quietly as it
    ends, so that it can be found there."""
    alerts: dict[str, tuple[Delivery, ...]] = {}
    for each in deliveries:
        key = _key(each.message)
        alerts[key] = (*alerts.get(key, ()), each)
    found = []
    for told in alerts.values():
        present = tuple(each for each in told if not each.message.kind.final)
        if present:
            found.append(_Step(present, told, closes=False))
        if told[-1].message.kind.final:
            found.append(_Step(told, told, closes=True))
    return found


def _closing(plugin: Any, alerts: str, alias: str) -> Callable[..., bool]:
    """What stands in for a plugin's `send`: it closes by alias, as the alert API of Opsgenie says."""
    module = sys.modules[type(plugin).__module__]
    addresses: Mapping[str, str] = getattr(module, alerts)
    url = f"{addresses[plugin.region_name]}/{quote(alias, safe='')}/close"

    def send(body: str, title: str = "", **_: Any) -> bool:
        note = "\n".join(each for each in (title, body) if each)[:MOST_NOTE]
        payload = {"source": plugin.app_desc, "note": note}
        if plugin.user:
            payload["user"] = plugin.user
        taken, _id = plugin._fetch(module.requests.post, url, payload, {"identifierType": "alias"})  # noqa: SLF001
        return bool(taken)

    return send


def _in_short(plugin: Any) -> Callable[..., bool]:
    """What stands in for PagerDuty's `send`: the title as summary, the rest as custom details."""

    def send(body: str, **words: Any) -> bool:
        title, _, rest = body.partition("\n")
        own = plugin.details
        plugin.details = {"message": rest.strip(), **own} if rest.strip() else own
        try:
            return bool(type(plugin).send(plugin, body=title.strip(), **words))
        finally:
            plugin.details = own

    return send
