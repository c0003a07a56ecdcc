"""Readings of one's own past from a CSV file → history that a backtest can play, or every mistake at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path

from watcher.config.settings import Settings
from watcher.domain.history.reconstruction import PollRecord, RecordedHistory, first_sights
from watcher.domain.model import SWEEPS, Account, Asset, Change, Quote
from watcher.domain.records import Record
from watcher.domain.values.decimals import number_in
from watcher.domain.values.durations import parse_moment
from watcher.domain.values.errors import ConfigurationError, InputError, Place, Problem
from watcher.domain.values.normalization import one_form
from watcher.domain.values.spelling import nearest

COLUMNS = ("time", "wallet", "chain", "asset", "symbol", "amount", "price_usd")
NEEDED = ("time", "wallet", "amount")

MOST_ROWS = 2_000_000
"""Rows of one file: more would fill the memory."""

MOST_DIGITS = 100
"""Of a number, before the point and after it."""

MOST_MISTAKES = 50
"""Mistakes told of one file: a wrong column is wrong in every line."""

MILLISECOND = timedelta(milliseconds=1)
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)


class _Row(Record, frozen=True):
    at: datetime
    account: Account
    asset: Asset
    symbol: str
    amount: Decimal
    price: Decimal | None


TOLD_EVERY = 1000
"""Lines read between two words on how far it is."""

Tell = Callable[[float], None]


def read_history(path: Path, settings: Settings, progress: Tell = lambda _: None) -> RecordedHistory:
    """Read the file. The wallets are those of the configuration: rules choose by their names and tags.

    The rows of one wallet, chain and time are one reading: what it does not name stays as it was, and
    what is gone has a row with the amount 0. `progress` hears the share that is read.
    """
    problems: list[Problem] = []
    rows = sorted(_rows(path, settings, problems, progress), key=lambda row: row.at)
    if not rows and not problems:
        problems.append(Problem(Place(str(path)), "there is no row in this file"))
    if problems:
        raise ConfigurationError(problems[:MOST_MISTAKES])
    return _recorded(rows)


def _rows(path: Path, settings: Settings, problems: list[Problem], progress: Tell) -> Iterator[_Row]:
    try:
        with path.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            names = next(lines, [])
            if wrong := _header(names):
                remedy = f"the columns are {', '.join(COLUMNS)}"
                problems.append(Problem(Place(str(path), 1), wrong, remedy))
                return
            accounts, size = _accounts(settings), max(path.stat().st_size, 1)
            following = lines.line_num + 1
            for fields in lines:
                line, following = following, lines.line_num + 1
                if not fields:
                    continue
                if lines.line_num % TOLD_EVERY == 0:
                    progress(raw.tell() / size)
                try:
                    yield _row(names, fields, accounts)
                except InputError as error:
                    place = Place(str(path), line)
                    problems.append(Problem(place, error.what, error.remedy))
                if len(problems) >= MOST_MISTAKES:
                    return
                if lines.line_num > MOST_ROWS:
                    what = f"the file has more than {MOST_ROWS:,} lines"
                    problems.append(Problem(Place(str(path)), what, "play a shorter time"))
                    return
    except OSError as error:
        problems.append(Problem(Place(str(path)), f"the file cannot be read: {error.strerror}"))
    except (UnicodeDecodeError, csv.Error):
        problems.append(Problem(Place(str(path)), "this is no CSV file in UTF-8", "save it as one"))


def _header(names: Sequence[str]) -> str:
    missing = [name for name in NEEDED if name not in names]
    missing += ["asset or symbol"] if not {"asset", "symbol"} & set(names) else []
    unknown = [name for name in names if name not in COLUMNS]
    if missing:
        return f"the first line names no column {', '.join(missing)}"
    return f"the first line names a column that nobody knows: {unknown[0]!r}" if unknown else ""


def _accounts(settings: Settings) -> dict[str, tuple[Account, ...]]:
    return {wallet.name: wallet.accounts for wallet in settings.wallets}


def _row(names: Sequence[str], fields: Sequence[str], accounts: Mapping[str, tuple[Account, ...]]) -> _Row:
    text = dict.fromkeys(COLUMNS, "")
    text.update((name, field.strip()) for name, field in zip(names, fields, strict=False))
    if len(fields) > len(names):
        raise InputError("this line has more fields than the first one", "put fields with commas in quotes")
    text["wallet"] = one_form(text["wallet"])
    if text["wallet"] not in accounts:
        wallets = nearest(text["wallet"], accounts)
        raise InputError(f"there is no wallet '{text['wallet']}' in the configuration", wallets)
    account, chain = _account(text["wallet"], accounts[text["wallet"]], text["chain"])
    token = text["asset"] or text["symbol"].lower()
    if not token:
        raise InputError("this line names no asset", "write its contract or its symbol")
    if token.lower().startswith("0x"):
        token = token.lower()
    price = _number("price_usd", text["price_usd"]) if text["price_usd"] else None
    amount = _number("amount", text["amount"])
    return _Row(_time(text["time"]), account, Asset(chain, token), text["symbol"], amount, price)


def _account(wallet: str, accounts: Sequence[Account], chain: str) -> tuple[Account, str]:
    """The account that reads this chain of the wallet, and the chain itself."""
    sweeping = [account for account in accounts if account.chain in SWEEPS]
    if not chain:
        if len(accounts) != 1 or sweeping:
            raise InputError(f"'{wallet}' is on several chains", "write which one in the column chain")
        return accounts[0], accounts[0].chain
    found = [account for account in accounts if account.chain == chain] or sweeping
    if not found:
        known = nearest(chain, [account.chain for account in accounts])
        raise InputError(f"'{wallet}' does not watch the chain '{chain}'", known)
    return found[0], chain


def _number(name: str, text: str) -> Decimal:
    try:
        number = number_in(text)
    except ValueError:
        raise InputError(f"{name}: '{text[:40]}' is no number", "write it as in 1234.5") from None
    if not number.is_finite() or number < 0:
        raise InputError(f"{name}: '{text[:40]}' is no amount", "write a number from 0 on")
    if number.adjusted() >= MOST_DIGITS or -int(number.as_tuple().exponent) > MOST_DIGITS:
        raise InputError(
            f"{name}: '{text[:40]}' has more than {MOST_DIGITS} digits before or after the point"
        )
    return number


def _time(text: str) -> datetime:
    try:
        if _SECONDS.fullmatch(text):
            text = (datetime(1970, 1, 1, tzinfo=UTC) + int(Decimal(text) * 1000) * MILLISECOND).isoformat()
        return parse_moment(text)
    except OverflowError as error:
        raise InputError(f"time: {error}") from None
    except InputError as error:
        raise InputError(f"time: {error.what}", error.remedy) from None


def _recorded(rows: Sequence[_Row]) -> RecordedHistory:
    """The rows as the store would have kept them."""
    readings: dict[Account, list[datetime]] = {}
    held: dict[tuple[Account, Asset], tuple[Decimal, Decimal | None]] = {}
    polls: dict[tuple[datetime, str], dict[Account, None]] = {}
    changes: list[Change] = []
    prices: dict[Asset, list[Quote]] = {}
    symbols: dict[Asset, str] = {}
    for row in rows:
        account, asset = row.account, row.asset
        times = readings.setdefault(account, [])
        if not times or times[-1] != row.at:
            times.append(row.at)
        polls.setdefault((row.at, account.source), {})[account] = None
        symbols[asset] = row.symbol or symbols.get(asset, "")
        if row.price is not None:
            prices.setdefault(asset, []).append(Quote(row.price, row.at))
        before_at = times[-2] if len(times) > 1 else None  # in the first reading nothing is new
        before, price = held.get((account, asset)) or (Decimal(0) if before_at else None, None)
        if before != row.amount:
            change = Change(
                account, asset, row.symbol, before, row.amount, before_at, row.at, price, row.price
            )
            changes.append(change)
        held[account, asset] = (row.amount, row.price)
    own = [PollRecord(at, tuple(accounts)) for (at, _), accounts in polls.items()]
    recorded = RecordedHistory(changes, {}, prices, symbols)
    everything = [*own, *first_sights(recorded, rows[-1].at + timedelta(seconds=1))]
    return RecordedHistory(changes, {}, prices, symbols, sorted(everything, key=lambda record: record.at))
