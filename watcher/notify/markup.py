"""Markup of messages: title and body in plain text, Markdown or HTML. Pure.

Every text may come from an API: a token's name can hold terminal escapes, Markdown, HTML, links,
mentions, or marks that turn the reading direction. All of it is shown as text, none of it acts.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.values.text import clean

MOST_LISTED = 100
"""Alerts that one notification lists; the rest is counted."""

MOST_IDS = 3
"""Delivery ids shown of one alert, the newest."""

MOST_DETAILED = 10
"""With more alerts than this in one notification, their facts are left out."""

SHORT = 8
"""Digits of an alert's id that messages show; commands take any part that only one alert begins with."""

_BREAK = "\N{ZERO WIDTH SPACE}"
_LINK = re.compile(r"://|(?<=\w)\.(?=[^\W\d_]{2})|(?i:(?<=javascript):|(?<=mailto):)")
_MARKED = re.compile(r"[\\`*_~\[\]<>|@#&{}!]|" + _LINK.pattern)
_RUNBOOK = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[A-Za-z0-9._~/%?&=#+-]*)?")
_ESCAPED = re.compile(r"[\\`*_~\[\]<>|#]")

_RANK = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}
_WORDS = {
    Kind.FIRING: ("firing", "firing"),
    Kind.REPEAT: ("still firing", "still firing"),
    Kind.ESCALATION: ("escalated", "escalated"),
    Kind.RESOLVED: ("resolved", "resolved"),
    Kind.WITHDRAWN: ("withdrawn", "withdrawn"),
    Kind.EVENT: ("change", "changes"),
    Kind.NOTICE: ("notice", "notices"),
    Kind.TEST: ("test", "tests"),
}

_OF_ALERTS = frozenset({Kind.FIRING, Kind.REPEAT, Kind.ESCALATION, Kind.RESOLVED, Kind.WITHDRAWN})
_BOTH = {Kind.RESOLVED: "fired and resolved", Kind.WITHDRAWN: "fired and withdrawn"}


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


@dataclass(frozen=True, slots=True)
class Style:
    """Style of one format, part by part. `title` is for services that put the title into the body."""

    name: str
    text: Callable[[str], str]
    title: Callable[[str], str]
    link: Callable[[str], str]
    code: Callable[[str], str]
    bold: Callable[[str], str]
    newline: str


PLAIN = Style("text", plain, plain, clean, clean, lambda text: text, "\n")
MARKDOWN = Style(
    "markdown",
    _markdown,
    _markdown_title,
    "<{}>".format,
    lambda text: _code(clean(text)),
    lambda text: f"**{text}**",
    "\n",
)
HTML = Style(
    "html",
    _html,
    _html,
    lambda url: f'<a href="{html.escape(url)}">{html.escape(url)}</a>',
    lambda text: f"<code>{html.escape(clean(text))}</code>",
    lambda text: f"<b>{text}</b>",
    "<br>\n",
)
STYLES = {style.name: style for style in (PLAIN, MARKDOWN, HTML)}


SPARE = 24
"""Characters that are left for what a service puts around a text."""


@dataclass(frozen=True, slots=True)
class Space:
    """Space that a service has: characters in all, in the title (0: the title goes into the body).

    `measure` says how long the service finds a text, which may grow by its own escaping.
    """

    total: int = 32768
    title: int = 250
    measure: Callable[[str], int] = len


@dataclass(frozen=True, slots=True)
class Rendered:
    """Text of one notification."""

    title: str
    body: str


Told = tuple[Delivery, ...]
"""What one notification says of one alert, in order: often one delivery, after a while more."""


def folded(deliveries: Sequence[Delivery]) -> list[Told]:
    """Deliveries by alert, one entry for each, in the order of its first delivery."""
    found: dict[str, Told] = {}
    for each in deliveries:
        found[each.message.id] = (*found.get(each.message.id, ()), each)
    return list(found.values())


def tone(deliveries: Sequence[Delivery]) -> str:
    """`failure`, `warning`, `info` or `success`: the colour of the whole notification. What was withdrawn
    is no success: nothing became better."""
    last = [told[-1].message for told in folded(deliveries)]
    bad = [message for message in last if not message.kind.final]
    if not bad:
        return "success" if all(message.kind is Kind.RESOLVED for message in last) else "info"
    worst = min((message.severity for message in bad), key=_RANK.__getitem__)
    return {Severity.CRITICAL: "failure", Severity.WARNING: "warning", Severity.INFO: "info"}[worst]


