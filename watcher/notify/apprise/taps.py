"""Taps: what a touch on a notification opens, at the services that have a place of their own for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.domain.messages.delivery import Delivery
from watcher.domain.records import Record
from watcher.domain.values.text import clean
from watcher.notify.notice import Entry, notice
from watcher.ports.channel import Presentation

MOST_BUTTONS = 3
"""Buttons that ntfy takes (`actionsMax` of its server)."""
LONGEST_LABEL = 40
"""Characters of an alert on its button, beside the word."""


class TapPlaces(Record, frozen=True):
    """Places of a plugin, each an attribute. `page`: what is opened; `label`: the words on it; `buttons`:
    more of them, as ntfy reads them."""

    page: str
    label: str = ""
    buttons: str = ""


PLACES: Mapping[str, TapPlaces] = {
    "NotifyNtfy": TapPlaces("click", buttons="_NotifyNtfy__actions"),
    "NotifyPushover": TapPlaces("supplemental_url", "supplemental_url_title"),
    "NotifyBark": TapPlaces("click"),
    "NotifyLauther": TapPlaces("click"),
    "NotifyTrigv": TapPlaces("supplemental_url"),
    "NotifyMacOSX": TapPlaces("click"),
    "NotifyPagerDuty": TapPlaces("click"),
    "NotifyILert": TapPlaces("click"),
    "NotifyIncidentIO": TapPlaces("click"),
    "NotifyFireHydrant": TapPlaces("click"),
}
"""The class name of apprise's plugin → its places."""


class TapSetter:
    """Setter of what a touch opens on one plugin; what its URL says there stays."""

    def __init__(self, plugin: Any) -> None:
        self._plugin = plugin
        places = PLACES.get(type(plugin).__name__, TapPlaces(""))
        self._page = "" if _has(plugin, places.page) else places.page
        self._label = places.label if self._page and not _has(plugin, places.label) else ""
        self._buttons = "" if _has(plugin, places.buttons) else places.buttons

    def set(self, deliveries: Sequence[Delivery], shown: Presentation) -> None:
        """Set it for the next send: the page of what the title says, and the ways on of one alert, or of one
        move that several rules tell; of several, how each of them is acknowledged."""
        if not self._page and not self._buttons:
            return
        entries = notice(deliveries, shown).entries
        page = entries[0].ways.page
        if self._page:
            setattr(self._plugin, self._page, page or None)
        if self._label:
            setattr(self._plugin, self._label, "Open" if page else None)
        if self._buttons:
            setattr(self._plugin, self._buttons, _buttons(entries))


def _has(plugin: Any, attribute: str) -> bool:
    return bool(attribute and getattr(plugin, attribute, None))


def _buttons(entries: Sequence[Entry]) -> str | None:
    """Buttons as JSON, which ntfy takes in a header (docs.ntfy.sh/publish, action buttons)."""
    if len(entries) == 1:
        ways = entries[0].ways
        places = [("Acknowledge", ways.acknowledge), *ways.explorers.items(), ("Runbook", ways.runbook)]
    else:
        labels = (f"Acknowledge {clean(each.brief)[:LONGEST_LABEL]}" for each in entries)
        places = list(zip(labels, (each.ways.acknowledge for each in entries), strict=True))
    found = [{"action": "view", "label": label, "url": place} for label, place in places if place]
    return json.dumps(found[:MOST_BUTTONS]) if found else None
