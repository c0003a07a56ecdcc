"""Sections of a letter: titled tables of a statement, for a page and a terminal alike.

Dollars are cut to cents where people read them; the table for spreadsheets has every digit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from watcher.domain.messages.presentation import UTC_AND_DOLLARS, Display
from watcher.domain.model import Account, Asset
from watcher.domain.records import Record
from watcher.domain.values.decimals import total
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import amount, counted, money, signed
from watcher.domain.values.formatting import price as unit_price
from watcher.domain.values.text import clean
from watcher.reports.statement.flows import Flow, Flows, summed_flows
from watcher.reports.statement.statement import FlowGroup, Statement

MOST = 200
"""Rows of one section on a terminal; the rest is counted, and summed where there is a sum."""

UNKNOWN = "unknown"
NONE = "\N{EN DASH}"
"""In place of a zero: among many figures those that say something are found sooner."""

TIMES = frozenset({"from", "until", "fired", "at", "lasted"})
"""Columns of times."""

HOW = (
    "In and out are differences between two readings: what went both ways between them is seen as its"
    " difference. All that came and went is valued at the price of the end, and what was there at the"
    " beginning at the price of then; so opening + newly known + in \N{MINUS SIGN} out + price = closing."
    " Newly known is what was there when it was first read or first had a price: nobody knows since when."
    " Figures are cut to cents; the table that goes with this has every digit."
)

Row = tuple[str, ...]
T = TypeVar("T")


class Section(Record, frozen=True):
    """A table with its title. `numbers`: how many of the columns, from the right, are numbers.

    `note` is what is said below it; `empty` what is said in place of rows.
    """

    title: str
    columns: Row
    rows: tuple[Row, ...]
    numbers: int = 0
    total: Row = ()
    note: str = ""
    empty: str = ""


class Writing:
    """How a statement is written: in its zone, and with another currency beside dollars if one is shown.

    `most`: rows of one section, the largest first; None: all of them.
    """

    def __init__(self, found: Statement, display: Display = UTC_AND_DOLLARS, most: int | None = MOST) -> None:
        self.of, self.display, self._most = found, display, most
        self._zone = ZoneInfo(found.zone)

    def at(self, moment: datetime | None) -> str:
        return "" if moment is None else f"{moment.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def worth(self, usd: Decimal) -> str:
        """Dollars, and the other currency beside them."""
        beside = self.display.beside(usd)
        return f"{money(usd)} ({beside})" if beside else money(usd)

    def sections(self) -> list[Section]:
        """All that there is something to say of, in the order in which a treasurer asks for it."""
        found = (
            self._groups("By wallet", "wallet", self.of.wallets, self.of.total),
            self._groups("By tag", "tag", self.of.tags, None),
            self._assets(),
            self._apart(),
            self._unknown(),
            self._unread(),
            self._alerts(),
            self._events(),
            self._costs(),
        )
        return [each for each in found if each is not None]

    def _groups(self, title: str, name: str, groups: Sequence[FlowGroup], total: Flow | None) -> Section:
        newly = any(each.worth.unknown_before for each in groups)
        other = _currency(self.display)
        columns = (name, "opening", *(("newly known",) if newly else ()), "in", "out", "price", "closing")
        columns += (f"in {other}",) if other else ()

        def cells(first: str, worth: Flow, *, known: bool = True) -> Row:
            middle = (_moved(worth.unknown_before),) if newly else ()
            last = (self.display.beside(worth.closing),) if other else ()
            figures = (_flow(worth.came), _flow(worth.went), _moved(worth.by_price), money(worth.closing))
            return (first, money(worth.opening) if known else UNKNOWN, *middle, *figures, *last)

        listed, rest = self._split(groups)
        shown = [*listed, *([_rest(rest)] if rest else [])]
        rows = [cells(_with(each), each.worth, known=each.opening_known) for each in shown]
        overlaps = name == "tag" and sum(each.holdings for each in groups) > len(self.of.counted)
        note = "A wallet with several tags counts in each of them." if overlaps else ""
        last = cells("all", total) if total is not None and rows else ()
        return Section(title, columns, tuple(rows), len(columns) - 1, last, note, self._empty())

    def _assets(self) -> Section:
        columns = (
            *("asset", "chain", "opening", "first seen", "in", "out", "closing"),
            *("price then", "price", "value"),
        )
        listed, rest = self._split(self.of.assets)
        rows = []
        for each in listed:
            held = each.amounts
            prices = (_price(each.price_before), _price(each.price_after))
            worth = money(each.worth.closing) if each.worth is not None else UNKNOWN
            between = (held.unknown_before, held.came, held.went)
            opening = amount(held.opening) if each.opening_known else UNKNOWN
            amounts = (opening, *(amount(part) if part else NONE for part in between))
            names = (_name(each.symbol, each.asset), clean(each.asset.chain))
            rows.append((*names, *amounts, amount(held.closing), *prices, worth))
        if rest:
            known = [each.worth.closing for each in rest if each.worth is not None]
            left = f" ({len(rest) - len(known):,} unpriced)" if len(known) < len(rest) else ""
            worth = money(total(known)) if known else UNKNOWN
            rows.append((_more(rest) + left, *("",) * (len(columns) - 2), worth))
        return Section("By asset", columns, tuple(rows), 8, empty=self._empty())

    def _empty(self) -> str:
        return "Nothing was held." if self.of.known else "Nothing is known."

    def _apart(self) -> Section | None:
        rows = [
            (*_place(each), amount(each.amounts.closing), each.apart or "no price is known")
            for each in (*self.of.unpriced, *self.of.apart)
        ]
        columns = ("wallet", "asset", "chain", "closing", "why it is in no sum of dollars")
        return self._cut("In no sum of dollars", columns, rows) if rows else None

    def _unknown(self) -> Section | None:
        rows = [
            (*_place(each), self.display.localised(note))
            for each in self.of.counted
            for note in each.notes
            if note != "no price is known"
        ]
        never = [
            (wallet, "", _chain(account), f"never read up to then{f': {clean(why)}' if why else ''}")
            for wallet, account, why in self.of.never_read
        ]
        columns = ("wallet", "asset", "chain", "what is not known")
        return self._cut("What is not known", columns, [*never, *rows]) if never or rows else None

    def _unread(self) -> Section:
        names = {account: wallet for wallet, account in self.of.accounts}
        rows = [
            (
                self.at(each.since),
                self.at(each.until),
                span(each.lasted.total_seconds()),
                names.get(each.account, "") if each.account is not None else "",
                clean(each.what),
                clean(each.why),
            )
            for each in self.of.unread
        ]
        columns = ("from", "until", "lasted", "wallet", "what", "why")
        log = self.of.polls_from
        note = ""
        if log is None or log > self.of.since:
            since = f"begins at {self.at(log)}" if log is not None else "is empty"
            note = f"The log of polls {since}: of the time before only long outages are known."
        return self._cut("What could not be read", columns, rows, note=note, empty="No long outage is known.")

    def _alerts(self) -> Section:
        rows = [
            (
                self.at(each.fired),
                str(each.alert.severity),
                clean(each.alert.rule),
                clean(each.alert.label),
                span(each.lasted.total_seconds()) + ("" if each.ended is not None else ", not over"),
                clean(each.alert.because),
            )
            for each in self.of.alerts
        ]
        columns = ("fired", "severity", "rule", "subject", "lasted", "because")
        return self._cut("Alerts", columns, rows, empty="No alert fired.")

    def _events(self) -> Section | None:
        rows = [
            (self.at(each.at), str(each.severity), clean(each.rule), clean(each.title))
            for each in self.of.events
        ]
        return self._cut("Events", ("at", "severity", "rule", "what"), rows) if rows else None

    def _costs(self) -> Section:
        rows = []
        for each in self.of.uses:
            polls = each.polls
            numbers = (each.credits, each.requests, polls.failed, polls.readings, polls.misses)
            rows.append((clean(each.source), *(f"{number:,}" for number in numbers)))
        columns = ("source", "credits", "requests", "failed", "readings", "misses")
        return self._cut("What it cost", columns, rows, numbers=5, empty="No source was asked.")

    def _split(self, rows: Sequence[T]) -> tuple[Sequence[T], Sequence[T]]:
        """What is listed, and the rest."""
        most = len(rows) if self._most is None else self._most
        return rows[:most], rows[most:]

    def _cut(
        self,
        title: str,
        columns: Row,
        rows: Sequence[Row],
        *,
        numbers: int = 0,
        note: str = "",
        empty: str = "",
    ) -> Section:
        """A section of no more rows than people read; it says how many are left out."""
        listed, rest = self._split(rows)
        words = [f"{counted(len(rest), 'row')} more, left out here."] if rest else []
        return Section(title, columns, tuple(listed), numbers, (), " ".join([*words, note]).strip(), empty)


def _currency(display: Display) -> str:
    """The code of the currency beside dollars; empty if there is none."""
    found = re.search(r"[A-Z]{3}", display.beside(Decimal(1)))
    return found[0] if found else ""


def _more(rest: Sequence[object]) -> str:
    """What stands in place of the rest; its figures are their sums."""
    return f"and {len(rest):,} more: in the CSV"


def _rest(groups: Sequence[FlowGroup]) -> FlowGroup:
    """All of them as one."""
    return FlowGroup(
        _more(groups),
        summed_flows(each.worth for each in groups),
        sum(each.holdings for each in groups),
        sum(each.unpriced for each in groups),
        any(each.opening_known for each in groups),
    )


def _with(group: FlowGroup) -> str:
    """The name of a group, and that not all of it has a value."""
    return f"{group.name} (+ {counted(group.unpriced, 'holding')} unpriced)" if group.unpriced else group.name


def _flow(value: Decimal) -> str:
    return money(value) if value else NONE


def _moved(value: Decimal) -> str:
    return signed(money(value), value) if value else NONE


def _price(value: Decimal | None) -> str:
    return UNKNOWN if value is None else unit_price(value)


def _name(symbol: str, asset: Asset) -> str:
    return clean(symbol) or clean(asset.token)


def _place(flows: Flows) -> Row:
    return flows.wallet, _name(flows.symbol, flows.asset), clean(flows.asset.chain)


def _chain(account: Account) -> str:
    return clean(account.chain)
