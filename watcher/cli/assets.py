"""`assets`: what is held, and what of it no rule sees."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._actor import actor
from watcher.cli._common import configured, must_know_wallets, print_json, time_of
from watcher.cli._options import Config, Json, Wallets
from watcher.cli._tables import print_table
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import money
from watcher.domain.values.spelling import closest

if TYPE_CHECKING:
    from watcher.config.configuration import Configuration
    from watcher.domain.model import Account
    from watcher.reports.rows import AssetRow


class Action(StrEnum):
    LIST = "list"
    RELEASE = "release"
    HIDE = "hide"


def assets(
    action: Annotated[Action, typer.Argument(help="What to do.")] = Action.LIST,
    asset: Annotated[
        list[str] | None,
        typer.Argument(metavar="ASSET", help="Contract, CHAIN/CONTRACT, or a symbol that only one bears."),
    ] = None,
    config: Config = None,
    wallet: Wallets = None,
    everything: Annotated[
        bool, typer.Option("--all", help="List all assets; release: all of the wallet's quarantine.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is hidden.")] = "not wanted",
    json: Json = False,
) -> int:
    """List what waits in quarantine, release it to the rules, or hide an asset from them.

    A token that turns up without a price or as dust is kept, and no rule sees it, until it is worth
    something, a rule or the configuration names its contract, or it is released here. What is hidden here
    stays hidden until it is released here. Safe while the daemon runs, which heeds it with its next
    reading. Exit code 1 if an asset is not found.
    """
    configuration = configured(config)
    must_know_wallets(configuration, wallet)
    code = 0
    if action is Action.LIST:
        if asset:
            raise typer.BadParameter("list takes no assets; narrow it with --wallet")
    else:
        code = _change(configuration, action, wallet or [], asset or [], everything=everything, reason=reason)
    every = everything and action is Action.LIST
    rows = [row for _, row in _rows(configuration, wallet) if every or row["state"] != "visible"]
    if json:
        print_json(rows)
    else:
        _show(rows)
    return code


def _change(
    configuration: Configuration,
    action: Action,
    wallets: Sequence[str],
    names: Sequence[str],
    *,
    everything: bool,
    reason: str,
) -> int:
    from watcher.commands.assets import hide, release
    from watcher.domain.model import Asset

    if len(wallets) != 1:
        raise typer.BadParameter(f"{action} needs one --wallet NAME")
    if not names and not (everything and action is Action.RELEASE):
        raise typer.BadParameter(f"{action} needs the assets that are meant, or for release --all")
    rows = _rows(configuration, wallets)
    release_all = everything and action is Action.RELEASE
    chosen = [each for each in rows if release_all and each[1]["state"] != "visible"]
    missing = 0
    for name in names:
        found = [each for each in rows if _is(each[1], name)]
        if len({row["asset"] for _, row in found}) == 1:
            chosen += found
            continue
        missing += 1
        several = ", ".join(sorted(f"{row['chain']}/{row['asset']}" for _, row in found))
        trouble = f"several assets are called so: {several}" if found else _unknown(rows, name)
        typer.echo(f"{name}: {trouble}; `watcher assets --all --wallet {wallets[0]}` lists them", err=True)
    holdings = [(account, Asset(row["chain"], row["asset"])) for account, row in chosen]
    store = configuration.settings.backend
    by = actor(time_of(store))
    if holdings and action is Action.HIDE:
        try:
            hide(store, by, holdings, reason)
        except InputError as error:
            raise typer.BadParameter(f"--reason: {error}") from None
    elif holdings:
        release(store, by, holdings)
    return 1 if missing else 0


def _unknown(rows: Sequence[tuple[Account, AssetRow]], name: str) -> str:
    """The asset that was probably meant, if there is one like it."""
    names = {each.lower() for _, row in rows for each in (row["symbol"], row["asset"]) if each}
    close = closest(name.lower(), names)
    return "there is no such asset" + (f", did you mean '{close}'?" if close else "")


def _is(row: AssetRow, name: str) -> bool:
    name = name.lower()
    return name in (row["asset"].lower(), f"{row['chain']}/{row['asset']}".lower(), row["symbol"].lower())


def _rows(configuration: Configuration, wallets: Sequence[str] | None) -> list[tuple[Account, AssetRow]]:

    from watcher.reports import holdings, status

    with configuration.settings.backend.queries() as reader:
        rows = holdings.assets_of(status.wallets_by_account(configuration.settings), reader.past())
    return [each for each in rows if not wallets or each[1]["wallet"] in wallets]


def _show(rows: Sequence[AssetRow]) -> None:
    from decimal import Decimal

    columns = ("wallet", "chain", "symbol", "asset", "amount", "value", "state", "reason")
    cells = [
        (
            r["wallet"], r["chain"], r["symbol"], r["asset"], r["amount"],
            money(Decimal(r["value_usd"])) if r["value_usd"] is not None else "unknown",
            r["state"], f"{r['reason']} ({r['by']})" if r["by"] else r["reason"],
        )
        for r in rows
    ]  # fmt: skip
    print_table(columns, cells, empty="no asset waits in quarantine; --all lists all")
