"""A letter tells a period as it was: its figures are the statement's, and no name in it acts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.letters.given import BEGIN, NOVEMBER, SYMBOLS, TOKEN, Treasury, account, configured
from watcher.app.presentations import display_by_hand
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import Kind, Message, Particulars, Severity
from watcher.domain.messages.presentation import UTC_AND_DOLLARS
from watcher.domain.records import replace
from watcher.domain.rules.match import Match
from watcher.domain.values.decimals import total
from watcher.domain.values.formatting import money
from watcher.domain.values.periods import Period
from watcher.domain.values.text import harmless
from watcher.letters import writer
from watcher.letters.sections import Writing
from watcher.letters.spreadsheet import COLUMNS, spreadsheet
from watcher.letters.summary import name_of, summary
from watcher.letters.writer import Letter, LetterWriter, read_letter
from watcher.ports.channel import LONGEST_PAGE
from watcher.ports.letters import REPORT_RULE, subject_of
from watcher.ports.store import StoreAccess
from watcher.reports.statement.flows import summed_flows
from watcher.store.memory.store import MemoryStore

EXTRA = """\
channels: {ops: {kind: console}}
display: {currency: CHF, rates: {CHF: "0.8012"}, rates_of: 2026-11-29}
reports: {monthly: {channels: ops}, own: {channels: ops, tags: [own]}}
"""


@pytest.fixture
async def there(tmp_path: Path) -> Treasury:
    treasury = Treasury(configured(tmp_path, EXTRA), MemoryStore())
    await treasury.live(6)
    return treasury


def letter(there: Treasury, chosen: Match | None = None) -> Letter:
    settings = there.configuration.settings
    return read_letter(settings, there.store, *NOVEMBER, chosen=chosen or Match(), report="monthly")


def rows(found: Letter) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(spreadsheet(found.found))))


def summed(found: Sequence[dict[str, str]], name: str) -> Decimal:
    return total(Decimal(row[name]) for row in found if row[name])


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


async def test_the_columns_of_the_table_add_up_to_the_figures_of_the_letter(there: Treasury) -> None:
    found = letter(there)
    worth, cells = found.found.total, rows(found)
    for name, figure in (
        ("opening", worth.opening), ("newly_known", worth.unknown_before), ("in", worth.came),
        ("out", worth.went), ("by_price", worth.by_price), ("closing", worth.closing),
        ("change", worth.change),
    ):  # fmt: skip
        assert summed(cells, f"value_usd_{name}") == figure
    for row in cells:
        parts = [Decimal(row[name] or 0) for name in ("opening", "first_seen", "in", "out", "closing")]
        assert parts[0] + parts[1] + parts[2] - parts[3] == parts[4]


async def test_every_figure_of_the_table_of_wallets_is_one_of_the_statement(there: Treasury) -> None:
    found = letter(there)
    page = " ".join(Reader(found.html()).words)
    for group in (*found.found.wallets, *found.found.tags):
        assert group.name in page
        assert money(group.worth.closing) in page
    assert money(found.found.total.closing) in page


async def test_what_nobody_can_know_is_called_unknown_and_listed(there: Treasury) -> None:
    found = letter(there)
    cells = {(row["wallet"], row["symbol"]): row for row in rows(found)}
    fresh = cells["late", "USDC"]
    assert (fresh["opening"], fresh["first_seen"], fresh["value_usd_opening"]) == ("", "12345", "")
    assert "first read within the period" in fresh["notes"]
    assert cells["never", ""]["notes"] == "never read"
    unpriced = cells["treasury", f"'{SYMBOLS[TOKEN]}"]
    assert (unpriced["closing"], unpriced["value_usd_closing"]) == ("10", "")
    spam = cells["payroll", "<b>FREE</b>"]
    assert (spam["closing"], spam["value_usd_closing"]) == ("777", "")
    assert "nobody asked for it" in spam["notes"]
    (late,) = (each for each in Writing(found.found).sections()[0].rows if each[0] == "late")
    assert late[1] == "unknown"
    page = " ".join(Reader(found.html()).words)
    for words in ("never read up to then", "first read within the period", "polls of it failed"):
        assert words in page


async def test_no_name_acts_in_a_spreadsheet_or_on_a_page(there: Treasury) -> None:
    found = letter(there)
    for line in spreadsheet(found.found).splitlines():
        assert not re.search(r"(^|,)\"?[=@]", line)
    page = Reader(found.html())
    ours = "html head meta title style body h1 h2 p div small b table thead tbody tfoot tr th td"
    assert set(page.tags) <= {*ours.split(), "svg", "desc", "g", "path", "text", "rect", "circle"}
    assert page.links == []
    assert "<b>FREE</b>" in " ".join(page.words)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\uff1d1", "\u202e=1"])
def test_a_name_that_a_spreadsheet_would_compute_is_text(name: str) -> None:
    assert harmless(name).startswith("'")


def test_a_name_that_is_none_stays_as_it_is() -> None:
    assert harmless("USDC-2") == "USDC-2"


async def test_alerts_tell_how_long_they_lasted_and_credits_are_the_ledgers(there: Treasury) -> None:
    found = letter(there).found
    assert {each.alert.rule for each in found.alerts} == {"gas-low"}
    for each in found.alerts:
        assert each.ended is not None
        assert each.lasted == each.ended - each.fired
    assert [each.rule for each in found.events] == ["moved"]
    (use,) = found.uses
    with there.store.queries() as reader:
        hours = reader.hours("coinstats", NOVEMBER[0])
    assert use.credits == sum(spent for at, spent, _ in hours if at < NOVEMBER[1])
    assert use.polls.misses == 16


async def test_an_alert_that_is_not_over_lasts_to_the_end_of_the_period(there: Treasury) -> None:
    fired = letter(there).found.alerts[0].fired
    settings = there.configuration.settings
    until = fired + timedelta(hours=5)
    (alert,) = read_letter(settings, there.store, NOVEMBER[0], until).found.alerts
    assert (alert.ended, alert.lasted) == (None, timedelta(hours=5))


async def test_a_selection_tells_nothing_of_the_others(there: Treasury) -> None:
    found = letter(there, Match(tags=("new",)))
    assert {wallet for wallet, _ in found.found.accounts} == {"late", "never"}
    page = found.html() + spreadsheet(found.found)
    for word in ("treasury", "gas-low", "payroll", account("cold").address):
        assert word not in page


async def test_the_summary_has_ten_lines_at_most_and_its_title_is_the_news(there: Treasury) -> None:
    found = letter(there).found
    said = summary("monthly", found)
    change = money(found.total.change)
    assert said.title.startswith(f"Report monthly, November 2026: {money(found.total.closing)} (")
    assert change in said.title
    assert len(said.facts) <= 9
    assert said.worth == found.total.closing
    facts = dict(said.facts)
    assert facts["Not read"].startswith("2 times, the longest 54 h (cold: ")
    assert facts["Alerts"] == "3 alerts (3 critical); 1 event"
    assert facts["Not known"].startswith("1 account never read, 1 holding first read in this time, ")


async def test_the_curve_begins_and_ends_with_the_figures(there: Treasury) -> None:
    found = letter(there)
    pieces, _ = found.drawing
    assert pieces[0][0].value == found.found.total.opening
    assert pieces[-1][-1].value == found.found.total.closing
    picture = found.png()
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert found.html().count("<svg") == 2


async def test_another_currency_stands_beside_dollars_with_its_rate(there: Treasury) -> None:
    found = letter(there)
    display = display_by_hand(there.configuration.settings, there.clock)
    page = found.html(display)
    assert display.beside(found.found.total.closing) in page
    assert "in CHF" in page
    assert "1 USD = CHF 0.8012 of 2026-11-29" in page
    assert "CHF" not in found.html()


def report(name: str = "monthly", identity: str = "r1") -> Delivery:
    span = Particulars(since=NOVEMBER[0], until=NOVEMBER[1])
    message = Message(
        identity,
        Kind.REPORT,
        Severity.INFO,
        REPORT_RULE,
        subject_of(name),
        "",
        "Report",
        (),
        NOVEMBER[1],
        span,
    )
    return Delivery("d1", "ops", message, NOVEMBER[1], NOVEMBER[1])


async def test_a_report_takes_page_table_and_picture_with_it(there: Treasury) -> None:
    files = LetterWriter(there.configuration.settings, there.store).files([report()], UTC_AND_DOLLARS)
    assert [(each.name, each.mime) for each in files] == [
        ("monthly-2026-11-01-2026-11-30.png", "image/png"),
        ("monthly-2026-11-01-2026-11-30.html", "text/html"),
        ("monthly-2026-11-01-2026-11-30.csv", "text/csv"),
    ]
    assert files[2].content.decode("utf-8-sig").startswith(",".join(COLUMNS))


async def test_the_files_of_a_report_are_of_its_own_wallets_and_period(there: Treasury) -> None:
    made = LetterWriter(there.configuration.settings, there.store)
    files = made.files([report("own")], UTC_AND_DOLLARS)
    found = list(csv.DictReader(io.StringIO(files[-1].content.decode("utf-8-sig"))))
    assert {row["wallet"] for row in found} == {"treasury", "payroll", "cold"}
    assert {row["since"] for row in found} == {"2026-11-01T00:00:00.000Z"}
    said = made.summary("own", Period(*NOVEMBER, NOVEMBER[1]))
    assert said.worth == summed(found, "value_usd_closing")


async def test_a_page_as_mail_keeps_its_size_and_its_rest_is_the_exact_sum(there: Treasury) -> None:
    found, writing = letter(there), Writing(letter(there).found, most=2)
    wallets, _, assets, *_ = writing.sections()
    rest = summed_flows(each.worth for each in found.found.wallets[2:])
    assert wallets.rows[2][0] == "and 3 more: in the CSV"
    assert wallets.rows[2][-1] == money(rest.closing)
    assert summed_flows(each.worth for each in found.found.wallets[:2]).add(rest) == found.found.total
    assert len(assets.rows) == 2
    many = replace(
        found.found,
        wallets=tuple(
            each._replace(name=f"{each.name}-{number}")
            for number in range(100)
            for each in found.found.wallets
        ),
    )
    page, whole = replace(found, found=many).mail(), replace(found, found=many).html()
    assert len(page.encode()) <= LONGEST_PAGE
    left = re.search(r"and ([0-9]+) more: in the CSV", page)
    assert left is not None
    names = page.count("treasury-") + page.count("cold-") + page.count("payroll-")
    names += page.count("late-") + page.count("gas-") - page.count("gas-low")
    assert names + int(left[1]) == 500
    assert "in the CSV" not in whole
    assert whole.count(' scope="row"') > 500


async def test_a_worth_that_nobody_knew_at_the_beginning_is_called_unknown_and_not_nothing(
    there: Treasury,
) -> None:
    found = letter(there).found
    fresh = replace(found, holdings=tuple(each for each in found.holdings if not each.opening_known))
    assert dict(summary("monthly", fresh).facts)["Before"].startswith("unknown at the beginning; in ")
    assert dict(summary("monthly", found).facts)["Before"].startswith(money(found.total.opening))


async def test_a_rest_of_which_nothing_is_known_is_called_unknown_too(there: Treasury) -> None:
    found = letter(there).found
    (gas, late) = (next(each for each in found.wallets if each.name == name) for name in ("gas", "late"))
    (eth, _) = found.assets
    unpriced = eth._replace(worth=None)
    few = replace(found, wallets=(gas, late._replace(unpriced=2)), assets=(eth, unpriced, unpriced))
    wallets, _, assets, *_ = Writing(few, most=1).sections()
    assert wallets.rows[1][:2] == ("and 1 more: in the CSV (+ 2 holdings unpriced)", "unknown")
    assert (assets.rows[1][0], assets.rows[1][-1]) == ("and 2 more: in the CSV (2 unpriced)", "unknown")


async def test_a_page_as_mail_shows_each_figure_whole_without_any_style_sheet(there: Treasury) -> None:
    """What Gmail drops is not relied on: no variable, no grid, and each figure has the name of its column."""
    page = letter(there).mail(display_by_hand(there.configuration.settings, there.clock))
    for unknown in ("var(", "grid", "flex", "<svg"):
        assert unknown not in page
    bare = re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL)
    tables = re.findall(r"<table.*?</table>", bare, re.DOTALL)
    assert len(tables) == 9
    for cell in re.findall(r"<td.*?</td>", "".join(tables)):
        assert "display:inline-block" in cell or re.fullmatch(r'<td style="display:none".*>(–|)</td>', cell)
        assert "<small>" in cell or "display:none" in cell


async def test_what_is_no_report_and_what_is_no_longer_configured_has_no_files(there: Treasury) -> None:
    made = LetterWriter(there.configuration.settings, there.store)
    event = report()
    event = replace(event, message=replace(event.message, kind=Kind.EVENT))
    assert made.files([event, report("gone")], UTC_AND_DOLLARS) == []


class BrokenStore:
    """A store that cannot be asked: a disk that is gone, or a fault of ours."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def queries(self) -> object:
        raise self._error


