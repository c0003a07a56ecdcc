"""Keyboard under a message of Telegram: buttons that say a command, and buttons that open a page. Pure."""

from __future__ import annotations

from collections.abc import Collection

from watcher.domain.values.text import clean
from watcher.notify.markup import ways_on
from watcher.notify.notice import Entry, Notice
from watcher.ports.chat import MOST_WHOLE, acknowledging, buttons

MOST_ROWS = 10
"""Alerts of one message that have buttons, the gravest; the others are answered by commands."""

LONGEST_LABEL = 40
"""Characters of an alert's words on a button."""

MOST_LINKS = 4

Keyboard = list[list[dict[str, str]]]
"""Rows of buttons, as the API takes them."""


def keyboard_for(said: Notice, *, answered: bool) -> Keyboard:
    """The buttons under one notification. `answered`: whether the bot hears who presses one."""
    entries = said.entries[:MOST_ROWS]
    rows: Keyboard = []
    for entry in entries if answered else ():
        rows += _answers(entry, alone=len(said.entries) == 1, whole=len(said.entries) <= MOST_WHOLE)
    if len(said.entries) == 1:
        rows += _pairs(_links(said.entries[0], answered=answered))
    return rows


def without_links(keyboard: Keyboard) -> Keyboard:
    """The same without what opens a page."""
    rows = [[button for button in row if "url" not in button] for row in keyboard]
    return [row for row in rows if row]


def without_acknowledging(keyboard: Keyboard, deliveries: Collection[str]) -> Keyboard:
    """The same without the buttons that acknowledge these deliveries."""
    done = {acknowledging(identity).says for identity in deliveries}
    rows = [[button for button in row if button.get("callback_data") not in done] for row in keyboard]
    return [row for row in rows if row]


def _answers(entry: Entry, *, alone: bool, whole: bool) -> Keyboard:
    """What can be answered to one alert; of several each says which it is."""
    found = buttons(entry.message, entry.chosen.id)
    if not found:
        return []
    first, *others = ({"text": each.label, "callback_data": each.says} for each in found)
    if not alone:
        first["text"] = f"{first['text']}: {_cut(clean(entry.brief))}"
    if alone:
        *silences, explain = others
        return [[first, explain], silences]
    return [[first], others] if whole else [[first]]


def _links(entry: Entry, *, answered: bool) -> list[dict[str, str]]:
    found = [
        (label, url) for label, url in ways_on(entry.ways) if not (answered and url == entry.ways.acknowledge)
    ]
    links = [{"text": _cut(clean(label)), "url": url} for label, url in found]
    return links[:MOST_LINKS]


def _pairs(links: list[dict[str, str]]) -> Keyboard:
    return [links[at : at + 2] for at in range(0, len(links), 2)]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
