"""CSV files of wallets → entries of a document: a row is a wallet, a cell what YAML says under the same key.

A spreadsheet writes such files, and spoils some of what it is given: that is told as what it is. `${VAR}` is
not put in here. Line and cell of each value are its place.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from watcher.config.document import NO_KEYS, NOWHERE, Document, Node, SharedList
from watcher.config.models import WalletEntry
from watcher.config.yaml_reader import MAX_BYTES
from watcher.domain.values.decimals import meant
from watcher.domain.values.errors import Place, Problem
from watcher.domain.values.spelling import closest, nearest
from watcher.domain.values.text import clean

COLUMNS = tuple(WalletEntry.model_fields)
NEEDED = tuple(key for key, info in WalletEntry.model_fields.items() if info.is_required())
_NAMES = f"begin it with the names of columns: {', '.join(COLUMNS)}"
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
MOST_ROWS = 100_000

_LISTS = frozenset({"chains", "assets", "tags"})
_PROSE = frozenset({"label", "note"})
_APART = re.compile(r"[\s;,]+")
_SPACES = frozenset("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{FIGURE SPACE}")
SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
BROKEN = re.compile(r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)")
_LEFT_OVER = (
    (re.compile("'"), ("begins with an apostrophe, with which spreadsheets mark text", "take it away")),
    (BROKEN, ("is an error of the spreadsheet, and no value", "mend its formula, or write the value")),
    (re.compile("="), ("is a formula, and no value", "save the file again with values")),
)
_MONTH = "jan|feb|mar|apr|mai|may|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_DATE = re.compile(
    rf"[0-9]{{1,2}}[-. ](?:{_MONTH})[a-z]*\.?(?:[- ][0-9]{{2,4}})?|(?:{_MONTH})[a-z]*[- ][0-9]{{2,4}}"
    r"|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9:]+)?",
    re.IGNORECASE,
)
_SAVE_AS = "save it as CSV in UTF-8"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of spreadsheets begin: .xlsx, .ods and .numbers, and the old .xls."""


class Table(NamedTuple):
    """Rows of a CSV file. `line`: where the header stands; `rows`: line and cells of each."""

    line: int
    header: tuple[str, ...]
    delimiter: str
    rows: Iterator[tuple[int, list[str]]]


class UnreadableTableError(Exception):
    """What keeps a file from being a table, and where."""

    def __init__(self, line: int, what: str, remedy: str = _SAVE_AS) -> None:
        super().__init__(what)
        self.line, self.what, self.remedy = line, what, remedy


def open_table(path: Path, known: Callable[[str], bool]) -> Table:
    """The header of a file and its rows. The header alone says what stands between cells: `known` is asked
    which of its names are columns. UnreadableTableError also while rows are read."""
    lines = _Lines(_text(path))
    header = next(lines, None)
    if header is None:
        raise UnreadableTableError(0, "the file is empty", "its first line names the columns")
    split = {each: _split(header, each) for each in DELIMITERS}
    best = max(split, key=lambda each: (sum(map(known, split[each])), len(split[each])))
    return Table(lines.number, tuple(name.strip() for name in split[best]), best, _rows(lines, best))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise UnreadableTableError(1, f"the file is larger than {MAX_BYTES >> 20} MiB", "split it")
        if raw.startswith(_WORKBOOKS):
            raise UnreadableTableError(0, "the file is a spreadsheet's own, and no CSV", _SAVE_AS)
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableTableError(0, f"the file cannot be read: {error.strerror}", "") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UnreadableTableError(line, "the file is not UTF-8", _SAVE_AS) from None


