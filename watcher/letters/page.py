"""Page of a letter: HTML that needs nothing beside it, on a screen, on paper and in a mail.

Many mail programs drop style sheets, and turn colours for the dark as they like. So a page reads without its
sheet, at any width: a row is its name and below that its figures, each with the name of its column, and
texts have the program's own colour. The sheet makes a table of it where there is room for one.
Texts are escaped by `Markup`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from markupsafe import Markup

from watcher.domain.values.formatting import money, signed
from watcher.letters.sections import HOW, NONE, TIMES, Row, Section, Writing
from watcher.ports.channel import Attachment, data_url

_PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n'
    "<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
    '<body style="margin:0 auto;max-width:1200px;padding:12px;overflow-wrap:break-word;'
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif\">\n"
    '<h1 style="margin:8px 0;font-size:22px;line-height:1.25">{title}</h1>\n{about}\n{tiles}\n{chart}\n'
    "{sections}\n{notes}</body>\n</html>\n"
)
_SOFT = Markup('<p style="margin:8px 0;opacity:.7">{}</p>\n')
_TILE = Markup(
    '<div style="display:inline-block;vertical-align:top;min-width:126px;padding:8px 12px;'
    'margin:0 6px 6px 0;background-color:rgba(128,128,128,.14)"><small>{}</small>'
    '<div class="figure" style="font-size:17px;font-weight:600">{}</div>{}</div>'
)
_TILES = Markup('<div style="margin:12px 0">{}</div>')
_TITLE = Markup('<h2 style="margin:28px 0 6px;font-size:18px;line-height:1.25">{}</h2>\n')
_TABLE = Markup(
    '<div class="wide" style="overflow-x:auto"><table style="display:block;font:inherit">\n'
    '<thead style="display:none"><tr>{}</tr></thead>\n{}</table></div>\n{}'
)
_BODY = Markup('<{name} style="display:block">\n{rows}</{name}>\n')
_HEAD = Markup('<th scope="col"{}>{}</th>')
_ROW = Markup('<tr style="display:block;padding:6px 0;border-top:1px solid rgba(128,128,128,.35)">{}</tr>\n')
_FIRST = Markup('<th scope="row" style="display:block;text-align:left;font-weight:600"{}>{}{}</th>')
_CELL = Markup('<td style="display:inline-block;padding-right:14px"{}>{}{}</td>')
_EMPTY = Markup('<td style="display:none"{}>{}</td>')
"""What says nothing is there only where a column would have a hole."""
_LABEL = Markup("<small>{}\N{NO-BREAK SPACE}</small>")
_STRONG = Markup("<b>{}</b>")
_PICTURE = Markup(
    '<p style="margin:12px 0"><img src="{}" alt="Value over the time" width="800"'
    ' style="max-width:100%;height:auto"></p>'
)
_NUMBER, _TIME, _NONE = Markup(' class="n"'), Markup(' class="t"'), Markup("")
_RESULTS = frozenset({"closing", "value"})
"""Columns that people look for first."""


def embedded(picture: Attachment) -> Markup:
    """A picture within the page. Where it goes with the same message a mail shows that one."""
    return _PICTURE.format(data_url(picture))


def page(writing: Writing, chart: Markup, title: str, version: str, sheets: Row = ("letter.css",)) -> str:
    """The whole page."""
    found = writing.of
    about = (
        f"From {writing.at(found.since)} up to {writing.at(found.until)} ({found.zone}), {found.selected}. "
        f"All times are of {found.zone}."
    )
    notes = [each for each in (HOW, writing.display.rate(), f"Made by watcher {version}") if each]
    style = "".join(files(__package__).joinpath(each).read_text("utf-8") for each in sheets)
    return str(
        _PAGE.format(
            title=title,
            style=Markup(style),  # noqa: S704  # nosec B704
            about=_SOFT.format(about),
            tiles=_tiles(writing),
            chart=chart,
            sections=Markup("\n").join(map(_section, writing.sections())),
            notes=Markup("").join(map(_SOFT.format, notes)),
        )
    )


def _tiles(writing: Writing) -> Markup:
    total = writing.of.total
    if not writing.of.known:
        return Markup("<p>{}</p>").format("Nothing is known: no account was read up to then.")
    tiles = [
        ("At the end", total.closing, money(total.closing)),
        ("Change", total.change, signed(money(total.change), total.change)),
        ("In", total.came, money(total.came)),
        ("Out", total.went, money(total.went)),
        ("By price", total.by_price, signed(money(total.by_price), total.by_price)),
    ]
    if total.unknown_before:
        shown = signed(money(total.unknown_before), total.unknown_before)
        tiles.append(("Newly known", total.unknown_before, shown))
    cells = []
    for label, value, text in tiles:
        beside = writing.display.beside(value)
        below = Markup("<small>{}</small>").format(beside) if beside else _NONE
        cells.append(_TILE.format(label, text, below))
    return _TILES.format(Markup("").join(cells))


def _section(section: Section) -> Markup:
    title, note = _TITLE.format(section.title), _SOFT.format(section.note) if section.note else _NONE
    if not section.rows:
        return title + _SOFT.format(section.empty) + note
    first = len(section.columns) - section.numbers
    kinds = [
        _NUMBER if number >= first else _TIME if column in TIMES else _NONE
        for number, column in enumerate(section.columns)
    ]
    shown = list(zip(section.columns, kinds, strict=True))
    head = Markup("").join(_HEAD.format(kind, column) for column, kind in shown)
    parts = _BODY.format(name="tbody", rows=Markup("").join(_row(row, shown) for row in section.rows))
    if section.total:
        parts += _BODY.format(name="tfoot", rows=_row(section.total, shown))
    return title + _TABLE.format(head, parts, note)


def _row(row: Row, shown: Sequence[tuple[str, Markup]]) -> Markup:
    (column, kind), name = shown[0], row[0]
    first = _FIRST.format(kind, _LABEL.format(column) if column in TIMES else _NONE, name)
    cells = (_cell(cell, *each) for cell, each in zip(row[1:], shown[1:], strict=True))
    return _ROW.format(Markup("").join([first, *cells]))


def _cell(cell: str, column: str, kind: Markup) -> Markup:
    if cell in ("", NONE):
        return _EMPTY.format(kind, cell)
    return _CELL.format(kind, _LABEL.format(column), _STRONG.format(cell) if column in _RESULTS else cell)
