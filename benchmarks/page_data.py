"""A store for the benchmark of the page: many accounts with ten days behind them, and a night of alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from watcher.domain.alerts.lifecycle import Alert, AlertState
from watcher.domain.decision import Decision
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.messages.message import Kind, Message, Severity
from watcher.domain.model import Account, AccountState, Asset, Change, Quote
from watcher.store.sqlite.store import SqliteStore

RULES = """\
rules:
  - {id: low, type: threshold, below: "0.1", clear_above: "0.2"}
  - {id: worth, type: threshold, metric: value_usd, above: "1000"}
  - {id: moved, type: change, by: "10%"}
  - {id: slowly, type: change, by: "10%", within: 1h, since: notified}
  - {id: lasting, type: runway, shorter_than: 5d}
  - {id: each, type: threshold, metric: value_usd, per: wallet, below: "1"}
  - {id: everything, type: threshold, metric: value_usd, per: all, below: "1000"}
  - {id: cover, type: ratio, of: {match: {wallets: ["w1*"]}}, to: {match: {wallets: ["w2*"]}}, below: "1"}
  - {id: silent, type: no_data, longer_than: 1h}
  - {id: new, type: asset, event: appears}
  - {id: credits, type: budget, source: coinstats, used: "80%"}
"""
CHANNEL = "ops"
PAST_A_LIVE = 10
"""Old alerts for each that lives."""
AT_ONCE = 500
SEVERITIES = tuple(Severity)


def config(accounts: int) -> str:
    """So many wallets with one account each, every tenth with a tag of its own."""
    lines = [
        f'  - {{name: w{n}, source: coinstats, address: "0x{n:040x}", chains: [ethereum], tags: [t{n % 7}]}}'
        for n in range(accounts)
    ]
    head = (
        "version: 1\nsources:\n  coinstats: {kind: coinstats, api_key: x, credits: {limit: 20000000}}\n"
        f'channels:\n  {CHANNEL}: {{url: "json://127.0.0.1:9/hook"}}\n'
    )
    return head + "rules: [rules.yaml]\nwallets:\n" + "\n".join(lines) + "\n"


async def fill(store: SqliteStore, accounts: Sequence[Account], assets: int, alerts: int) -> None:
    """Holdings with their history; so many live alerts, as many events, and ten times as many old ones."""
    now = datetime.now(UTC).replace(microsecond=0)
    await _hold(store, accounts, assets, now)
    await _happen(store, accounts, alerts, now)


async def _hold(store: SqliteStore, accounts: Sequence[Account], assets: int, now: datetime) -> None:
    kinds = [Asset("ethereum", f"0x{n:040x}") for n in range(assets)]
    held = {asset: Decimal(n + 1) / 7 for n, asset in enumerate(kinds)}
    quotes = {asset: Quote(Decimal(3), now) for asset in kinds}
    symbols = {asset: f"TOK{n}" for n, asset in enumerate(kinds)}
    for start in range(0, len(accounts), AT_ONCE):
        some = accounts[start : start + AT_ONCE]
        states = tuple(
            AccountState(a, held, {"ethereum": now}, last_attempt=now, watched_since=now - timedelta(days=9))
            for a in some
        )
        changes = tuple(
            change for a in some for asset in kinds for change in _history(a, asset, held[asset], now)
        )
        await _keep(
            store, Decision(now, accounts=states, changes=changes, quotes=quotes, symbols=symbols), some
        )


def _history(account: Account, asset: Asset, held: Decimal, now: datetime) -> Iterator[Change]:
    """First seen ten days ago, and moved twice since."""
    was, before = None, None
    for days, amount in ((10, held + 2), (5, held + 1), (1, held)):
        at = now - timedelta(days=days)
        yield Change(account, asset, "", was, amount, before, at)
        was, before = amount, at


async def _happen(store: SqliteStore, accounts: Sequence[Account], alerts: int, now: datetime) -> None:
    live = [_alert(n, accounts, now - timedelta(minutes=n % 600)) for n in range(alerts)]
    over = [
        _alert(n, accounts, now - timedelta(hours=n % 2000), over=True)
        for n in range(alerts, alerts * (1 + PAST_A_LIVE))
    ]
    await _tell(store, [(each, _delivery(each, Kind.FIRING)) for each in live], now)
    await _tell(store, [(each, _delivery(each, Kind.RESOLVED)) for each in over], now)
    events = [_alert(n, accounts, now - timedelta(minutes=n % 3000)) for n in range(alerts)]
    await _tell(store, [(None, _delivery(each, Kind.EVENT, "e")) for each in events], now)


def _alert(number: int, accounts: Sequence[Account], since: datetime, *, over: bool = False) -> Alert:
    account = accounts[number % len(accounts)]
    severity, wallet = SEVERITIES[number % len(SEVERITIES)], f"w{number % len(accounts)}"
    state = AlertState.RESOLVED if over else AlertState.FIRING
    rule = ("low", "worth", "silent")[number % 3]
    return Alert(
        f"{number:030x}", rule, "f", f"{account.address}/{number}", f"{wallet}: TOK{number % 20} on ethereum",
        wallet, account, severity, state, since, f"0.0{number} is below 0.1", 2, since, since,
        since + timedelta(minutes=9) if over else None, told=(CHANNEL,), told_since=since,
    )  # fmt: skip


def _delivery(alert: Alert, kind: Kind, first: str = "") -> Delivery:
    told = Message(
        first + alert.id, kind, alert.severity, alert.rule, alert.subject, alert.wallet, alert.label,
        (("Wallet", alert.wallet), ("Because", alert.because)), alert.since,
    )  # fmt: skip
    return Delivery(
        f"d{first}{alert.id}", CHANNEL, told, alert.since, alert.since,
        state=DeliveryState.SENT, attempts=1, sent=alert.since,
    )  # fmt: skip


async def _tell(store: SqliteStore, told: Sequence[tuple[Alert | None, Delivery]], now: datetime) -> None:
    for start in range(0, len(told), AT_ONCE):
        some = told[start : start + AT_ONCE]
        alerts = tuple(alert for alert, _ in some if alert is not None)
        sent = [each for _, each in some]
        await _keep(store, Decision(now, alerts=alerts, deliveries=tuple(sent)), [])
        await store.settle(sent)


async def _keep(store: SqliteStore, decision: Decision, accounts: Sequence[Account]) -> None:
    decide: Callable[..., Decision] = lambda _past, _recall: decision  # noqa: E731
    await store.conclude(accounts, decide)