class _Lines:
    """Lines of a file for the reader of CSV; comments and empty lines are left out between two rows."""

    def __init__(self, text: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self.number = 0
        self.between = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            if self.between and _says_nothing(line):
                continue
            self.between = False
            return line
        raise StopIteration


def _says_nothing(line: str) -> bool:
    """Whether a line is empty, a comment, or what tells a spreadsheet the separator."""
    if not line.strip(" \t\r\n,;"):
        return True
    return (line[0] == "#" and not BROKEN.match(line)) or line[:4].lower() == "sep="


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _rows(lines: _Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    lines.between = True
    reader, before = csv.reader(lines, delimiter=delimiter, strict=True), lines.number
    for count in range(MOST_ROWS + 1):
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableTableError(before + 1, *_broken(error)) from None
        if cells is None:
            return
        # A row of several lines begins at the first of them.
        yield lines.number - _breaks(cells), cells
        before, lines.between = lines.number, True
        if count == MOST_ROWS:
            raise UnreadableTableError(lines.number, f"there are more than {MOST_ROWS:,} rows", "split it")


def _broken(error: csv.Error) -> tuple[str, str]:
    """What is wrong with a row, and the remedy."""
    if "field limit" in str(error):
        what = f"a cell from here on has more than {csv.field_size_limit():,} characters"
        return what, "shorten it, or write the quote that is missing"
    what = f"the quotes are wrong from here on, or in the row before ({error})"
    return what, "write a quote inside quotes twice"


def _breaks(cells: Sequence[str]) -> int:
    """Line breaks in a row of cells; Windows' two characters are one."""
    return sum(
        cell.count("\n") + cell.count("\r") - cell.count("\r\n")
        for cell in cells
        if "\n" in cell or "\r" in cell
    )


def read_wallet_table(path: Path) -> Document:
    """The wallets of one file as a list. Mistakes of form are in `problems`; what wallets must be is asked
    of the entries, as of those in YAML."""
    root = Node(1, 0, [], "", NO_KEYS)
    document = Document(path, root)
    try:
        table = open_table(path, lambda name: _key(name) in COLUMNS)
        columns = _columns(document, table)
        document.whole = bool(columns)
        if columns:
            root.value = list(_entries(document, table, columns))
    except UnreadableTableError as error:
        document.whole = False
        document.problems.append(Problem(Place(str(path), error.line), error.what, error.remedy))
    if document.whole and not root.value:
        document.warnings.append(Problem(Place(str(path)), "there is no wallet in this file"))
    return document


def _key(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _columns(document: Document, table: Table) -> list[str]:
    """The key of each column, empty for one without a name; none at all if a needed one is not there."""
    keys: list[str] = []
    said: set[str | None] = set()
    between = f" (between cells stands {DELIMITERS[table.delimiter]})"
    for number, name in enumerate(table.header, 1):
        key, place = _key(name), Place(str(document.path), table.line, number)
        if key and key in keys:
            what = f"the column '{key}' stands here twice{between}"
            document.problems.append(Problem(place, what, "remove one"))
        elif key and key not in COLUMNS:
            unused = [each for each in COLUMNS if each not in keys]
            said.add(closest(key, unused))
            what = f"unknown column '{clean(name)}'{between}"
            document.problems.append(Problem(place, what, nearest(key, unused)))
        keys.append(key if key in COLUMNS and key not in keys else "")
    if not any(keys):
        what = f"the first line names no column that is known{between}"
        document.problems[:] = [Problem(Place(str(document.path), table.line), what, _NAMES)]
        return []
    missing = [key for key in NEEDED if key not in keys]
    for key in missing:
        if key not in said:
            what = f"there is no column '{key}'{between}"
            document.problems.append(Problem(Place(str(document.path), table.line), what, _NAMES))
    return keys if not missing else []


def _entries(document: Document, table: Table, columns: Sequence[str]) -> Iterator[Node]:
    for line, cells in table.rows:
        values: dict[str, Node] = {}
        for number, text in enumerate(cells):
            key = columns[number] if number < len(columns) else ""
            written = text.strip(" \t\r\n")
            if key and written:
                values[key] = _cell(document, key, written, line, number + 1)
            elif written:
                _homeless(document, table, line, number + 1)
        if values:
            yield Node(line, 0, values, "", NO_KEYS, file=document.path)


def _homeless(document: Document, table: Table, line: int, cell: int) -> None:
    """A cell that belongs to no column; those of an unknown one are told by its name."""
    if cell > len(table.header):
        what = f"this row has more than the {len(table.header)} cells that the first line names"
        remedy = f"put a text with {DELIMITERS[table.delimiter]} in it in quotes"
    elif not table.header[cell - 1]:
        what, remedy = "this cell stands under no name", "name its column in the first line, or empty it"
    else:
        return
    if not any(each.place[:2] == (str(document.path), line) for each in document.problems[-1:]):
        document.problems.append(Problem(Place(str(document.path), line, cell), what, remedy))


def _cell(document: Document, key: str, text: str, line: int, cell: int) -> Node:
    """What a cell says, as YAML would have it."""
    if fault := _accident(key, text):
        what, remedy = fault
        place, way = Place(str(document.path), line, cell), document.way(("wallets", key))
        document.problems.append(Problem(place, f"{key} {what}", remedy, way=way))
        return Node(line, cell, text, clean(text), NO_KEYS, faulty=True)
    if key in _LISTS:
        return Node(line, cell, _words(text), text, NO_KEYS)
    if key == "every" and len(words_of := text.split()) in (5, 6):
        parts = {"cron": " ".join(words_of[:5]), **({"timezone": words_of[5]} if words_of[5:] else {})}
        below = {name: Node(line, cell, part, part, NO_KEYS) for name, part in parts.items()}
        return Node(line, cell, below, text, NO_KEYS)
    if key == "name" and _DATE.fullmatch(text):
        what = f"the name '{text}' looks like a date that a spreadsheet has made of another text"
        place = Place(str(document.path), line, cell)
        document.warnings.append(Problem(place, what, "format the column as text, and write it again"))
    return Node(line, cell, text.lower() if key == "hints" else text, text, NO_KEYS)


@lru_cache(maxsize=1024)
def _words(text: str) -> SharedList:
    """The words of a cell. They stand where it does, and many wallets have the same."""
    return SharedList(Node(NOWHERE, NOWHERE, word, word, NO_KEYS) for word in _APART.split(text) if word)


def _accident(key: str, text: str) -> tuple[str, str] | None:
    """What has gone wrong with a cell on its way through a spreadsheet, and the remedy; None if nothing."""
    if key in _PROSE:
        return None
    if not text.isprintable():
        return _unseen(text)
    if text[0] in "'=#" and (said := next((said for form, said in _LEFT_OVER if form.match(text)), None)):
        return said
    if "${" in text:
        return "has a ${…}, and variables are not put into a CSV file", "write the value, or name it in YAML"
    if key in ("name", "address", "assets") and SCIENTIFIC.fullmatch(text):
        what = f"'{text[:40]}' is what a spreadsheet made of a long number: its last digits are lost"
        return what, "format the column as text, and copy it again from where it came"
    if key == "weight" and "," in text:
        written = meant(text) if meant(text) != text else text.replace(",", ".")
        return f"'{text[:40]}' has a comma", f"write {written[:40]}"
    return None


def _unseen(text: str) -> tuple[str, str]:
    char = next(each for each in text if not each.isprintable())
    if char in _SPACES:
        return "has a space that is no ordinary one, as copied from a page", "type it anew"
    if char in "\r\n":
        return "has more than one line", "write it in one"
    return f"has a character that cannot be seen (U+{ord(char):04X})", "type it anew"
