"""HTML of a mail: the notice as cards, each with a bar in the colour of its severity. Pure.

Mail programs know little of CSS, and turn colours for the dark as they like: so texts have the program's own
colour, what matters less is fainter, and nothing is loaded. All markup is made by `_element` and all text by
`_words`, which escapes it; their type keeps both apart from what is neither.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import NewType

from watcher.domain.messages.message import SHORT_ID, Kind, Severity
from watcher.domain.values.text import clean
from watcher.notify.apprise.mail_body import Extent, Group, columns, facts, fitted, groups, links, origin
from watcher.notify.markup import plain
from watcher.notify.notice import Entry, Notice

Html = NewType("Html", str)

COLOURS = {Severity.CRITICAL: "#dc2626", Severity.WARNING: "#b45309", Severity.INFO: "#2563eb"}
OVER = {Kind.RESOLVED: "#15803d", Kind.WITHDRAWN: "#6b7280"}
"""Colours of what is over, whatever it was. White text on any of these can be read."""

_FONT = (
    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.45"
)
_TIGHT = "line-height:1.3;overflow-wrap:anywhere"
_RULED = "border-top:1px solid rgba(128,128,128,.35);padding:6px 0"
_LINE = f"{_RULED};vertical-align:top"
_SMALL = "margin:12px 0 0;font-size:12px;overflow-wrap:anywhere;opacity:.6"
_FAINT = "opacity:.7"
_UNSEEN = "display:none;max-height:0;overflow:hidden;opacity:0;font-size:1px;line-height:1px;mso-hide:all"
_HEAD = Html(
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    '<meta name="supported-color-schemes" content="light dark">'
    # Apple Mail asks for it as CSS, and then leaves colours alone.
    "<style>:root{color-scheme:light dark;supported-color-schemes:light dark}</style>"
)
_SPACER = Html("&#847;&zwnj;&nbsp;" * 60)
"""Keeps what follows the preview out of it."""


def html_body(said: Notice, preview: str, pictures: Sequence[tuple[str, str]]) -> str:
    """A whole document. `preview`: what a list of mails shows beside the subject; `pictures`: Content-ID and
    name of each."""
    shown = [_picture(cid, name) for cid, name in pictures]

    def make(extent: Extent) -> str:
        if len(said.entries) == 1:
            parts = [_card(said.entries[0], shown, "h1")]
        else:
            parts = [*_list(said, extent), *shown]
        note = [_element("p", _SMALL, _words(said.note))] if said.note else []
        return _document(said.title, preview, [*parts, *note])

    return fitted(said, make)


def _list(said: Notice, extent: Extent) -> list[Html]:
    """Several: each with its facts, the first with the words of the title; or many, under the title."""
    summary = _element("p", f"margin:0 0 12px;{_FAINT}", _words(said.summary))
    if extent.detailed:
        return [summary, *(_card(each, [], "h2") for each in extent.listed)]
    title = _element("h1", f"margin:0 0 4px;font-size:20px;{_TIGHT}", _words(said.title))
    more = [_element("p", "margin:0 0 12px", _words(extent.more))] if extent.left else []
    return [title, summary, *(_group(said, each) for each in groups(said, extent.listed)), *more]


def colour(entry: Entry) -> str:
    """Colour of one entry."""
    return OVER.get(entry.message.kind, COLOURS[entry.message.severity])


def _words(text: str) -> Html:
    """Untrusted text: no mark of it acts, and no mail program makes a link of it."""
    return Html(html.escape(plain(text)))


def _element(tag: str, style: str, *inside: Html, **attributes: str) -> Html:
    given = {"style": style} | {name.replace("_", "-"): value for name, value in attributes.items()}
    opened = "".join(f' {name}="{html.escape(value)}"' for name, value in given.items() if value)
    return Html(f"<{tag}{opened}>{''.join(inside)}</{tag}>")


def _table(style: str, *rows: Html) -> Html:
    return _element(
        "table", f"border-collapse:collapse;{style}", *rows, role="presentation", cellpadding="0",
        cellspacing="0", border="0",
    )  # fmt: skip


def _document(title: str, preview: str, parts: Sequence[Html]) -> Html:
    hidden = _element("div", _UNSEEN, _words(preview), _SPACER)
    inner = _table(
        "width:100%;max-width:600px;text-align:left",
        _element("tr", "", _element("td", _FONT, *parts)),
    )
    outer = _table(
        "width:100%", _element("tr", "", _element("td", "padding:16px 12px", inner, align="center"))
    )
    body = _element("body", f"margin:0;padding:0;{_FONT}", hidden, outer)
    head = _element("head", "", _HEAD, _element("title", "", _words(title)))
    return Html(f'<!doctype html>\n<html lang="en">{head}\n{body}</html>')


def _card(entry: Entry, pictures: Sequence[Html], heading: str) -> Html:
    size = {"h1": "20px", "h2": "16px"}[heading]
    inside = [
        _mark(entry),
        _element(heading, f"margin:8px 0 10px;font-size:{size};{_TIGHT}", _words(entry.title)),
        _table("width:100%", *(_fact(label, value) for label, value in facts(entry))),
        _ways(entry),
        *pictures,
        _origin(entry),
    ]
    return _barred(entry, "0 0 20px", *inside)


def _mark(entry: Entry) -> Html:
    """`critical · firing`, white on the colour."""
    style = (
        f"display:inline-block;background-color:{colour(entry)};color:#ffffff;border-radius:4px;"
        "padding:1px 8px;font-size:13px;font-weight:600"
    )
    return _element("span", style, _words(entry.mark))


def _fact(label: str, value: str) -> Html:
    name = _element("td", f"{_LINE};padding-right:16px;white-space:nowrap;{_FAINT}", _words(label))
    return _element(
        "tr", "", name, _element("td", f"{_LINE};width:100%;overflow-wrap:anywhere", _words(value))
    )


def _ways(entry: Entry) -> Html:
    found = [_button(name, url, entry) for name, url in links(entry.ways)]
    return _element("div", "margin:10px 0 0", *found) if found else Html("")


def _button(name: str, url: str, entry: Entry) -> Html:
    """A link to press with a thumb; what answers the alert is in its colour."""
    first = name == "Acknowledge"
    look = f"background-color:{colour(entry)};color:#ffffff" if first else "color:inherit"
    style = (
        "display:inline-block;margin:6px 8px 0 0;padding:8px 14px;border-radius:6px;font-weight:600;"
        f"text-decoration:none;border:1px solid {colour(entry)};{look}"
    )
    return _element("a", style, _words(name), href=url)


def _picture(cid: str, name: str) -> Html:
    style = "display:block;width:100%;height:auto;margin:14px 0 0;border:0;border-radius:6px"
    return _element("div", "", Html(f'<img src="cid:{cid}" alt="{_words(name)}" style="{style}">'))


def _origin(entry: Entry) -> Html:
    parts = [Html(f"{name}&nbsp;{html.escape(clean(text))}") for name, text in origin(entry)]
    return _element("p", _SMALL, Html(" · ".join(parts)))


def _group(said: Notice, group: Group) -> Html:
    """Many without their facts: of one rule whose and how much, else their titles."""
    rows = [_row(each, columns(each) if group.title else (each.title, "")) for each in group.entries]
    title = group.title if group.title != said.title else ""
    above = _element("h2", f"margin:16px 0 6px;font-size:16px;{_TIGHT}", _words(title)) if title else Html("")
    return Html(above + _barred(group.entries[0], "0 0 12px", _table("width:100%", *rows)))


def _row(entry: Entry, shown: tuple[str, str]) -> Html:
    """A line of a long table: as little markup as will do, since a mail that is too long is cut off."""
    ref, page = _words(entry.id or entry.chosen.id[:SHORT_ID]), entry.ways.page
    link = _element("a", "color:inherit", ref, href=page) if page else ref
    about, held = shown
    cells = [
        _element("td", f"{_RULED};{_TIGHT}", _words(about)),
        *([_element("td", f"{_RULED};white-space:nowrap", _words(held), align="right")] if held else []),
        _element("td", f"{_RULED};font-size:12px;{_FAINT};padding-left:16px", link, align="right"),
    ]
    return _element("tr", "", *cells)


def _barred(entry: Entry, margin: str, *inside: Html) -> Html:
    """A bar in the entry's colour beside all of it."""
    bar = f"border-left:5px solid {colour(entry)};padding:2px 0 2px 14px"
    return _table(f"width:100%;margin:{margin}", _element("tr", "", _element("td", bar, *inside)))
