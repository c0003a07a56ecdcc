"""Writer of letters: what a report says, and the files that go with it, made from the store when it is sent.

A file that cannot be made, or not in time, is left out; it never costs the message.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.util import find_spec

from markupsafe import Markup

from watcher import __version__
from watcher.config.settings import Settings
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message
from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.records import Record
from watcher.domain.rules.match import Match
from watcher.domain.values.periods import Period, days_of
from watcher.letters.curve import Curve, curve, drawn, painted
from watcher.letters.page import embedded, page
from watcher.letters.sections import MOST, Writing
from watcher.letters.spreadsheet import spreadsheet
from watcher.letters.summary import heading, summary
from watcher.ports.channel import LONGEST_PAGE, MAKING, Attachment
from watcher.ports.letters import Summary, report_of
from watcher.ports.store import StoreAccess
from watcher.reports.statement.statement import ALL, Statement, statement

LOG = logging.getLogger(__name__)

LIMIT = MAKING - 0.5
"""Seconds that a message waits for its files at most."""


class Letter(Record, frozen=True):
    """A statement and its curve, read at once; `report`: what it is called, if anything."""

    found: Statement
    drawing: Curve
    report: str = ""

    @property
    def title(self) -> str:
        return f"Report {heading(self.report, self.found)}"

    @property
    def name(self) -> str:
        """What its files are called, without an ending: `monthly-2026-11-01-2026-11-30`."""
        days = days_of(self.found.since, self.found.until, self.found.zone)
        first, last = days or (self.found.since.date(), self.found.until.date())
        return f"{self.report or 'report'}-{first}" + (f"-{last}" if last != first else "")

    def html(self, display: Display = UTC_AND_DOLLARS) -> str:
        """The page with all rows and a drawing."""
        writing, chart = Writing(self.found, display, None), drawn(self.drawing, self.found)
        return page(writing, chart, self.title, __version__, ("letter.css", "chart.css"))

    def mail(self, display: Display = UTC_AND_DOLLARS, picture: Attachment | None = None) -> str:
        """The page with as many rows as mail programs show. A picture is in it instead of a drawing, of which
        they leave nothing but its words."""
        chart, most = embedded(picture) if picture is not None else Markup(""), MOST
        while True:
            text = page(Writing(self.found, display, most), chart, self.title, __version__)
            # The picture is no part of it: a mail has it beside the page.
            if len(text.encode()) - len(chart) <= LONGEST_PAGE or most == 1:
                return text
            most //= 2

    def png(self) -> bytes | None:
        """None where nothing can draw, or there is nothing to draw."""
        if find_spec("PIL") is None:
            return None
        return painted(self.drawing, self.found, self.title)


def read_letter(
    settings: Settings,
    store: StoreAccess,
    since: datetime,
    until: datetime,
    *,
    zone: str = "UTC",
    chosen: Match = ALL,
    report: str = "",
) -> Letter:
    """Everything of one period. StoreError if the store cannot answer."""
    with store.queries() as reader:
        found = statement(settings, reader, since, until, zone=zone, chosen=chosen)
        return Letter(found, curve(reader, found), report)


class LetterWriter:
    """Writes the reports of a configuration."""

    def __init__(self, settings: Settings, store: StoreAccess) -> None:
        self._settings, self._store = settings, store

    def summary(self, report: str, period: Period) -> Summary:
        """What the message says."""
        settings = self._settings.reports[report]
        with self._store.queries() as reader:
            found = statement(
                self._settings, reader, period.since, period.until,
                zone=settings.timezone, chosen=settings.chosen,
            )  # fmt: skip
        return summary(report, found)

    def files(self, deliveries: Sequence[Delivery], display: Display) -> Sequence[Attachment]:
        """Page, table and picture of each report among these, as far as they are made in time."""
        messages = {each.message.id: each.message for each in deliveries if each.message.kind is Kind.REPORT}
        found: list[Attachment] = []
        if not messages:
            return found

        def work() -> None:
            for message in messages.values():
                self._add(message, display, found.append)

        _within(LIMIT, work)
        return found[:]

    def _add(self, message: Message, display: Display, add: Callable[[Attachment], None]) -> None:
        settings, span = self._settings.reports.get(report_of(message)), message.particulars
        if settings is None or span.since is None or span.until is None:
            return  # it was taken out of the configuration meanwhile
        letter = read_letter(
            self._settings, self._store, span.since, span.until,
            zone=settings.timezone, chosen=settings.chosen, report=report_of(message),
        )  # fmt: skip
        drawing, picture = letter.png(), None
        if drawing is not None:
            picture = Attachment(f"{letter.name}.png", "image/png", drawing)
            add(picture)
        html = letter.mail(display, picture).encode()
        table = spreadsheet(letter.found).encode("utf-8-sig")  # so that spreadsheets know that it is UTF-8
        add(Attachment(f"{letter.name}.html", "text/html", html))
        add(Attachment(f"{letter.name}.csv", "text/csv", table))


def _within(seconds: float, work: Callable[[], None]) -> None:
    """Wait so long for work in a thread of its own; what it does after that is for nobody."""
    done = threading.Event()

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 (top of this thread: a file costs no message)
            LOG.warning("a report goes without its files: %s", type(error).__name__)
        finally:
            done.set()

    threading.Thread(target=run, name="letter", daemon=True).start()
    if not done.wait(seconds):
        LOG.warning("the files of a report are not made within %g s: it goes without", seconds)
