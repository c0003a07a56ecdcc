"""What the overview says in one sentence, and how figures look on the pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.config.wallets import WalletSettings
from watcher.domain.decision import Snapshot
from watcher.domain.model import Account
from watcher.domain.records import Record, field
from watcher.domain.values import decimals
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import amount, counted, moment, money, percent, signed
from watcher.domain.values.text import clean
from watcher.reports.day_change import DayChange, Holdings, Unpriced, Worth, few
from watcher.reports.explain import RuleAnswer
from watcher.reports.rows import AccountRow, WalletBalanceRow
from watcher.web.snapshot import PageSnapshot

LONGEST_REASON = 200


def promised(wallet: WalletSettings, interval: float | None) -> str:
    """How often an account is to be read: what is set, or what is promised at least, or what is intended."""
    if isinstance(wallet.every, timedelta):
        return f"every {span(wallet.every.total_seconds())}"
    if wallet.at_least_every is not None:
        return f"within {span(wallet.at_least_every.total_seconds())}"
    return (
        f"about every {span(interval)}" if interval else "by its cron line" if wallet.every != "auto" else ""
    )


def sentence(snapshot: PageSnapshot, *, firing: int, late: int, unread: int) -> str:
    """The truth in one sentence: how many alerts fire, and how many accounts are late or were never read."""
    rows = snapshot.status["accounts"]
    count = counted(len(rows), "account")
    parts = [] if snapshot.readiness.ready else ["an alert might reach nobody"]
    parts.append(f"{counted(firing, 'alert')} firing" if firing else "no alert fires")
    if late:
        parts.append(f"{late:,} of {count} {'is' if late == 1 else 'are'} late")
    if unread:
        parts.append(f"{unread:,} of {count} {'was' if unread == 1 else 'were'} not read yet")
    if not late and not unread:
        parts.append(f"{'the account was' if len(rows) == 1 else f'all {count} were'} read as promised")
    for name, row in snapshot.status["credits"].items():
        out = row["runs_out"]
        parts.append(
            f"credits of {name} run out on {moment(out)} at this pace" if out else f"credits of {name} last"
        )
    words = "; ".join(parts)
    return f"{words[0].upper()}{words[1:]}."


def whole(number: float) -> str:
    """A count with its thousands apart."""
    return f"{number:,.0f}"


def total(rows: Sequence[WalletBalanceRow]) -> Worth:
    """What they are worth together."""
    priced = [(Decimal(row["value_usd"]), row["claimed"]) for row in rows if row["value_usd"] is not None]
    believed, only_claimed = (
        decimals.total(value for value, claimed in priced if claimed is each) for each in (False, True)
    )
    unpriced: dict[str, Unpriced] = {}
    for row in rows:
        if row["value_usd"] is None and not row["claimed"]:
            name = row["symbol"] or row["asset"]
            before = unpriced.get(f"{row['chain']}/{row['asset']}") or Unpriced(name, decimals.ZERO, 0)
            held = decimals.plus(before.amount, Decimal(row["amount"]))
            unpriced[f"{row['chain']}/{row['asset']}"] = Unpriced(name, held, before.holdings + 1)
    return Worth(believed, len(rows) - len(priced), only_claimed, few(unpriced.values()))


def unpriced(worth: Worth) -> list[str]:
    """What has no price, in words: amounts by name, and how many others there are."""
    named = [f"{amount(each.amount)} {cut(clean(each.name), 24)}" for each in worth.named]
    others = worth.unpriced - sum(each.holdings for each in worth.named)
    if others > 0:
        named.append(counted(others, "other amount" if named else "amount"))
    return named


def worth(past: Snapshot, account: Account) -> Worth:
    """What one account holds is worth."""
    state = past.accounts.get(account)
    return Holdings([account]).totals(past).worth(past) if state is not None else Worth(decimals.ZERO, 0)


def change(day: DayChange) -> str:
    """What a day has changed, in dollars and in per cent."""
    moved = signed(money(day.delta), day.delta)
    return f"{moved} ({signed(percent(day.delta, day.before), day.delta)})" if day.before else moved


class SourceTotals(Record):
    """A source with how its accounts fare."""

    source: str
    accounts: int = 0
    late: int = 0
    held: int = 0
    last_reading: datetime | None = None
    misses: Counter[str] = field(default_factory=Counter)

    @property
    def trouble(self) -> str:
        """The miss of most accounts; empty if there is none."""
        missing = self.misses.most_common(1)
        return f"{counted(missing[0][1], 'account')}: {missing[0][0]}" if missing else ""

    def take(self, row: AccountRow, *, late: bool) -> None:
        """Count one more account."""
        self.accounts += 1
        self.late += late
        self.held += bool(row["held"])
        if row["misses"]:
            self.misses[row["miss"]] += 1
        at = row["last_reading"]
        if at is not None and (self.last_reading is None or at > self.last_reading):
            self.last_reading = at


def sources(snapshot: PageSnapshot, late: Callable[[AccountRow], bool]) -> list[SourceTotals]:
    """Each source with how its accounts fare, in the order of the configuration."""
    found: dict[str, SourceTotals] = {}
    for row in snapshot.status["accounts"]:
        found.setdefault(row["source"], SourceTotals(row["source"])).take(row, late=late(row))
    return list(found.values())


def distance(share: Decimal) -> str:
    """How far a value is from a level, as a share of that."""
    if not share:
        return "at the level"
    size = share.copy_abs() * 100
    text = f"{size:.1f}" if size < 100 else f"{size:,.0f}" if size < 10_000 else "over 10,000"
    return f"{text}\N{NARROW NO-BREAK SPACE}% {'above' if share > 0 else 'below'}"


def closeness(answer: RuleAnswer) -> str:
    """The same, and what it is of; or why it is not known."""
    near = cut(clean(answer.near), LONGEST_REASON)
    if answer.distance is None:
        return near
    return f"{distance(answer.distance)} ({near})" if near else distance(answer.distance)


def says_more(label: str, name: str) -> bool:
    """Whether the label of a wallet says more than its name: `Cold Storage` of `cold-storage` does not."""
    said, known = (re.sub(r"[\s_.-]+", " ", each).strip().casefold() for each in (label, name))
    return bool(said) and said != known


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def is_found(row: AccountRow, words: str, wallet: WalletSettings | None = None) -> bool:
    """Whether somebody who searches for these words may mean this account."""
    searched = [row["wallet"], row["source"], row["chain"], chain_name(row["chain"]), row["address"]]
    if wallet is not None:
        searched += (*wallet.tags, wallet.label, wallet.note)
    wanted = words.casefold()
    return any(wanted in each.casefold() for each in searched)
