"""Page of a letter: HTML that needs nothing beside it, on a screen, on paper and in a mail.

Texts are escaped by `Markup`; colours and widths of a mail's reader are not relied on.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from markupsafe import Markup

from watcher.domain.values.formatting import money, signed
from watcher.letters.sections import HOW, TIMES, Section, Writing
from watcher.ports.channel import Attachment, data_url

_PAGE = Markup(
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
    '<h1>{title}</h1>\n<p class="soft">{about}</p>\n{tiles}\n{chart}\n{sections}\n'
    '<p class="soft how">{how}</p>\n{rate}<p class="soft">Made by watcher {version}</p>\n</body>\n</html>\n'
)
_TILE = Markup('<div class="tile"><div class="soft">{}</div><div class="figure">{}</div>{}</div>')
_TILES = Markup('<div class="tiles">{}</div>')
_SECTION = Markup(
    '<h2>{}</h2>\n<div class="wide"><table>\n<thead><tr>{}</tr></thead>\n{}\n</table></div>\n{}'
)
_EMPTY = Markup('<h2>{}</h2>\n<p class="soft">{}</p>\n{}')
_HEAD = Markup('<th scope="col"{}>{}</th>')
_FIRST = Markup('<th scope="row" align="left"{}>{}</th>')
_CELL = Markup("<td{}>{}</td>")
_ROW = Markup("<tr>{}</tr>\n")
_PICTURE = Markup(
    '<p><img src="{}" alt="Value over the time" width="800" style="max-width:100%;height:auto"></p>'
)
_NUMBER = Markup(' class="number" align="right"')
_TIME = Markup(' class="time"')
_LEFT = Markup(' align="left"')
_NONE = Markup("")


def embedded(picture: Attachment) -> Markup:
    """A picture within the page. Where it goes with the same message a mail shows that one."""
    return _PICTURE.format(data_url(picture))


def page(writing: Writing, chart: Markup, title: str, version: str) -> str:
    """The whole page."""
    found, display = writing.of, writing.display
    about = (
        f"From {writing.at(found.since)} up to {writing.at(found.until)} ({found.zone}), {found.selected}. "
        f"All times are of {found.zone}."
    )
    rate = display.rate()
    return str(
        _PAGE.format(
            title=title,
            style=Markup(files(__package__).joinpath("letter.css").read_text("utf-8")),  # noqa: S704 - our own
            about=about,
            tiles=_tiles(writing),
            chart=chart,
            sections=Markup("\n").join(map(_section, writing.sections())),
            how=HOW,
            rate=Markup('<p class="soft">{}</p>\n').format(rate) if rate else _NONE,
            version=version,
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
        below = Markup('<div class="soft">{}</div>').format(beside) if beside else _NONE
        cells.append(_TILE.format(label, text, below))
    return _TILES.format(Markup("").join(cells))


def _section(section: Section) -> Markup:
    note = Markup('<p class="soft">{}</p>\n').format(section.note) if section.note else _NONE
    if not section.rows:
        return _EMPTY.format(section.title, section.empty, note)
    first = len(section.columns) - section.numbers
    kinds = [
        _NUMBER if number >= first else _TIME if column in TIMES else _NONE
        for number, column in enumerate(section.columns)
    ]
    head = Markup("").join(
        _HEAD.format(kind or _LEFT, column) for kind, column in zip(kinds, section.columns, strict=True)
    )
    body = Markup("").join(_row(row, kinds) for row in section.rows)
    parts = Markup("<tbody>\n{}</tbody>").format(body)
    if section.total:
        parts += Markup("\n<tfoot>\n{}</tfoot>").format(_row(section.total, kinds))
    return _SECTION.format(section.title, head, parts, note)


def _row(row: tuple[str, ...], kinds: Sequence[Markup]) -> Markup:
    cells = (_CELL.format(kind, cell) for kind, cell in zip(kinds[1:], row[1:], strict=True))
    return _ROW.format(Markup("").join([_FIRST.format(kinds[0], row[0]), *cells]))