def render(deliveries: Sequence[Delivery], style: Style, space: Space) -> Rendered:
    """Text of one notification for one or several deliveries, never longer than the service takes."""
    entries = sorted(folded(deliveries), key=_gravity)
    heading = _heading(entries[0])
    if len(entries) > 1:
        heading += f" (+{len(entries) - 1:,} more)"
    title = (style.title if space.title <= 0 else plain)(heading) or "-"
    above: list[str] = []
    if 0 < space.title < len(title):
        # The title is always whole: what its own place cannot hold stands on top of the body.
        above = [style.bold(style.title(heading))]
        title = title[: space.title - 1] + "…"
    if space.title <= 0:
        title = _cut(title, space.total - SPARE, style, space)
    room = space.total - space.measure(title) - SPARE
    if len(entries) == 1:
        facts, origin = _facts(entries[0], style), _origin(entries[0], style)
        return Rendered(title, _fit(above, facts, [origin], style, space, room))
    above.append(style.text(_summary(entries)))
    shown, left = entries[:MOST_LISTED], len(entries) - MOST_LISTED
    for detailed in (True, False) if len(entries) <= MOST_DETAILED else (False,):
        lines = [_entry(told, style, detailed=detailed) for told in shown]
        body = _join([*above, *lines], style)
        if left <= 0 and space.measure(body) <= room:
            return Rendered(title, body)
    return Rendered(title, _fit(above, lines, [], style, space, room, max(left, 0)))


def _gravity(told: Told) -> tuple[bool, int]:
    """What is over comes after what is not, and what is grave first."""
    last = told[-1].message
    return last.kind.final, _RANK[last.severity]


def _summary(entries: Sequence[Told]) -> str:
    counts = Counter(_word(told, several=False) for told in entries)
    parts = []
    for one, several in [*_WORDS.values(), *((both, both) for both in _BOTH.values())]:
        if counts[one]:
            parts.append(f"{counts[one]:,} {several if counts[one] > 1 else one}")
    return f"{len(entries):,} alerts: {', '.join(parts)}"


def _word(told: Told, *, several: bool) -> str:
    """What became of it, as far as this notification tells."""
    if told[0].message.kind is Kind.FIRING and told[-1].message.kind.final:
        return _BOTH[told[-1].message.kind]
    return _WORDS[told[-1].message.kind][several]


def _heading(told: Told) -> str:
    """How bad it is and what became of it, then the words: those of a rule are the same when it resolves."""
    message = told[-1].message
    return message.title if message.kind is Kind.TEST else f"{_mark(told)}: {message.title}"


def _mark(told: Told) -> str:
    return f"{told[-1].message.severity.value}, {_word(told, several=False)}"


def _facts(told: Told, style: Style) -> list[str]:
    facts = told[-1].message.facts
    if _word(told, several=False) in _BOTH.values():
        facts = (*facts, ("Fired", told[0].message.title))
    return [f"{style.bold(style.title(label) + ':')} {_value(label, value, style)}" for label, value in facts]


def _value(label: str, value: str, style: Style) -> str:
    """The rule's runbook is the one link that works: it is the operator's own."""
    trusted = label == "Runbook" and _RUNBOOK.fullmatch(value)
    return style.link(value) if trusted else style.text(value)


def _origin(told: Told, style: Style) -> str:
    """Where to go on from here: `watcher ack` takes the short id."""
    message = told[-1].message
    ids = ", ".join(style.code(each.id) for each in told[-MOST_IDS:])
    alert = short_alert(message)
    parts = [
        f"rule {style.code(message.rule)}",
        f"alert {style.code(alert)}" if alert else "",
        f"delivery {ids}",
    ]
    return " · ".join(part for part in parts if part)


def short_alert(message: Message) -> str:
    """The short id of the alert that a message is about; empty if it is about none."""
    return message.id[:SHORT] if message.kind in _OF_ALERTS else ""


def _entry(told: Told, style: Style, *, detailed: bool) -> str:
    """One alert of several: with its facts a list under a line of its own, with air above."""
    message = told[-1].message
    head = f"• {style.bold(_mark(told))}: {style.text(message.title)}"
    if not detailed:
        return _join([head, _origin(told, style)], style)
    return _join(["", head, *_facts(told, style), _origin(told, style)], style)


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
