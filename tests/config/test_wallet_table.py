"""CSV files of wallets: a row says what an entry in YAML says, and what a spreadsheet spoils is told."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.config.given import ENV, KINDS, write
from tests.config.test_parts import names, told
from tests.configured import load_settings
from watcher.config.configuration import configure
from watcher.config.models import Cron
from watcher.config.settings import Settings
from watcher.config.wallet_table import COLUMNS, MOST_ROWS, read_wallet_table
from watcher.domain.values.errors import MOST_SHOWN, ConfigurationError, Problem

TOP = """\
version: 1
sources:
  cs: {kind: coinstats, api_key: k}
  te: {kind: teos, api_key: k}
"""
EVM = "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
OTHER = "0x52908400098527886e0f7030069857d2e4169ee7"
HEADER = "name,source,address,chains\n"
ROW = f"gas,cs,{EVM},ethereum\n"


def table(folder: Path, text: str | bytes) -> Path:
    """A configuration of nothing but this CSV file."""
    (folder / "w.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return write(folder, TOP + "wallets: [w.csv]\n")


def read(folder: Path, text: str | bytes) -> Settings:
    return load_settings(table(folder, text), ENV, KINDS)


def test_a_row_has_all_that_an_entry_may_have(tmp_path: Path) -> None:
    text = (
        "name,source,address,chains,assets,tags,label,note,every,at_least_every,discover,weight,hints\n"
        f'gas,cs,{EVM},ethereum base-wallet,,gas;hot,Gas tank,"Ask Ann,\nthen ""Bob""",'
        ",12h,weekly,2.5,false\n"
        f"desk,te,{OTHER},,0x1;0x2,,,,*/10 9-17 * * mon-fri Europe/Zurich,,,,TRUE\n"
    )
    gas, desk = read(tmp_path, text).wallets
    assert (gas.name, gas.source, gas.address) == ("gas", "cs", EVM)
    assert (gas.chains, gas.tags, gas.label) == (("ethereum", "base-wallet"), ("gas", "hot"), "Gas tank")
    assert gas.note == 'Ask Ann,\nthen "Bob"'
    assert (gas.every, str(gas.at_least_every), gas.discover) == ("auto", "12:00:00", "weekly")
    assert (gas.weight, gas.hints) == (2.5, False)
    assert desk.every == Cron(cron="*/10 9-17 * * mon-fri", timezone="Europe/Zurich")
    assert (desk.assets, desk.weight, desk.hints) == (("0x1", "0x2"), 1.0, True)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n# from the treasury\n", "sep=x\n"])
def test_a_spreadsheets_way_of_writing_changes_nothing(
    tmp_path: Path, delimiter: str, newline: str, start: str
) -> None:
    text = f"{start}Chains,Name,,Address,At least every,source\nethereum,gas,,{EVM},12h,cs\n,,,,\n\n"
    settings = read(tmp_path, text.replace(",", delimiter).replace("\n", newline))
    assert [(each.name, each.chains, each.address) for each in settings.wallets] == [
        ("gas", ("ethereum",), EVM)
    ]


def test_a_comment_is_skipped_and_a_line_of_a_note_is_not(tmp_path: Path) -> None:
    text = f'name,source,address,chains,note\n# said "so\ngas,cs,{EVM},ethereum,"one\n# two"\n# end\n'
    assert read(tmp_path, text).wallets[0].note == "one\n# two"


