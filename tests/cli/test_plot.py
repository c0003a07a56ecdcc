"""`history --plot`: steps where something is known, blanks where it is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.charts.test_chart import CONFIG, outage
from tests.contract.given import after
from tests.endtoend.bench import here
from tests.store.given import opened
from watcher.charts.chart import ChartLine
from watcher.charts.plot import Plot
from watcher.cli import history as verb
from watcher.cli._plot import HEIGHT, plot
from watcher.cli._tables import Screen
from watcher.domain.history.timeline import Gap, Point, Segment
from watcher.domain.values.formatting import amount

START = datetime(2026, 11, 14, tzinfo=UTC)
END = START + timedelta(days=7)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def flat(first: int, last: int, value: str) -> Segment:
    return (Point(hour(first), Decimal(value)), Point(hour(last), Decimal(value)))


def drawn(pieces: list[Segment], gaps: list[Gap], width: int = 80) -> list[str]:
    found = Plot(START, END, pieces, "", "", gaps, format_value=amount)
    return plot(found, ChartLine(tuple(pieces), tuple(gaps)), Screen(width))


def rows(lines: list[str]) -> list[str]:
    """What is right of the axis, row by row."""
    return [line.partition("┤")[2] for line in lines[:HEIGHT]]


def test_an_outage_is_blank_and_marked_and_never_zero() -> None:
    gap = Gap(hour(56), hour(112))
    lines = drawn([flat(0, 56, "5"), flat(112, 168, "7")], [gap])
    width = len(lines[HEIGHT].partition("└")[2])
    middle = range(width // 3 + 1, 2 * width // 3 - 1)
    assert all(row[column : column + 1] in ("", " ") for row in rows(lines) for column in middle)
    axis = lines[HEIGHT].partition("└")[2]
    assert all(axis[column] == "░" for column in middle)
    assert axis[0] == axis[-1] == "─"
    assert lines[0].split()[0] == "7.0"
    assert lines[HEIGHT - 1].split()[0] == "5.0"
    said = "░ not read from 2026-11-16 08:00:00 UTC to 2026-11-18 16:00:00 UTC"
    assert lines[-1] == said


def test_a_value_holds_until_the_next_one_and_then_goes_straight() -> None:
    step = (Point(hour(0), Decimal(7)), Point(hour(84), Decimal(8)), Point(END, Decimal(8)))
    found = rows(drawn([step], []))
    assert [row.strip() != "" for row in found] == [True] * HEIGHT  # the riser crosses every row
    assert all(len(row.strip()) == 1 for row in found[1:-1])


def test_the_scale_is_that_of_the_page_and_begins_at_zero_where_that_flattens_nothing() -> None:
    lines = drawn([flat(0, 84, "1"), flat(84, 168, "2")], [])
    labels = [line.partition("┤")[0].strip() for line in lines[:HEIGHT]]
    assert list(filter(None, labels)) == ["2.0", "1.5", "1.0", "0.5", "0"]


def test_a_value_that_does_not_move_is_a_line_in_the_middle() -> None:
    lines = drawn([flat(0, 168, "3")], [])
    shown = [number for number, row in enumerate(rows(lines)) if row.strip()]
    assert shown == [HEIGHT // 2 - 1]
    assert lines[HEIGHT // 2 - 1].split()[0] == "3.0"


def test_one_reading_between_two_outages_is_a_dot() -> None:
    found = rows(drawn([(Point(hour(84), Decimal(3)),)], [Gap(START, hour(84)), Gap(hour(84), END)]))
    assert "".join(found).replace(" ", "") != ""
    assert len("".join(found).replace(" ", "")) == 1


def test_where_nothing_is_known_nothing_is_drawn() -> None:
    assert drawn([], [Gap(START, END)]) == ["nothing is known of this time"]


@pytest.mark.parametrize("width", [200, 80, 40, 24])
def test_a_chart_fits_the_screen(width: int) -> None:
    pieces = [flat(0, 60, "12345.678"), flat(90, 168, "0.00012345")]
    lines = drawn(pieces, [Gap(hour(60), hour(90))], width)
    assert max(map(len, lines)) <= width


def test_amounts_with_more_digits_than_a_float_has_are_drawn_apart() -> None:
    low, high = "100000000000000000000000000000000001", "100000000000000000000000000000000003"
    lines = drawn([flat(0, 84, low), flat(84, 168, high)], [], 120)
    assert rows(lines)[0].strip()
    assert rows(lines)[-1].strip()


async def test_the_verb_draws_what_the_store_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(tmp_path / "watcher.db") as store:
        await outage(store)
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb, "time_of", lambda _: after(minutes=85))
    words = ("history", "--plot", "--asset", "ethereum", "--since", "2h")
    assert await here(*words) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("hot: amount of")
    assert "░ not read from" in shown
    assert "\x1b" not in shown
    assert await here(*words, "--json") == 0
    (chart,) = json.loads(capsys.readouterr().out)
    assert [piece[0]["value"] for piece in chart["segments"]] == ["5", "3"]
    assert len(chart["gaps"]) == 1
    assert await here("history", "--plot", "--since", "2h") == 0
    assert "$50.00" in capsys.readouterr().out
    assert await here("history", "--asset", "ethereum", "--json") == 0
    assert [row["after"] for row in json.loads(capsys.readouterr().out)] == ["3"]
    assert await here("history", "--asset", "etherium") == 2
    assert "did you mean 'ethereum'?" in capsys.readouterr().err
