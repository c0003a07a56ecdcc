"""Blocks of Slack: one notification as a message, within Slack's limits. Pure.

The headline is a header, which Slack shows as plain text; the facts stand in an attachment, for the colour at
its side. `text` is what telephones show, and what is read aloud.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind
from watcher.domain.records import replace
from watcher.domain.values.text import clean
from watcher.notify.markup import MOST_DETAILED, Space, Style, facts_of, links_of, origin_of, plain, render
from watcher.notify.notice import COLOURS, Entry, Notice, notice, tone
from watcher.ports.channel import Presentation
from watcher.ports.chat import MOST_WHOLE, Button, acknowledging, buttons

Block = dict[str, Any]

MOST_HEADER = 150
"""Characters of a header (docs.slack.dev, header block)."""
MOST_SECTION = 3000
"""Characters of a section (section block)."""
MOST_CONTEXT = 2000
"""Characters of a text in a context block. No number is stated; it is that of other small texts."""
_MOST_TITLE, _MOST_FACTS, _MOST_WAYS = 600, 1500, 800
"""Characters of the parts of one alert's section."""
MOST_BLOCKS = 50
"""Blocks of a message."""
MOST_BYTES = 10_000
"""Bytes of all blocks of a message, as JSON. Slack has a limit (`msg_blocks_too_long`) and states no number;
others had 5,732 characters taken and 13,197 refused."""

_ROOM = 6000
"""Bytes of text in all sections; the rest is for what stands around it."""
_AROUND = 1000
"""Bytes of headline and mention, at most, as blocks."""
_FORMATTED = re.compile(r"[*_~`]")


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(text: str) -> str:
    """As it is if nothing in it could act, otherwise as code: Slack knows no escapes for its marks."""
    line = plain(text)
    return _quoted(line) if _FORMATTED.search(line) else _entities(line)


def _code(text: str) -> str:
    return _quoted(clean(text))


def _quoted(text: str) -> str:
    return f"`{_entities(text).replace('`', chr(39)) or '-'}`"


def _bold(text: str) -> str:
    return f"*{text}*"


def link(label: str, url: str) -> str:
    """A label and a web address of ours."""
    return f"<{_entities(url).replace('|', '%7C')}|{_entities(clean(label)).replace('|', '/')}>"


MRKDWN = Style("mrkdwn", _text, _text, link, _code, _bold, "\n")


def posted(deliveries: Sequence[Delivery], shown: Presentation, mention: str = "") -> dict[str, Any]:
    """The message for one or several deliveries, as `chat.postMessage` and `chat.update` take it.

    `mention`: who is called by it, as Slack writes that.
    """
    said = notice(deliveries, shown)
    return _message(said.title, _facts(said, deliveries, shown), tone(deliveries), mention)


def acknowledged(deliveries: Sequence[Delivery], shown: Presentation, text: str) -> dict[str, Any]:
    """What the message about one alert becomes when somebody acknowledged it: without that button, and with
    who did it."""
    said = notice(deliveries, shown)
    facts = [*_facts(said, deliveries, shown, settled=True), *_unmarked(_unacting(text))]
    return _message(said.title, facts, tone(deliveries))


def marked_over(deliveries: Sequence[Delivery], shown: Presentation) -> dict[str, Any]:
    """What the first message about an alert becomes when that is over: how it ended, without buttons."""
    said = notice(deliveries, shown)
    sign = "✓ " if said.entries[0].message.kind is Kind.RESOLVED else ""
    return _message(f"{sign}{said.title}", _facts(said, deliveries, shown), tone(deliveries))


