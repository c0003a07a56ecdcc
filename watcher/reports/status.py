"""What the store knows, as rows: one source for `--json`, tables and the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from watcher.config.models import Cron
from watcher.config.settings import Settings
from watcher.config.wallets import WalletsByAccount, WalletSettings
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.decision import Snapshot
from watcher.domain.evaluation.never_held import never_held
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account, AccountState, Asset
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.domain.values.cron import tick_after
from watcher.domain.values.formatting import plain
from watcher.ports.queries import ChannelState, LoggedPoll, PollMark, Queries
from watcher.reports.alerts import AlertViews, delivery_row
from watcher.reports.credits import credits_of
from watcher.reports.health import (
    WAITS_TOO_LONG,
    Readiness,
    channels_of,
    is_late,
    overdue,
    readiness,
    tally,
    waiting,
)
from watcher.reports.members import member_rows, member_troubles
from watcher.reports.rows import (
    AccountRow,
    AlertRow,
    ChannelRow,
    DeliveryRow,
    HeldPriceRow,
    HintSourceRow,
    HistoryRow,
    NeverHeldRow,
    Overall,
    PollRow,
    StatusRow,
)

OK: Final = "ok"
WARNING: Final = "warning"
CRITICAL: Final = "critical"
UNKNOWN: Final = "unknown"


def wallets_by_account(settings: Settings) -> Mapping[Account, WalletSettings]:
    return WalletsByAccount(settings.wallets)


def history(
    settings: Settings,
    reader: Queries,
    limit: int,
    names: Sequence[str] = (),
    since: datetime | None = None,
    assets: Collection[Asset] | None = None,
) -> list[HistoryRow]:
    """Changes, newest first; only those of these wallets and assets, if any are named."""
    wallets = wallets_by_account(settings)
    chosen = {account: wallet for account, wallet in wallets.items() if not names or wallet.name in names}
    return history_of(chosen, reader, limit, since, assets)


def history_of(
    wallets: Mapping[Account, WalletSettings],
    reader: Queries,
    limit: int,
    since: datetime | None = None,
    assets: Collection[Asset] | None = None,
    skip: int = 0,
) -> list[HistoryRow]:
    """The same of some accounts."""
    return [
        {
            "wallet": wallets[change.account].name,
            "source": change.account.source,
            "chain": change.asset.chain,
            "asset": change.asset.token,
            "symbol": change.symbol,
            "before": plain(change.before) if change.before is not None else None,
            "after": plain(change.after),
            "after_at": change.after_at,
            "before_at": change.before_at,
            "interest": change.drift,
        }
        for change in reader.history(limit, list(wallets), since, assets, skip)
    ]


def requests(asked: Sequence[LoggedPoll]) -> list[PollRow]:
    """The poll log: what was asked, what came of it, what it cost."""
    return [
        {
            "id": each.id,
            "source": each.source,
            "purpose": each.purpose,
            "accounts": each.accounts,
            "readings": each.readings,
            "misses": each.misses,
            "credits": each.cost if each.charged is None else each.charged,
            "charge_known": each.charged is not None,
            "failure": each.failure,
            "at": each.reserved_at,
            "ended": each.ended_at,
        }
        for each in asked
    ]


def deliveries(reader: Queries, state: str | None, limit: int, skip: int = 0) -> list[DeliveryRow]:
    """The outbox, newest first."""
    return [delivery_row(each) for each in reader.deliveries(state, limit, skip)]


def report(
    settings: Settings,
    reader: Queries,
    now: datetime,
    allowances: Mapping[str, CreditPlan],
    past: Snapshot | None = None,
) -> StatusRow:
    """The state of everything, and one word for it.

    `past`: everything that is known, if the caller has it already; else it is read from the store.
    """
    past = past or reader.past()
    accounts = accounts_of(settings, reader, past.accounts, now)
    hints = _hints(settings, reader, accounts, now) if settings.hints else {}
    counts = reader.counts()
    found = sorted(past.alerts.values(), key=lambda each: (each.state, each.since, each.rule, each.subject))
    alerts = AlertViews(settings, past.silences, now).rows(found)
    stalled, partly = (
        any(now - since > WAITS_TOO_LONG for since in waiting(settings, reader, now, partly=each).values())
        for each in (False, True)
    )
    members = member_rows(reader.members(), now)
    some = partly or any(row["trouble"] for row in members)
    return {
        "state": _word(accounts, alerts, given_up=counts.given_up > 0, stalled=stalled, partly=some),
        "accounts": accounts,
        "credits": {name: credits_of(reader, name, plan, now) for name, plan in allowances.items()},
        "alerts": alerts,
        "deliveries": {"pending": counts.pending, "sent": counts.sent, "given_up": counts.given_up},
        "held_prices": _held_prices(settings, past),
        "channels": _channels(settings, reader),
        "never_held": _never_held(settings, past, now),
        "hints": hints,
        "members": members,
    }


def _hints(
    settings: Settings, reader: Queries, accounts: Sequence[AccountRow], now: datetime
) -> dict[str, HintSourceRow]:
    """How hint sources fare; the accounts that they concern are expected to be seen sooner."""
    from watcher.reports.hints import HintReport

    found = HintReport(settings, reader, now)
    found.set_delays(accounts)
    return found.rows()


def _never_held(settings: Settings, past: Snapshot, now: datetime) -> list[NeverHeldRow]:
    """Wallets in which nothing was ever seen, though they were read for a day and more."""
    wallets = wallets_by_account(settings)
    found = never_held(wallets, past.accounts, now)
    return [{"wallet": name, "since": since} for name, since in sorted(found.items())]


def accounts_of(
    settings: Settings, reader: Queries, states: Mapping[Account, AccountState], now: datetime
) -> list[AccountRow]:
    """How each account fares, in the order of the configuration."""
    outlooks = {name: Outlook.load(reader.fact(name, OUTLOOK)) for name in settings.sources}
    return [
        _account(account, wallet, states.get(account), outlooks.get(account.source), now)
        for account, wallet in wallets_by_account(settings).items()
    ]


def lateness(settings: Settings, reader: Queries, now: datetime) -> Callable[[PollMark], bool | None]:
    """Says of each account that is watched whether it is late, where nothing else about it is asked."""
    outlooks = {name: Outlook.load(reader.fact(name, OUTLOOK)) for name in settings.sources}
    wallets = wallets_by_account(settings)

    def late(mark: PollMark) -> bool | None:
        wallet, outlook = wallets[mark.account], outlooks.get(mark.account.source)
        return is_late(wallet, interval_of(mark.account, wallet, outlook), outlook, mark, now)

    return late


def ready(
    settings: Settings, reader: Queries, now: datetime, *, stuck: Sequence[str], doubts: Sequence[str]
) -> tuple[Readiness, list[ChannelState]]:
    """Would an alert reach somebody now, and how channels fare; where nothing else is asked."""
    polls = tally(wallets_by_account(settings), reader.poll_marks(), lateness(settings, reader, now))
    channels = channels_of(settings, reader, now)
    odd = member_troubles(member_rows(reader.members(), now))
    return readiness(polls, channels, now, stuck=stuck, doubts=[*doubts, *odd]), channels


def late_ones(accounts: Sequence[AccountRow]) -> set[Account]:
    """Of such rows those that are late."""
    return {Account(row["source"], row["chain"], row["address"]) for row in accounts if row["late"]}


def behind(row: AccountRow) -> bool:
    """Whether somebody should look at an account: it, or a part of it, is late, or it was never read."""
    return bool(row["late"] or row["stale"] or row["last_reading"] is None)


def _channels(settings: Settings, reader: Queries) -> list[ChannelRow]:
    """Channels that do not tell what they are owed, and why, in the words of their services."""
    return [
        {"channel": each.name, "pending": each.pending, "since": each.oldest_pending, "trouble": each.trouble}
        for each in reader.channels(list(settings.channels))
        if each.trouble
    ]


def interval_of(account: Account, wallet: WalletSettings, outlook: Outlook | None) -> float | None:
    """Seconds between two polls: what the cadence intends now, or else what is set; None if neither is."""
    every = wallet.every if isinstance(wallet.every, timedelta) else None
    interval = every.total_seconds() if every is not None else None
    if outlook is not None:
        interval = outlook.intervals.get(f"{account.chain}:{account.address}", interval)
    return interval


def _account(
    account: Account,
    wallet: WalletSettings,
    state: AccountState | None,
    outlook: Outlook | None,
    now: datetime,
) -> AccountRow:
    last_attempt = state.last_attempt if state else None
    last_reading = state.last_reading if state else None
    interval = interval_of(account, wallet, outlook)
    mark = PollMark(account, last_reading, state.misses if state else 0)
    return {
        "wallet": wallet.name,
        "source": account.source,
        "chain": account.chain,
        "address": account.address,
        "last_reading": last_reading,
        "next_poll": _following(wallet, interval, last_attempt),
        "misses": state.misses if state else 0,
        "miss": state.miss if state else "",
        "late": is_late(wallet, interval, outlook, mark, now),
        "stale": bool(overdue(wallet, interval, outlook, _oldest(state) if state else None, now)),
        "held": [f"{asset.chain}/{asset.token}: {held.reason}" for asset, held in state.held.items()]
        if state
        else [],
        "quarantined": len(state.quarantined) if state else 0,
        "interval_seconds": interval,
        "expected_delay_seconds": interval / 2 if interval is not None else None,
    }


def _following(
    wallet: WalletSettings, interval: float | None, last_attempt: datetime | None
) -> datetime | None:
    """When an account is due after it was asked for last; None: it never was, or nothing says."""
    if last_attempt is None:
        return None
    if isinstance(wallet.every, Cron):
        return tick_after(wallet.every.cron, wallet.every.timezone, last_attempt)
    return last_attempt + timedelta(seconds=interval) if interval else None


def _oldest(state: AccountState) -> datetime | None:
    """Of what is held and seen by rules but was not confirmed with the rest: the longest ago that it was."""
    visible = (asset for asset in state.stale if state.amounts.get(asset) and asset not in state.quarantined)
    return min((state.stale[asset] for asset in visible), default=None)


def _held_prices(settings: Settings, past: Snapshot) -> list[HeldPriceRow]:
    """Prices in doubt of what is held: until they are confirmed, nothing is judged in dollars by them."""
    open_doubts = {asset: doubt for asset, doubt in past.doubts.items() if not doubt.settled}
    holders: dict[Asset, set[str]] = {}
    for account, wallet in wallets_by_account(settings).items() if open_doubts else ():
        state = past.accounts.get(account) or AccountState(account)
        for asset in open_doubts.keys() & state.amounts.keys():
            if state.amounts[asset]:
                holders.setdefault(asset, set()).add(wallet.name)
    rows: list[HeldPriceRow] = []
    for asset, names in holders.items():
        doubt, quote = open_doubts[asset], past.quotes.get(asset)
        rows.append(
            {
                "chain": asset.chain,
                "asset": asset.token,
                "symbol": past.symbols.get(asset, ""),
                "wallets": sorted(names),
                "price_usd": plain(doubt.price) if doubt.price is not None else None,
                "believed_usd": plain(quote.price) if quote else None,
                "since": doubt.since,
                "reason": doubt.reason,
            }
        )
    return rows


def unread(accounts: Sequence[AccountRow]) -> bool:
    """Whether nothing is read any more of what was: no daemon is at work, or it can do nothing.

    Between two ticks of a cron line may be weeks: what such an account shows is as old as its reading.
    """
    late = [row["last_reading"] for row in accounts if row["late"] and row["last_reading"] is not None]
    return bool(late) and not any(
        row["late"] is False
        and (row["interval_seconds"] or ((at := row["last_reading"]) is not None and at >= max(late)))
        for row in accounts
    )


def unread_because(accounts: Sequence[AccountRow]) -> str:
    """What to look at when nothing is read any more: what each source said last, if it was asked since."""
    said = {row["source"]: row["miss"] for row in accounts if row["miss"]}
    if not said:
        return "see that `watcher run` is at work, and what its log says"
    reasons = "; ".join(f"{source}: {why}" for source, why in said.items())
    return f"{reasons} (once that is mended, see that `watcher run` is at work)"


def _word(
    accounts: Sequence[AccountRow], alerts: Sequence[AlertRow], *, given_up: bool, stalled: bool, partly: bool
) -> Overall:
    """One word: critical if money or an alert may be at stake, warning if somebody should look.

    `stalled`: something waits too long for a channel; `partly`: for some of its recipients, or a member is
    not as it should be.
    What is silenced or inhibited counts for nothing: somebody knows.
    """
    firing = [alert for alert in alerts if alert["state"] == "firing"]
    told_of_nothing = given_up or stalled or unread(accounts)
    if told_of_nothing or any(alert["severity"] == Severity.CRITICAL for alert in firing):
        return CRITICAL
    if accounts and all(row["last_reading"] is None for row in accounts):
        return UNKNOWN
    if partly or any(map(behind, accounts)) or any(alert["severity"] == Severity.WARNING for alert in firing):
        return WARNING
    return OK
