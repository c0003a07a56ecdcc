"""What the overview says in one sentence, and how figures look on the pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.conclusion import Past
from watcher.domain.display import moment, money
from watcher.domain.duration import span
from watcher.domain.exact import ZERO, plus, times
from watcher.domain.exact import total as exact_sum
from watcher.domain.model import Account, Asset
from watcher.notify.markup import clean
from watcher.report import Row
from watcher.settings import WalletSettings
from watcher.web.looking import Look

GRACE, SLACK = 1.5, timedelta(seconds=10)
"""An account is late once its age is so many times what was promised, and a little: a poll takes its time."""


def late(row: Row, wallet: WalletSettings, now: datetime) -> bool:
    """Whether an account was not read within what the configuration promises for it."""
    if row["misses"] >= 3 or row["last_reading"] is None:
        return True
    promise = wallet.every if isinstance(wallet.every, timedelta) else wallet.at_least_every
    return promise is not None and now - row["last_reading"] > promise * GRACE + SLACK


def promised(wallet: WalletSettings, interval: float | None) -> str:
    """How often an account is to be read: what is set, or what is promised at least, or what is intended."""
    if isinstance(wallet.every, timedelta):
        return f"every {span(wallet.every.total_seconds())}"
    if wallet.at_least_every is not None:
        return f"within {span(wallet.at_least_every.total_seconds())}"
    return (
        f"about every {span(interval)}" if interval else "by its cron line" if wallet.every != "auto" else ""
    )


def sentence(look: Look, wallets: Mapping[Account, WalletSettings]) -> str:
    """The truth in one sentence."""
    rows = look.status["accounts"]
    behind = sum(
        late(row, wallets[Account(row["source"], row["chain"], row["address"])], look.at) for row in rows
    )
    count = counted(len(rows), "account")
    if not behind:
        all_well = "The account was read" if len(rows) == 1 else f"All {count} were read"
        parts = [f"{all_well} as promised"]
    else:
        parts = [f"{behind:,} of {count} {'is' if behind == 1 else 'are'} late"]
    firing = sum(alert["state"] == "firing" for alert in look.status["alerts"])
    parts.append(f"{counted(firing, 'alert')} firing" if firing else "no alert fires")
    for name, row in look.status["credits"].items():
        out = row["runs_out"]
        parts.append(
            f"credits of {name} run out on {moment(out)} at this pace" if out else f"credits of {name} last"
        )
    if not look.readiness.ready:
        parts.append("an alert might reach nobody: " + "; ".join(map(clean, look.readiness.broken)))
    return "; ".join(parts) + "."


def counted(count: int, word: str, words: str = "") -> str:
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def whole(number: float) -> str:
    """A count with its thousands apart."""
    return f"{number:,.0f}"


def total(rows: Sequence[Row]) -> tuple[str, int]:
    """The value of all that has a price, and how many amounts have none."""
    values = [Decimal(row["value_usd"]) for row in rows if row["value_usd"] is not None]
    return money(exact_sum(values)), len(rows) - len(values)


def worth(past: Past, watched: Collection[Account]) -> tuple[str, int]:
    """The same for everything: amounts are summed by asset first, which is as exact and far quicker."""
    sums: dict[Asset, Decimal] = {}
    unpriced = 0
    for account in watched:
        state = past.accounts.get(account)
        if state is None:
            continue
        for asset, amount in state.amounts.items():
            if asset in past.quotes:
                sums[asset] = plus(sums.get(asset, ZERO), amount)
            else:
                unpriced += bool(amount)
    return money(exact_sum(times(held, past.quotes[asset].price) for asset, held in sums.items())), unpriced


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, at most three digits."""
    if at is None:
        return "never"
    seconds = max((now - at).total_seconds(), 0.0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