def in_few_words(deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """The headline alone, in plain text: what is refused as it is may be taken so."""
    title = plain(notice(deliveries).title)
    return {"text": _entities(f"{title[:500]} (delivery {deliveries[-1].id})"), "mrkdwn": False}


def said_plainly(text: str) -> dict[str, Any]:
    """What people did, or what they asked for; their names act no more than any other text."""
    shown = _unacting(text)
    return {"blocks": _unmarked(shown), "text": _entities(shown)[:MOST_SECTION]}


def _message(title: str, facts: list[Block], colour: str, mention: str = "") -> dict[str, Any]:
    line = plain(title) or "-"
    head = line if len(line) <= MOST_HEADER else line[: MOST_HEADER - 1] + "…"
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": head, "emoji": False}}]
    if mention:
        blocks.insert(0, _section(mention))
    fallback = _entities(line[:MOST_SECTION])
    attachment = {"color": COLOURS[colour], "fallback": fallback, "blocks": facts}
    text = f"{mention} {fallback}".strip()
    return {"text": text, "blocks": blocks, "attachments": [attachment]}


def _facts(
    said: Notice, deliveries: Sequence[Delivery], shown: Presentation, *, settled: bool = False
) -> list[Block]:
    """What stands beside the colour: each entry with its facts, or all of them in short."""
    several = len(said.entries) > 1
    if len(said.entries) <= MOST_DETAILED:
        blocks = _sections(_text(said.summary)) if several else []
        for each in said.entries:
            blocks += [{"type": "divider"}] if several else []
            named = several or len(plain(said.title)) > MOST_HEADER
            answers = buttons(each.message, each.chosen.id) if shown.answered else ()
            if len(said.entries) > MOST_WHOLE:
                answers = answers[:1]
            blocks += _entry(each, answers, named=named, settled=settled)
        blocks += [_context(_text(said.note))] if said.note else []
        if len(blocks) <= MOST_BLOCKS - 2 and measured(blocks) <= MOST_BYTES - _AROUND:
            return blocks
    return _sections(render(deliveries, MRKDWN, Space(_ROOM, MOST_HEADER, _bytes), shown).body)


def _entry(entry: Entry, answers: Sequence[Button], *, named: bool, settled: bool) -> list[Block]:
    """One alert: its facts and ways on, then in small where it is and its ids, then what can be answered.

    `named`: whether its title stands there too, since the headline does not say all of it.
    """
    if answers:
        entry = replace(entry, ways=replace(entry.ways, acknowledge=""))  # a button does that
    head = [f"{_bold(_entities(entry.mark))}: {_short(entry.title)}"] if named else []
    facts, ways = facts_of(entry, MRKDWN), links_of(entry, MRKDWN)
    while sum(map(len, ways)) > _MOST_WAYS:
        ways.pop()
    lines = [*head, *_fitting(facts), " · ".join(ways)]
    blocks = [_section("\n".join(line for line in lines if line)), _context(origin_of(entry, MRKDWN))]
    left = [each for each in answers if not (settled and each == acknowledging(entry.chosen.id))]
    if left:
        blocks.append({"type": "actions", "elements": [_button(each) for each in left]})
    return blocks


def _short(title: str) -> str:
    """A title, which the entities in it make longer."""
    line = plain(title)
    while len(_text(line)) > _MOST_TITLE:
        line = line[: len(line) * 3 // 4].rstrip("…") + "…"
    return _text(line)


def _fitting(lines: list[str]) -> list[str]:
    """As many lines as there is room for; the rest is counted."""
    for count in range(len(lines), 0, -1):
        left = len(lines) - count
        more = [f"… and {left:,} more, see {_code('watcher outbox')}"] if left else []
        if sum(len(line) + 1 for line in (*lines[:count], *more)) <= _MOST_FACTS:
            return [*lines[:count], *more]
    return [f"… {len(lines):,} lines, see {_code('watcher outbox')}"] if lines else []


def _button(button: Button) -> Block:
    """What it says is its value; its id need only differ from those beside it."""
    label = {"type": "plain_text", "text": button.label, "emoji": False}
    return {"type": "button", "action_id": button.label, "text": label, "value": button.says}


def _context(text: str) -> Block:
    """Small text. Of one that is too long the end stays: ids stand there."""
    while len(text) > MOST_CONTEXT and " · " in text:
        text = text.partition(" · ")[2]
    element = {"type": "mrkdwn", "text": text[:MOST_CONTEXT] or "-", "verbatim": True}
    return {"type": "context", "elements": [element]}


def _section(text: str) -> Block:
    # verbatim: what looks like an address, a channel or a name is no link
    return {"type": "section", "text": {"type": "mrkdwn", "text": text or "-", "verbatim": True}}


def _unacting(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines()) or "-"


def _unmarked(text: str) -> list[Block]:
    """A section without markup."""
    piece = text if len(text) <= MOST_SECTION else text[: MOST_SECTION - 1] + "…"
    return [{"type": "section", "text": {"type": "plain_text", "text": piece, "emoji": False}}]


def _sections(body: str) -> list[Block]:
    """A text as sections, parted between its lines."""
    pieces, piece = [], ""
    for line in body.split("\n"):
        if piece and len(piece) + len(line) + 1 > MOST_SECTION:
            pieces.append(piece)
            piece = ""
        piece = f"{piece}\n{line}" if piece else line[:MOST_SECTION]
    return [_section(each) for each in (*pieces, piece)]


def _bytes(text: str) -> int:
    return len(text.encode())


def measured(blocks: Sequence[Mapping[str, Any]]) -> int:
    """Bytes of blocks as JSON."""
    return len(json.dumps(blocks, ensure_ascii=False).encode())