@pytest.mark.parametrize("error", [OSError("no such device"), ZeroDivisionError()])
async def test_a_file_that_cannot_be_made_never_costs_the_message(there: Treasury, error: Exception) -> None:
    store: StoreAccess = BrokenStore(error)  # type: ignore[assignment]
    assert LetterWriter(there.configuration.settings, store).files([report()], UTC_AND_DOLLARS) == []


async def test_files_that_take_too_long_are_left_out(
    there: Treasury, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LIMIT", 0.05)
    with there.store.queries():  # the state in memory is one's own as long as that
        made = LetterWriter(there.configuration.settings, there.store)
        assert made.files([report()], UTC_AND_DOLLARS) == []


async def test_of_a_time_before_anything_was_read_everything_is_unknown(there: Treasury) -> None:
    before = BEGIN - timedelta(days=30)
    found = read_letter(there.configuration.settings, there.store, before, BEGIN)
    assert found.found.holdings == ()
    assert not any(found.found.total)
    assert len(found.found.never_read) == 6
    assert "Nothing is known: no account was read up to then." in found.html()
    said = summary("monthly", found.found)
    assert said.title.endswith(": nothing is known, no account was read up to then")
    assert said.worth is None
    assert "$0.00" not in found.html() + str(said)
    assert found.png() is None


async def test_a_page_is_of_its_own_time_zone(there: Treasury) -> None:
    settings = there.configuration.settings
    since, until = datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)
    found = read_letter(settings, there.store, since, until, zone="Europe/Zurich")
    assert "From 2026-11-01 00:00 up to 2026-12-01 00:00 (Europe/Zurich)" in found.html()
    assert found.title == "Report November 2026"


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        ("2026-10-31T23:00", "2026-11-30T23:00", "November 2026"),
        ("2026-11-22T23:00", "2026-11-29T23:00", "2026-11-23 to 2026-11-29"),
        ("2026-10-24T22:00", "2026-10-25T23:00", "2026-10-25"),
        ("2026-11-01T00:00", "2026-11-02T10:30", "2026-11-01 01:00 to 2026-11-02 11:30"),
    ],
)
def test_a_period_is_named_as_people_call_it(since: str, until: str, name: str) -> None:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (since, until))
    assert name_of(begin, end, "Europe/Zurich") == name
