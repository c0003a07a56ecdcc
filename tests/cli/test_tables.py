"""What a table does on a screen of any width."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.cli._tables import Screen, fold, screen, table

ADDRESS = "0x9f114da25b61b77606d47eab414b9360f8783979"
COLUMNS = ("severity", "wallet", "address", "amount", "because")
ROWS = [
    ("critical", "treasury", ADDRESS, "1,234.5", "0.018 ETH is below 0.05 ETH, and was so for a long time"),
    ("info", "gas", ADDRESS, "2", "it moved"),
]


@pytest.mark.parametrize("width", [200, 120, 80, 60, 40, 20])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    assert max(map(len, table(COLUMNS, ROWS, Screen(width), empty="nothing"))) <= width


@pytest.mark.parametrize("width", [200, 80, 40])
def test_every_word_is_shown_whatever_the_width(width: int) -> None:
    text = " ".join(" ".join(table(COLUMNS, ROWS, Screen(width), empty="nothing")).split())
    for word in ("critical", "treasury", "1,234.5", "moved", "time"):
        assert word in text


def test_an_address_is_shortened_in_the_middle_only_where_it_does_not_fit() -> None:
    assert ADDRESS in " ".join(table(COLUMNS, ROWS, Screen(200), empty=""))
    narrow = " ".join(table(COLUMNS, ROWS, Screen(80), empty=""))
    assert "0x9f114d…3979" in narrow
    assert ADDRESS not in narrow


def test_in_a_pipe_all_of_it_is_on_one_line() -> None:
    rows = [("x" * 900, "y", ADDRESS, "1", "a long story " * 70)]
    lines = table(COLUMNS, rows, Screen(), empty="")
    assert len(lines) == 3
    assert ADDRESS in lines[2]
    assert lines[2].count("a long story") == 70


def test_numbers_are_never_broken() -> None:
    rows = [("info", "a wallet with a long name", ADDRESS, "123456789012345678901234567890", "so it is")]
    for width in (40, 60, 80):
        text = "\n".join(table(COLUMNS, rows, Screen(width), empty=""))
        assert "123456789012345678901234567890" in text


def test_colours_are_on_a_terminal_only_and_never_against_the_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    terminal: object = Terminal()
    assert screen(terminal).colours  # type: ignore[arg-type]
    assert not screen().colours
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen(terminal).colours  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not screen(terminal).colours  # type: ignore[arg-type]


def test_names_from_an_api_cannot_command_the_terminal() -> None:
    rows = [("info", "\x1b[2Jgone\u202e", ADDRESS, "1", "\x07")]
    text = "".join(table(COLUMNS, rows, Screen(80), empty=""))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x07" not in text


def test_wide_signs_count_as_the_two_cells_that_they_take() -> None:
    lines = table(("wallet", "symbol"), [("金庫", "円"), ("ab", "c")], Screen(40), empty="")
    assert lines[2] == "金庫    円"
    assert lines[3] == "ab      c"


@given(st.text(alphabet="ab金 -", max_size=60), st.integers(4, 30))
def test_folding_loses_nothing_and_fits(text: str, width: int) -> None:
    from rich.cells import cell_len

    lines = fold(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
