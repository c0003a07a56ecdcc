"""The verb `history`: what changed, as a table or as a chart over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import configured, must_know_wallets, print_json, time_of
from watcher.cli._options import Config, Json, Limit, Wallets
from watcher.cli._tables import fold, print_table, screen
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.formatting import amount, moment, money, plain
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import clean

if TYPE_CHECKING:
    from watcher.charts.chart import Chart
    from watcher.cli._rows import ChartRow
    from watcher.config.configuration import Configuration
    from watcher.domain.model import Asset
    from watcher.ports.queries import Queries

CHARTED = timedelta(days=7)


def history(
    config: Config = None,
    wallet: Wallets = None,
    asset: Annotated[
        str | None,
        typer.Option("--asset", metavar="ASSET", help="Only this one: a symbol, contract or CHAIN/CONTRACT."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="D", help="Only the last so long, as in 24h or 7d.")
    ] = None,
    plot: Annotated[
        bool, typer.Option("--plot", help="A chart over time instead (of 7d, if --since does not say).")
    ] = False,
    value: Annotated[
        bool, typer.Option("--value", help="With --plot --asset: the value in dollars, not the amount.")
    ] = False,
    limit: Limit = 100,
    json: Json = False,
) -> int:
    """Show what changed, newest first; or, with --plot, a chart of what was held.

    The chart is of a wallet's value, or with --asset of the amount of one asset. Where nothing was read
    for longer than usual it is blank, and marked so on the line of time; that is never drawn as zero.
    """
    from watcher.reports import status

    configuration = configured(config)
    must_know_wallets(configuration, wallet)
    span = _span(since)
    if value and not plot:
        raise typer.BadParameter("--value is for --plot; the table shows amounts")
    with configuration.settings.backend.queries() as reader:
        chosen = _assets(configuration, reader, wallet or [], asset) if asset is not None else None
        if plot:
            return _plot(configuration, reader, wallet or [], chosen, span or CHARTED, value=value, json=json)
        start = time_of(configuration.settings.backend) - span if span is not None else None
        rows = status.history(configuration.settings, reader, limit, wallet or (), start, chosen)
    if json:
        print_json(rows)
        return 0
    columns = ("wallet", "chain", "symbol", "before", "after", "between", "and", "kind")
    cells = [
        (
            r["wallet"], r["chain"], r["symbol"] or r["asset"], r["before"] or "", r["after"],
            moment(r["before_at"]), moment(r["after_at"]), "interest" if r["interest"] else "",
        )
        for r in rows
    ]  # fmt: skip
    print_table(columns, cells, empty="nothing has changed")
    return 0


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if span <= timedelta(0):
        raise typer.BadParameter("--since must be longer than nothing")
    return span


def _assets(
    configuration: Configuration, reader: Queries, wallets: Sequence[str], name: str
) -> frozenset[Asset]:
    """All that are called so: a symbol is a name that anybody can give to a token."""
    from watcher.reports import status

    past, accounts = reader.past(), status.wallets_by_account(configuration.settings)
    known = {
        asset
        for account, state in past.accounts.items()
        if account in accounts and (not wallets or accounts[account].name in wallets)
        for asset in state.amounts
    }
    names: dict[str, set[Asset]] = {}
    for asset in known:
        for each in (past.symbols.get(asset, ""), asset.token, f"{asset.chain}/{asset.token}"):
            names.setdefault(each.lower(), set()).add(asset)
    found = names.get(name.lower())
    if not found:
        words = {each for each in names if "/" not in each and each}
        raise typer.BadParameter(f"there is no asset '{name}'; {nearest(name, map(clean, words))}")
    return frozenset(found)


def _plot(
    configuration: Configuration,
    reader: Queries,
    names: Sequence[str],
    assets: frozenset[Asset] | None,
    span: timedelta,
    *,
    value: bool,
    json: bool,
) -> int:
    from watcher.charts.chart import wallet_chart

    settings, now = configuration.settings, time_of(configuration.settings.backend)
    wallets = names or [wallet.name for wallet in settings.wallets]
    if len(wallets) > 1 and not names:
        raise typer.BadParameter(f"--plot needs --wallet NAME; {nearest('', wallets)}")
    drawn: list[tuple[str, Asset | None, Chart]] = []
    for name in wallets:
        for asset in sorted(assets) if assets is not None else [None]:
            chart = wallet_chart(settings, reader, name, now, span, asset)
            if asset is None or _held(chart):
                drawn.append((name, asset, chart))
    if json:
        print_json([_row(*each, value=value) for each in drawn])
        return 0
    for number, each in enumerate(drawn):
        print("\n" * (number > 0) + "\n".join(_lines(*each, value=value)))
    return 0


def _held(chart: Chart) -> bool:
    """Whether the wallet has anything to do with the asset."""
    return chart.amount is not None and bool(chart.amount.segments or chart.amount.gaps)


def _lines(wallet: str, asset: Asset | None, chart: Chart, *, value: bool) -> list[str]:
    from watcher.charts.plot import Plot
    from watcher.cli._plot import plot

    on = screen()
    if asset is None:
        title, line, shown = f"{wallet}: value of all that has a price", chart.value, money
    else:
        name = clean(chart.symbol) or asset.token
        worth = value or chart.amount is None
        title = f"{wallet}: {'value' if worth else 'amount'} of {name} on {asset.chain}"
        line, shown = (chart.value, money) if worth or chart.amount is None else (chart.amount, amount)
    sign = "$" if shown is money else ""
    found = Plot(
        chart.since, chart.until, line.segments, title, "", line.gaps, sign=sign, format_value=shown
    )  # fmt: skip
    lines = [*fold(title, on.width), *plot(found, line, on)]
    if chart.exact_from is not None:
        lines += fold(f"before {moment(chart.exact_from)} it is only partly known what was read", on.width)
    return lines


def _row(wallet: str, asset: Asset | None, chart: Chart, *, value: bool) -> ChartRow:
    worth = value or asset is None or chart.amount is None
    line = chart.value if worth or chart.amount is None else chart.amount
    return {
        "wallet": wallet,
        "chain": asset.chain if asset else None,
        "asset": asset.token if asset else None,
        "symbol": chart.symbol if asset else None,
        "of": "value_usd" if worth else "amount",
        "since": chart.since,
        "until": chart.until,
        "segments": [
            [{"at": point.at, "value": plain(point.value or Decimal(0))} for point in piece]
            for piece in line.segments
        ],
        "gaps": [{"since": gap.since, "until": gap.until} for gap in line.gaps],
    }
