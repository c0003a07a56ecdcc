"""The verbs that only look: balances, polls, outbox. Safe while the daemon runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._actor import actor
from watcher.cli._common import configured, must_know, must_know_wallets, print_json, the_one, time_of
from watcher.cli._options import Config, Json, Limit, Wallets
from watcher.cli._tables import print_table
from watcher.domain.values.formatting import moment, money, price

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend


def balances(config: Config = None, wallet: Wallets = None, json: Json = False) -> int:
    """Show what is held: every confirmed balance, its price, and when it was read."""
    from watcher.reports import holdings

    configuration = configured(config)
    must_know_wallets(configuration, wallet)
    with configuration.settings.backend.queries() as reader:
        past = reader.past()
        rows = holdings.balances(configuration.settings, past)
    rows = [row for row in rows if not wallet or row["wallet"] in wallet]
    if json:
        print_json(rows)
        return 0
    columns = ("wallet", "chain", "symbol", "amount", "price", "value", "as of")
    cells = [
        (
            r["wallet"], r["chain"], r["symbol"] or r["asset"], r["amount"],
            _price(r["price_usd"]), _money(r["value_usd"]) + " claimed" * r["claimed"], moment(r["as_of"]),
        )
        for r in rows
    ]  # fmt: skip
    read = any(state.last_reading for state in past.accounts.values())
    print_table(columns, cells, empty="nothing is held" if read else "nothing has been read yet")
    return 0


def polls(config: Config = None, limit: Limit = 50, json: Json = False) -> int:
    """Show what was asked, newest first: what came of it and what it cost."""
    from watcher.reports import status

    configuration = configured(config)
    with configuration.settings.backend.queries() as reader:
        rows = status.requests(reader.requests(limit))
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
        list[str] | None,
        typer.Option(
            "--retry", metavar="ID", help="Send this delivery again now: its id, or how that begins."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--drop", metavar="ID", help="Take this delivery out: its id, or how that begins."),
    ] = None,
    limit: Limit = 50,
    json: Json = False,
) -> int:
    """Show deliveries, newest first; retry or drop some of them. Exit code 1 if an id is unknown."""
    from watcher.domain.messages.delivery import DeliveryState
    from watcher.reports import status

    configuration = configured(config)
    must_know("state", [state] if state is not None else None, [each.value for each in DeliveryState])
    store = configuration.settings.backend
    missing = _change(store, retry or (), drop or ())
    for each in missing:
        typer.echo(f"there is no pending or given-up delivery {each}", err=True)
    with store.queries() as reader:
        rows = status.deliveries(reader, state, limit)
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


def _change(store: StoreBackend, retry: Sequence[str], drop: Sequence[str]) -> list[str]:
    """Retry some deliveries and drop others; those that are not there."""
    from watcher.commands import deliveries

    by = actor(time_of(store))
    with store.queries() as reader:
        meant = {each: the_one(each, reader.named_deliveries(each), "deliveries") for each in (*retry, *drop)}
    missing: list[str] = []
    for change, texts in ((deliveries.retry, retry), (deliveries.drop, drop)):
        missing += change(store, by, [meant[each] for each in texts]).left
    return missing


def _price(text: str | None) -> str:
    from decimal import Decimal

    return price(Decimal(text)) if text is not None else "unknown"


def _money(text: str | None) -> str:
    from decimal import Decimal

    return money(Decimal(text)) if text is not None else "unknown"
