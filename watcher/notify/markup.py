"""Markup of messages: title and body in plain text, Markdown or HTML. Pure.

Every text may come from an API: a token's name can hold terminal escapes, Markdown, HTML, links,
mentions, or marks that turn the reading direction. All of it is shown as text, none of it acts.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import SHORT_ID
from watcher.domain.messages.presentation import Ways
from watcher.domain.records import Record
from watcher.domain.values.text import clean
from watcher.notify.notice import Entry, measured, notice, of_many
from watcher.ports.channel import PLAINLY, Presentation

MOST_LISTED = 100
"""Alerts that one notification lists; the rest is counted."""

MOST_MEASURED = 5
"""Of the alerts of one rule that are listed as one, the worst that are named."""

MOST_DETAILED = 10
"""With more alerts than this in one notification, their facts are left out."""

_BREAK = "\N{ZERO WIDTH SPACE}"
_LINK = re.compile(r"://|(?<=\w)\.(?=[^\W\d_]{2})|(?i:(?<=javascript):|(?<=mailto):)")
_MARKED = re.compile(r"[\\`*_~\[\]<>|@#&{}!]|" + _LINK.pattern)
_ESCAPED = re.compile(r"[\\`*_~\[\]<>|#]")


def _defuse(text: str) -> str:
    """Break what chats and mail programs turn into links and mentions, invisibly."""
    broken = _LINK.sub(lambda match: match[0][:1] + _BREAK + match[0][1:], text)
    return broken.replace("@", "@" + _BREAK)


def plain(text: str) -> str:
    """Untrusted text for a place without markup."""
    return _defuse(clean(text))


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39)) or '-'}`"


def _markdown(text: str) -> str:
    """As it is if nothing in it could act, otherwise as code: no chat reads markup inside code."""
    line = clean(text)
    return _code(_defuse(line)) if _MARKED.search(line) else line


def _markdown_title(text: str) -> str:
    return _ESCAPED.sub(lambda match: "\\" + match[0], plain(text))


def _html(text: str) -> str:
    return html.escape(plain(text))


class Style(Record, frozen=True):
    """Style of one format, part by part. `title` is for services that put the title into the body."""

    name: str
    text: Callable[[str], str]
    title: Callable[[str], str]
    link: Callable[[str, str], str]
    """A label and a web address of ours."""
    code: Callable[[str], str]
    bold: Callable[[str], str]
    newline: str


PLAIN = Style("text", plain, plain, "{}: {}".format, clean, lambda text: text, "\n")
MARKDOWN = Style(
    "markdown",
    _markdown,
    _markdown_title,
    "[{}]({})".format,
    lambda text: _code(clean(text)),
    lambda text: f"**{text}**",
    "\n",
)
HTML = Style(
    "html",
    _html,
    _html,
    lambda label, url: f'<a href="{html.escape(url)}">{html.escape(label)}</a>',
    lambda text: f"<code>{html.escape(clean(text))}</code>",
    lambda text: f"<b>{text}</b>",
    "<br>\n",
)
STYLES = {style.name: style for style in (PLAIN, MARKDOWN, HTML)}


SPARE = 24
"""Characters that are left for what a service puts around a text."""


class Space(Record, frozen=True):
    """Space that a service has: characters in all, in the title (0: the title goes into the body).

    `measure` says how long the service finds a text, which may grow by its own escaping.
    """

    total: int = 32768
    title: int = 250
    measure: Callable[[str], int] = len


class Rendered(Record, frozen=True):
    """Text of one notification."""

    title: str
    body: str


def render(
    deliveries: Sequence[Delivery], style: Style, space: Space, shown: Presentation = PLAINLY
) -> Rendered:
    """Text of one notification for one or several deliveries, never longer than the service takes."""
    said = notice(deliveries, shown)
    entries = said.entries
    title = (style.title if space.title <= 0 else plain)(said.title) or "-"
    above: list[str] = []
    if 0 < space.title < len(title):
        # The title is always whole: what its own place cannot hold stands on top of the body.
        above = [style.bold(style.title(said.title))]
        title = title[: space.title - 1] + "…"
    if space.title <= 0:
        title = _cut(title, space.total - SPARE, style, space)
    room = space.total - space.measure(title) - SPARE
    below = [style.text(said.note)] if said.note else []
    if len(entries) == 1:
        facts, origin = facts_of(entries[0], style), _origin(entries[0], style)
        return Rendered(title, _fit(above, facts, [origin, *below], style, space, room))
    if len(entries) <= MOST_DETAILED:
        body = _join([*above, *_blocks(entries, style), *below], style).removeprefix(style.newline)
        if space.measure(body) <= room:
            return Rendered(title, body)
    above.append(style.text(said.summary))
    lines, left = _grouped(entries, style)
    return Rendered(title, _fit(above, lines, below, style, space, room, left))


def facts_of(entry: Entry, style: Style) -> list[str]:
    """Its lines, each with its label."""
    return [
        f"{style.bold(style.title(label) + ':')} {style.text(value)}" if label else style.text(value)
        for label, value in entry.lines
    ]


def _origin(entry: Entry, style: Style) -> str:
    """Where it is, its ids, and the ways on from here."""
    return " · ".join([origin_of(entry, style), *links_of(entry, style)])


def origin_of(entry: Entry, style: Style) -> str:
    """Where it is, and its ids: `watcher ack` takes the short one."""
    rules = ", ".join(style.code(each) for each in entry.rules)
    ids = ", ".join(map(style.code, entry.delivery_ids))
    parts = [
        style.text(entry.place) if entry.place else "",
        f"rule {rules}",
        f"alert {style.code(entry.id)}" if entry.id else "",
        f"delivery {ids}",
    ]
    return " · ".join(part for part in parts if part)


def links_of(entry: Entry, style: Style) -> list[str]:
    return [style.link(label, url) for label, url in ways_on(entry.ways)]


def ways_on(ways: Ways) -> list[tuple[str, str]]:
    """The ways on that there are, each with what it is called."""
    named = [("Open", ways.page), ("Acknowledge", ways.acknowledge), *ways.explorers.items()]
    return [(label, url) for label, url in (*named, ("Runbook", ways.runbook)) if url]


def _blocks(entries: Sequence[Entry], style: Style) -> list[str]:
    """Each alert of several with its lines, under a line of its own with air above."""
    lines = []
    for each in entries:
        head = f"• {style.bold(each.mark)}: {style.text(each.title)}"
        lines.append(_join(["", head, *facts_of(each, style), _origin(each, style)], style))
    return lines


def _grouped(entries: Sequence[Entry], style: Style) -> tuple[list[str], int]:
    """A line for each alert; what many have in common is said once, with the worst of them. Also how many
    are left out."""
    groups: dict[tuple[str, tuple[str, ...]], list[Entry]] = {}
    for each in entries:
        groups.setdefault((each.mark, each.rules), []).append(each)
    lines, shown = [], 0
    for (mark, _), group in groups.items():
        if len(group) > MOST_DETAILED:
            worst = list(dict.fromkeys(measured(each) for each in group))
            more = f" and {len(group) - MOST_MEASURED:,} more" if len(worst) > MOST_MEASURED else ""
            said = f"{of_many(group)}: {', '.join(worst[:MOST_MEASURED])}{more}"
            ways = [style.link(label, url) for label, url in ways_on(group[0].ways) if label == "Open"]
            ids = f"delivery {style.code(group[0].chosen.id[:SHORT_ID])} and {len(group) - 1:,} more"
            first = " · ".join([ids, *ways])
            lines.append(_join([f"• {style.bold(mark)}: {style.text(said)}", first], style))
            shown += len(group)
            continue
        for each in group:
            if len(lines) < MOST_LISTED:
                head = f"• {style.bold(mark)}: {style.text(each.title)}"
                lines.append(_join([head, _origin(each, style)], style))
                shown += 1
    return lines, len(entries) - shown


def _join(lines: Sequence[str], style: Style) -> str:
    return style.newline.join(lines)


def _fit(
    above: list[str],
    lines: list[str],
    below: list[str],
    style: Style,
    space: Space,
    room: int,
    beyond: int = 0,
) -> str:
    """As many of the lines as there is room for; the rest is counted, never silently dropped.

    `beyond`: how many more there are than lines.
    """

    def shown(count: int) -> str:
        left = len(lines) - count + beyond
        more = [f"… and {left:,} more, see {style.code('watcher outbox')}"] if left else []
        return _join([*above, *lines[:count], *more, *below], style)

    if space.measure(shown(len(lines))) <= room:
        return shown(len(lines))
    count = bisect_right(range(len(lines)), room, key=lambda count: space.measure(shown(count)))
    text = shown(max(count - 1, 0))
    for fewer in ([*above, *below], above):  # an SMS has room for one line or two
        if space.measure(text) > room:
            text = _join(fewer, style)
    return _cut(text, room, style, space)


def _cut(text: str, room: int, style: Style, space: Space) -> str:
    """The beginning of plain text; markup would be broken by that, and is short where it is used."""
    if style is not PLAIN or space.measure(text) <= room:
        return text
    length = bisect_right(range(len(text)), room - 1, key=lambda count: space.measure(text[:count]))
    return text[: max(length - 1, 0)] + "…" if room > 0 else ""
