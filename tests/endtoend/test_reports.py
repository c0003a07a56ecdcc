"""A month is over, and the treasurer has one letter: by mail, with its page, picture and table."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tests.letters.given import Treasury, configured
from tests.notify.mailbox import Mailbox, smtp
from watcher.app.application import App
from watcher.app.build import build
from watcher.config.configuration import Configuration
from watcher.domain.messages.delivery import Delivery
from watcher.letters.writer import LetterWriter
from watcher.reports.statement.statement import statement
from watcher.store.sqlite.store import SqliteStore

DUE = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
"""Seven o'clock in Zurich on the first of December."""

SETTINGS = """\
channels: {{treasurer: {{url: "mailto://127.0.0.1:{port}?from=w@example.com&to=t@example.com"}}}}
display: {{timezone: Europe/Zurich, currency: CHF, rates: {{CHF: "0.8012"}}, rates_of: 2026-11-29}}
reports: {{monthly: {{every: monthly, timezone: Europe/Zurich, channels: [treasurer]}}}}
"""


@dataclass
class Office:
    """A configuration at work over a real store, whose clock is moved by hand."""

    configuration: Configuration
    store: SqliteStore
    treasury: Treasury
    box: Mailbox

    async def start(self) -> App:
        letters = LetterWriter(self.configuration.settings, self.store)
        app = await build(self.configuration, self.store, clock=self.treasury.clock, letters=letters)
        await app.prepare()
        return app

    async def work(self, app: App, at: datetime | None = None) -> None:
        """Look what is due, and tell it."""
        clock = self.treasury.clock
        await clock.advance(((at or clock.now()) - clock.now()).total_seconds())
        reports: Any = dict(app.jobs)["reports"]
        await reports.__self__.once()
        await app.deliverer.once()

    def delivered(self) -> list[Delivery]:
        with self.store.queries() as queries:
            return [each for each in queries.deliveries(None, 99) if each.message.rule == "watcher.report"]


@asynccontextmanager
async def office(folder: Path, box: Mailbox) -> AsyncIterator[Office]:
    async with smtp(box) as port:
        configuration = configured(folder, SETTINGS.format(port=port))
        store = await SqliteStore.open(folder / "watcher.db", exclusive=True)
        try:
            yield Office(configuration, store, Treasury(configuration, store), box)
        finally:
            await store.close()


def parts(mail: EmailMessage) -> dict[str, list[EmailMessage]]:
    found: dict[str, list[EmailMessage]] = {}
    for part in mail.walk():
        found.setdefault(part.get_content_type(), []).append(part)
    return found


async def test_one_mail_a_month_with_page_picture_and_table_whatever_is_started_again(tmp_path: Path) -> None:
    async with office(tmp_path, Mailbox()) as there:
        await there.treasury.live(5)
        app = await there.start()
        await there.work(app)
        there.box.mails.clear()
        await there.work(app, DUE)
        await app.close()
        for _ in range(2):
            again = await there.start()
            await there.work(again)
            await again.close()
        (mail,) = [each for each in there.box.mails if "Report" in str(each["Subject"])]
        found = parts(mail)
        with there.store.queries() as reader:
            (message,) = {each.message for each in there.delivered()}
            span = message.particulars
            assert span.since is not None
            assert span.until is not None
            whole = statement(there.configuration.settings, reader, span.since, span.until)
            history = reader.history(10**6, since=span.since)
    assert str(mail["Subject"]).startswith("Report monthly, November 2026: $")
    (page,) = found["text/html"]
    (table,) = found["text/csv"]
    (picture,) = found["image/png"]
    assert f'src="cid:{str(picture["Content-ID"])[1:-1]}"' in page.get_content()
    assert "base64" not in page.get_content()
    assert "By wallet" in page.get_content()
    assert "CHF " in page.get_content()
    assert (table.get_filename(), picture.get_filename()) == (
        "monthly-2026-11-01-2026-11-30.csv", "monthly-2026-11-01-2026-11-30.png",
    )  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(table.get_content().removeprefix("\ufeff"))))
    assert sum(Decimal(row["value_usd_closing"] or 0) for row in rows) == whole.total.closing
    moved = [each for each in history if each.before is not None and each.after_at < span.until]
    came = sum(max(each.after - (each.before or 0), Decimal(0)) for each in moved)
    assert sum(Decimal(row["in"] or 0) for row in rows) == came
    for row in rows:
        if row["opening"]:
            parts_of = [Decimal(row[name]) for name in ("opening", "first_seen", "in", "out", "closing")]
            assert parts_of[0] + parts_of[1] + parts_of[2] - parts_of[3] == parts_of[4]


async def test_a_mail_server_that_is_away_for_an_hour_costs_the_letter_neither_page_nor_table(
    tmp_path: Path,
) -> None:
    async with office(tmp_path, Mailbox()) as there:
        await there.treasury.live(3)
        app = await there.start()
        await there.work(app)
        there.box.mails.clear()
        there.box.refuse = "451 come back later"
        await there.work(app, DUE)
        for _ in range(8):
            await there.work(app, DUE.replace(minute=there.treasury.clock.now().minute + 5))
        assert there.box.mails == []
        there.box.refuse = ""
        await there.work(app, DUE.replace(hour=7))
        await app.close()
        (mail,) = [each for each in there.box.mails if "Report" in str(each["Subject"])]
    assert {"text/html", "text/csv", "image/png"} <= parts(mail).keys()
