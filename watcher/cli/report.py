"""The verb `report`: the statement of a period, as text, page, spreadsheet or JSON."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._common import configured, plain_json, print_json
from watcher.cli._encoding import json_text
from watcher.cli._options import Config, Json
from watcher.cli._tables import fold, screen, table
from watcher.domain.values.durations import parse_duration, parse_moment
from watcher.domain.values.errors import InputError
from watcher.domain.values.normalization import in_one_form
from watcher.domain.values.periods import beginning_of, month_before
from watcher.domain.values.spelling import nearest
from watcher.service.clock import SystemClock

if TYPE_CHECKING:
    from watcher.config.settings import Settings
    from watcher.domain.messages.presentation import Display
    from watcher.domain.rules.match import Match
    from watcher.letters.writer import Letter


_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Months before this are not counted back to: time itself has a beginning in Python."""


class ReportFormat(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="DAY",
        help="The first day, as in 2026-11-01; or a time with its zone, or 30d. Default: last month.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="DAY", help="The day after the last one. Default: until now."),
]
WalletGlobs = Annotated[
    list[str] | None,
    typer.Option(
        "--wallet",
        metavar="GLOB",
        help="Only wallets called so; may be repeated.",
        autocompletion=_completion.wallets,
        callback=in_one_form,
    ),
]
TagGlobs = Annotated[
    list[str] | None,
    typer.Option(
        "--tag", metavar="GLOB", help="Only wallets with such a tag; may be repeated.", callback=in_one_form
    ),
]


def report(
    config: Config = None,
    since: Since = None,
    until: Until = None,
    wallet: WalletGlobs = None,
    tag: TagGlobs = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="What it is written as.", case_sensitive=False)
    ] = ReportFormat.TEXT,
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Zone of the days. Default: `display:`, or UTC."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where to write it instead.")
    ] = None,
    json: Json = False,
) -> int:
    """Show what was held at both ends of a time, what came in and went out, alerts and what it cost.

    The sums add up exactly, and what nobody can know is called unknown. The spreadsheet has one row for
    each wallet, chain and asset, with every digit.
    """

    settings = configured(config).settings
    zone = _zone(settings, timezone)
    begin, end = _period(since, until, zone)
    chosen = _chosen(settings, wallet or [], tag or [])
    if json:
        form = ReportFormat.JSON
    from watcher.app.presentations import display_by_hand
    from watcher.letters.writer import read_letter

    letter = read_letter(settings, settings.backend, begin, end, zone=zone, chosen=chosen)
    if form is ReportFormat.JSON and output is None:
        from watcher.reports.statement.rows import statement_row

        print_json(statement_row(letter.found))
        return 0
    text = _written(letter, form, display_by_hand(settings))
    if output is None:
        sys.stdout.write(text)
        return 0
    with output.open("w", encoding="utf-8-sig" if form is ReportFormat.CSV else "utf-8", newline="") as out:
        out.write(text)
    typer.echo(f"written to {output}", err=True)
    return 0


def _zone(settings: Settings, asked: str | None) -> str:
    from watcher.domain.values.fields import zone_named

    if asked is None:
        return settings.display.timezone or "UTC"
    try:
        return zone_named(asked).key
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def _period(since: str | None, until: str | None, zone: str) -> tuple[datetime, datetime]:
    """Last month if nothing is said; from then until now, if only the beginning is."""
    now = SystemClock().now()
    begin, end = month_before(now, zone)
    if until is not None:
        end = _moment("--until", until, zone, now)
        begin = month_before(end, zone)[0]
    if since is not None:
        begin = _moment("--since", since, zone, now)
        end = end if until is not None else now
    end = min(end, now)
    if begin >= end:
        raise typer.BadParameter("nothing lies between --since and --until")
    return begin, end


def _moment(option: str, text: str, zone: str, now: datetime) -> datetime:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            found = beginning_of(date.fromisoformat(text), zone)
        elif re.fullmatch(r"[0-9]+[smhd]", text):
            found = now - parse_duration(text)
        else:
            found = parse_moment(text)
    except (ValueError, OverflowError):
        what = f"{option}: '{text[:40]}' is no day and no time"
        raise typer.BadParameter(f"{what}; write 2026-11-01, 2026-11-01T08:00:00Z or 30d") from None
    if found < _EARLIEST:
        raise typer.BadParameter(f"{option}: no chain is older than {_EARLIEST:%Y}")
    return found


def _chosen(settings: Settings, wallets: list[str], tags: list[str]) -> Match:
    from watcher.domain.rules.match import Match

    chosen = Match(wallets=tuple(wallets), tags=tuple(tags))
    if not any(map(chosen.wallet, settings.wallets)):
        known = {each.name for each in settings.wallets}
        said = nearest(wallets[0], known) if wallets else "see 'tags:' of the wallets"
        raise typer.BadParameter(f"no wallet is {chosen.describe()}; {said}")
    return chosen


def _written(letter: Letter, form: ReportFormat, display: Display) -> str:
    if form is ReportFormat.HTML:
        return letter.html(display)
    if form is ReportFormat.CSV:
        from watcher.letters.spreadsheet import spreadsheet

        return spreadsheet(letter.found)
    if form is ReportFormat.JSON:
        from watcher.reports.statement.rows import statement_row

        return json_text(statement_row(letter.found), sys.stdout, indent=2, default=plain_json) + "\n"
    return "\n".join(_lines(letter, display)) + "\n"


def _lines(letter: Letter, display: Display) -> Iterator[str]:
    from watcher.letters.sections import HOW, Writing
    from watcher.letters.summary import summary

    writing, on = Writing(letter.found, display), screen()
    said = summary(letter.report, letter.found)
    yield from fold(on.paint(said.title, "1"), on.width)
    for label, value in said.facts:
        yield from fold(f"{label}: {value}", on.width)
    for section in writing.sections():
        yield ""
        yield on.paint(section.title, "1")
        rows = [*section.rows, *([section.total] if section.total else [])]
        right = section.columns[len(section.columns) - section.numbers :]
        yield from table(section.columns, rows, on, empty=section.empty, right=right)
        if section.note:
            yield from fold(section.note, on.width)
    yield ""
    yield from fold(HOW, on.width)
    if rate := display.rate():
        yield from fold(rate, on.width)