WRONG: dict[str, tuple[str | bytes, list[str]]] = {
    "an unknown column": (
        "name,source,adress,chains\n" + ROW,
        ["w.csv:1:3: unknown column 'adress' (between cells stands a comma); did you mean 'address'?"],
    ),
    "a column that is not there": (
        "name;address;chains\n",
        [
            ("w.csv:1: there is no column 'source' (between cells stands a semicolon); "
            f"begin it with the names of columns: {', '.join(COLUMNS)}")
        ],
    ),
    "a column twice": (
        f"name,source,address,chains,Name\ngas,cs,{EVM},ethereum,\n",
        ["w.csv:1:5: the column 'name' stands here twice (between cells stands a comma); remove one"],
    ),
    "a cell too many": (
        HEADER + f"gas,cs,{EVM},ethereum,,x,y\n",
        [
            ("w.csv:2:6: this row has more than the 4 cells that the first line names; "
            "put a text with a comma in it in quotes")
        ],
    ),
    "a cell under no name": (
        f"name,source,address,chains,,\ngas,cs,{EVM},ethereum,,x\n",
        ["w.csv:2:6: this cell stands under no name; name its column in the first line, or empty it"],
    ),
    "no first line": (
        ROW,
        [
            ("w.csv:1: the first line names no column that is known (between cells stands a comma); "
            f"begin it with the names of columns: {', '.join(COLUMNS)}")
        ],
    ),
    "a workbook": (
        b"PK\x03\x04\x14\x00\x00\x00",
        ["w.csv: the file is a spreadsheet's own, and no CSV; save it as CSV in UTF-8"],
    ),
    "an empty file": ("", ["w.csv: the file is empty; its first line names the columns"]),
    "another code": (
        "name\nK\xe4se".encode("latin-1"),
        ["w.csv:2: the file is not UTF-8; save it as CSV in UTF-8"],
    ),
    "a code of two bytes": (
        HEADER.encode("utf-16"),
        ["w.csv:1: the file is not UTF-8; save it as CSV in UTF-8"],
    ),
    "a quote that is not closed": (
        HEADER + ROW + f'"hot,cs,{OTHER},ethereum\n',
        [
            ("w.csv:3: the quotes are wrong from here on, or in the row before (unexpected end of data); "
            "write a quote inside quotes twice")
        ],
    ),
    "a cell that never ends": (
        HEADER + ROW + f'hot,cs,{OTHER},"{"x" * 200_000}"\n',
        [
            ("w.csv:3: a cell from here on has more than 131,072 characters; "
            "shorten it, or write the quote that is missing")
        ],
    ),
    "missing cells": (
        HEADER + f"\ngas,,{EVM}\n,cs,,ethereum\n",
        [
            "w.csv:3: 'source' is missing; fill in the column 'source'",
            "w.csv:4: 'name' is missing; fill in the column 'name'",
            "w.csv:4: 'address' is missing; fill in the column 'address'",
        ],
    ),
    "what YAML would refuse as well": (
        ("name,source,address,chains,every,discover,weight,hints,at_least_every\n"
        f"gas,c,{EVM},ethereum ethereum,5,hourly,-1,maybe,1\n"),
        [
            "w.csv:2:2: there is no source 'c'; did you mean 'cs'?",
            "w.csv:2:4: chains names 'ethereum' twice; remove one",
            "w.csv:2:5: every: '5' is not a duration; write a whole number and s, m, h or d, as in 30s or 5m",
            "w.csv:2:6: discover: 'hourly' is not one of daily, weekly, monthly",
            "w.csv:2:7: weight must be greater than 0",
            "w.csv:2:8: hints must be true or false",
            ("w.csv:2:9: at_least_every: '1' is not a duration; write a whole number and s, m, h or d, "
            "as in 30s or 5m"),
        ],
    ),
    "a cron line": (
        f"name,source,address,chains,every\ngas,cs,{EVM},ethereum,* * * * *  Nowhere\n",
        ["w.csv:2:5: every.timezone: 'Nowhere' is no time zone; write its IANA name, as in Europe/Zurich"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_by_line_and_cell_all_of_them_at_once(tmp_path: Path, name: str) -> None:
    text, expected = WRONG[name]
    assert told(table(tmp_path, text)) == expected


ACCIDENTS = {
    "9.08400098527887E+47": ("address", "its last digits are lost; format the column as text"),
    "9,08E+47": ("address", "its last digits are lost"),
    f"'{EVM}": ("address", "begins with an apostrophe, with which spreadsheets mark text; take it away"),
    f"{EVM}\N{NO-BREAK SPACE}": ("address", "has a space that is no ordinary one"),
    "#REF!": ("address", "is an error of the spreadsheet, and no value"),
    "#N/A": ("name", "is an error of the spreadsheet, and no value"),
    "=A1": ("name", "is a formula, and no value"),
    "two\nlines": ("name", "has more than one line"),
    "\x1b[31mred": ("name", "has a character that cannot be seen (U+001B)"),
    "${ADDRESS}": ("address", "variables are not put into a CSV file"),
    "1,000": ("weight", "'1,000' has a comma; write 1000"),
    "0,5": ("weight", "'0,5' has a comma; write 0.5"),
}


@pytest.mark.parametrize("text", ACCIDENTS)
def test_what_a_spreadsheet_spoils_is_told_with_its_remedy(tmp_path: Path, text: str) -> None:
    column, what = ACCIDENTS[text]
    row = {"name": "gas", "source": "cs", "address": EVM, "chains": "ethereum", "weight": "", column: text}
    out = io.StringIO()
    csv.DictWriter(out, row).writerows([dict(zip(row, row, strict=True)), row])
    (said,) = told(table(tmp_path, out.getvalue()))
    assert said.startswith(f"w.csv:2:{list(row).index(column) + 1}: {column} ")
    assert what in said


@pytest.mark.parametrize("name", ["2-Jan", "Jan-26", "02.01.2026", "2026-01-02", "1 Sept 2026"])
def test_a_name_that_looks_like_a_date_is_allowed_with_a_warning(tmp_path: Path, name: str) -> None:
    settings = read(tmp_path, HEADER + ROW.replace("gas", name))
    said = [str(each) for each in settings.warnings if "looks like a date" in str(each)]
    assert [each.partition(": ")[0] for each in said] == [f"{tmp_path}/w.csv:2:1"]
    assert names(settings) == [name]


@pytest.mark.parametrize("name", ["march", "may-flower", "10.0.0.1", "2026-budget"])
def test_a_name_that_is_no_date_has_none(tmp_path: Path, name: str) -> None:
    warnings = read(tmp_path, HEADER + ROW.replace("gas", name)).warnings
    assert not any("looks like a date" in str(each) for each in warnings)


def test_a_doubt_about_an_address_has_its_line_and_cell(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + ROW + "ens,cs,vitalik.eth,ethereum\n")
    assert any(str(each).startswith(f"{tmp_path}/w.csv:3:3: wallet ens:") for each in found.warnings)


def test_a_header_alone_is_allowed_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(HEADER)
    text = f'{TOP}wallets:\n  - w.csv\n  - {{name: a, source: cs, address: "{EVM}", chains: [base]}}\n'
    settings = load_settings(write(tmp_path, text), ENV, KINDS)
    assert f"{tmp_path}/w.csv: there is no wallet in this file" in map(str, settings.warnings)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(HEADER + "a,b,c,d\n" * (MOST_ROWS + 1))
    (problem,) = read_wallet_table(path).problems
    assert f"more than {MOST_ROWS:,} rows" in problem.what


TOKYO = {"timezone": "Asia/Tokyo"}
WORDS = st.text("abcdefgh-_.0123456789", min_size=1, max_size=8)
PROSE = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=' \n",;#', exclude_characters="$"),
    max_size=40,
).map(lambda text: text.strip())
ENTRIES = st.fixed_dictionaries(
    {"chains": st.lists(WORDS, min_size=1, max_size=3, unique=True)},
    optional={
        "tags": st.lists(WORDS, max_size=3, unique=True),
        "label": PROSE.filter(lambda text: "\n" not in text),
        "note": PROSE,
        "every": st.sampled_from(["auto", "5m", {"cron": "*/5 * * * *"}, {"cron": "1 2 * * mon", **TOKYO}]),
        "at_least_every": st.sampled_from(["12h", "7d"]),
        "discover": st.sampled_from(["daily", "weekly", "monthly"]),
        "weight": st.sampled_from(["1", "2.5", "100"]),
        "hints": st.booleans(),
    },
)  # fmt: skip


def cell(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(value.values())
    return " ; ".join(value) if isinstance(value, list) else str(value)


@settings(max_examples=100, deadline=None)
@given(entries=st.lists(ENTRIES, min_size=1, max_size=4), delimiter=st.sampled_from(",;\t"))
def test_a_watch_list_is_the_same_in_csv_yaml_and_json(
    entries: list[dict[str, Any]], delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole = [
        {"name": f"wallet {number}", "source": "cs", "address": f"0x{number:040x}", **entry}
        for number, entry in enumerate(entries, 1)
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in entry.items()} for entry in whole)
    (folder / "p.csv").write_text(out.getvalue(), newline="")
    (folder / "p.json").write_text(json.dumps(whole))
    (folder / "p.yaml").write_text(f"# in YAML\nwallets: {json.dumps(whole, ensure_ascii=False)}\n")
    found: list[object] = []
    for name in ("p.csv", "p.json", "p.yaml"):
        try:
            found.append(load_settings(write(folder, f"{TOP}wallets: [{name}]\n"), ENV, KINDS).wallets)
        except ConfigurationError as error:
            found.append([problem.what for problem in error.problems])
    assert found[0] == found[1] == found[2]


def problems_in(path: Path) -> list[Problem]:
    try:
        configure(path, ENV)
    except ConfigurationError as error:
        return error.problems
    return []


PIECES = st.sampled_from(
    [*COLUMNS, *",;\t\n\r\"'#=${}", "\r\n", "\ufeff", "gas", "cs", EVM, "ethereum", "1E+9", "\x00", "é", "٣"]
)


@settings(max_examples=300, deadline=None)
@given(
    text=st.binary(max_size=200) | st.lists(PIECES, max_size=60).map(lambda parts: "".join(parts).encode())
)
def test_no_bytes_bring_anything_but_our_own_error(
    text: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for start in (b"", HEADER.encode()):
        problems = problems_in(table(folder, start + text))
        assert all(each.place.file.startswith(str(folder)) for each in problems)
        assert all(str(each).isprintable() for each in problems)


def test_a_wrong_column_of_a_long_table_is_not_told_a_thousand_times(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, HEADER + "".join(f"w{number},nobody,{number},base\n" for number in range(1000)))
    assert len(caught.value.problems) >= 1000
    lines = str(caught.value).splitlines()
    assert len(lines) == MOST_SHOWN + 1
    assert lines[-1].endswith("more; `watcher check --json` has all")


def test_what_the_papers_show_is_sound_and_names_every_column(tmp_path: Path) -> None:
    paper = (Path(__file__).parents[2] / "docs" / "howto" / "many-wallets.md").read_text(encoding="utf-8")
    shown = paper.partition("```csv\n")[2].partition("```")[0]
    found = read(tmp_path, shown.replace(",coinstats,", ",cs,")).wallets
    assert [each.name for each in found] == ["gas-base", "payouts"]
    assert found[1].tags == ("hot", "payroll")
    assert re.findall(r"(?m)^\| `(\w+)` \|", paper) == list(COLUMNS)
