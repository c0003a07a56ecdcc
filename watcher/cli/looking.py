"""The verbs that only look: status, balances, history, polls, outbox. Safe while the daemon runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from watcher import report
from watcher.cli._common import Config, Json, configured, print_json, print_table
from watcher.domain.display import moment, money, price
from watcher.domain.duration import format_duration, parse_duration, span
from watcher.domain.errors import StoreError
from watcher.service.clock import SystemClock
from watcher.wiring import Configuration, credit_plans, store_path

Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many rows.")]
Wallets = Annotated[
    list[str] | None, typer.Option("--wallet", metavar="NAME", help="Only this wallet; may be repeated.")
]

EXIT = {report.OK: 0, report.WARNING: 1, report.CRITICAL: 2, report.UNKNOWN: 3}


def status(config: Config = None, json: Json = False) -> int:
    """Show sources, credits, accounts and their age, alerts and deliveries.

    Exit code: 0 ok, 1 warning, 2 critical, 3 unknown.
    """
    configuration = configured(config)
    now = SystemClock().now()
    try:
        with _reader(configuration) as reader:
            state = report.status(configuration.settings, reader, now, credit_plans(configuration.settings))
    except StoreError as error:
        typer.echo(f"watcher: {error}", err=True)
        return EXIT[report.UNKNOWN]
    if json:
        print_json(state)
    else:
        _show_status(state, now)
    return EXIT[state["state"]]


def balances(config: Config = None, wallet: Wallets = None, json: Json = False) -> int:
    """Show what is held: every confirmed balance, its price, and when it was read."""
    configuration = configured(config)
    _check_names(configuration, wallet)
    with _reader(configuration) as reader:
        past = reader.past()
        rows = report.balances(configuration.settings, past)
    rows = [row for row in rows if not wallet or row["wallet"] in wallet]
    if json:
        print_json(rows)
        return 0
    columns = ("wallet", "chain", "symbol", "amount", "price", "value", "as of")
    cells = [
        (
            r["wallet"], r["chain"], r["symbol"] or r["asset"], r["amount"],
            _price(r["price_usd"]), _money(r["value_usd"]), moment(r["as_of"]),
        )
        for r in rows
    ]  # fmt: skip
    read = any(state.last_reading for state in past.accounts.values())
    print_table(columns, cells, empty="nothing is held" if read else "nothing has been read yet")
    return 0


def history(
    config: Config = None,
    wallet: Wallets = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="D", help="Only the last so long, as in 24h or 7d.")
    ] = None,
    limit: Limit = 100,
    json: Json = False,
) -> int:
    """Show what changed, newest first."""
    configuration = configured(config)
    _check_names(configuration, wallet)
    start = _since(since)
    with _reader(configuration) as reader:
        rows = report.history(configuration.settings, reader, limit, wallet or (), start)
    if json:
        print_json(rows)
        return 0
    columns = ("wallet", "chain", "symbol", "before", "after", "between", "and")
    cells = [
        (
            r["wallet"], r["chain"], r["symbol"] or r["asset"], r["before"], r["after"],
            moment(r["before_at"]), moment(r["after_at"]),
        )
        for r in rows
    ]  # fmt: skip
    print_table(columns, cells, empty="nothing has changed")
    return 0


def polls(config: Config = None, limit: Limit = 50, json: Json = False) -> int:
    """Show what was asked, newest first: what came of it and what it cost."""
    configuration = configured(config)
    with _reader(configuration) as reader:
        rows = report.requests(reader.requests(limit))
    if json:
        print_json(rows)
        return 0
    columns = ("at", "source", "purpose", "accounts", "read", "missed", "credits", "failure")
    cells = [
        (
            moment(r["at"]), r["source"], r["purpose"], str(r["accounts"]), str(r["readings"]),
            str(r["misses"]), f"{r['credits']:,}" + ("" if r["charge_known"] else "?"),
            r["failure"] or ("" if r["ended"] else "under way, or cut off"),
        )
        for r in rows
    ]  # fmt: skip
    print_table(columns, cells, empty="nothing has been asked yet")
    return 0


def outbox(
    config: Config = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="STATE", help="Only pending, sent, given_up or dropped."),
    ] = None,
    retry: Annotated[
        list[str] | None, typer.Option("--retry", metavar="ID", help="Send this delivery again now.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="ID", help="Take this delivery out.")
    ] = None,
    limit: Limit = 50,
    json: Json = False,
) -> int:
    """Show deliveries, newest first; retry or drop some of them. Exit code 1 if an id is unknown."""
    from watcher.domain.delivery import DeliveryState
    from watcher.store.reader import change_deliveries

    configuration = configured(config)
    if state is not None and state not in set(DeliveryState):
        raise typer.BadParameter(f"--state {state}: choose one of {', '.join(DeliveryState)}")
    path, now = store_path(configuration.settings), SystemClock().now()
    missing: list[str] = []
    for action, ids in (("retry", retry or []), ("drop", drop or [])):
        found = change_deliveries(path, action, ids, now) if ids else []
        missing += [each for each in ids if each not in found]
    for each in missing:
        typer.echo(f"there is no pending or given-up delivery {each}", err=True)
    with _reader(configuration) as reader:
        rows = report.deliveries(reader, state, limit)
    if json:
        print_json(rows)
    else:
        columns = ("id", "channel", "state", "attempts", "created", "title", "last error")
        cells = [
            (
                r["id"], r["channel"], r["state"], str(r["attempts"]), moment(r["created"]), r["title"],
                r["last_error"],
            )
            for r in rows
        ]  # fmt: skip
        print_table(columns, cells, empty="no deliveries")
    return 1 if missing else 0


def _reader(configuration: Configuration) -> Any:
    from watcher.store.reader import Reader

    return Reader(store_path(configuration.settings))


def _check_names(configuration: Configuration, names: list[str] | None) -> None:
    known = {wallet.name for wallet in configuration.settings.wallets}
    for name in names or ():
        if name not in known:
            raise typer.BadParameter(f"there is no wallet '{name}'; there are {', '.join(sorted(known))}")


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return SystemClock().now() - parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _price(text: str | None) -> str:
    from decimal import Decimal

    return price(Decimal(text)) if text is not None else "unknown"


def _money(text: str | None) -> str:
    from decimal import Decimal

    return money(Decimal(text)) if text is not None else "unknown"


def _show_status(state: report.Row, now: datetime) -> None:
    print(f"watcher: {state['state']}")
    for name, row in state["credits"].items():
        line = (
            f"{name}: {row['spent']:,} of {row['limit']:,} credits spent, until {moment(row['period_end'])}"
        )
        out = row["runs_out"]
        print(line + (f"; at this pace they run out on {moment(out)}" if out else ""))
        _show_outlook(row)
    print()
    columns = ("wallet", "source", "chain", "age", "misses", "trouble")
    cells = [
        (
            row["wallet"], row["source"], row["chain"], _age(row["last_reading"], now),
            str(row["misses"]), row["miss"] or "; ".join(row["held"]),
        )
        for row in state["accounts"]
    ]  # fmt: skip
    print_table(columns, cells, empty="no accounts")
    print()
    alerts = [
        (a["severity"], a["state"], a["rule"], a["subject"], a["because"], a["acknowledged_by"] or "")
        for a in state["alerts"]
    ]
    columns = ("severity", "state", "rule", "subject", "because", "acknowledged by")
    print_table(columns, alerts, empty="no alert is pending or firing")
    waiting = sum(row["quarantined"] for row in state["accounts"])
    if waiting:
        print(f"\n{waiting} assets that no rule sees; `watcher assets` lists them")
    for held in state["held_prices"]:
        name = held["symbol"] or held["asset"]
        print(
            f"\n{name} on {held['chain']}: {held['reason']}; not judged in dollars until a price is confirmed"
        )
    row = state["deliveries"]
    print(f"\ndeliveries: {row['pending']} pending, {row['sent']} sent, {row['given_up']} given up")


def _show_outlook(row: report.Row) -> None:
    """What the cadence intends and found, as the daemon wrote it down last."""
    if row["stretch"] is not None and row["stretch"] > 1.02:
        print(f"  not every interval can be afforded: {row['stretch']:.1f} times as long; see `watcher plan`")
    finds = row["finds"]
    if finds is not None and finds["count"]:
        gap, planned = span(finds["mean_gap_seconds"]), span(finds["planned_gap_seconds"])
        print(f"  polls that found a change came {gap} after the one before on average ({planned} intended)")
    provider = row["provider"]
    if provider is not None and provider["used"] != row["spent"]:
        print(f"  the provider counted {provider['used']:,} at {moment(provider['at'])}")


def _age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never read"
    return format_duration(timedelta(seconds=max(0, int((now - at).total_seconds()))))
