"""The verb send-test: a message to each channel, as loud and as full as an alert would be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._common import configured, must_know, print_json, set_up_logging
from watcher.cli._options import Config, Json
from watcher.cli._rows import SentTestRow
from watcher.config.configuration import Configuration, build_channels
from watcher.domain.messages.message import (
    Kind,
    Message,
    OfAccount,
    Particulars,
    Severity,
    change_facts,
    change_title,
)
from watcher.domain.model import Account, Asset, Change
from watcher.domain.values.formatting import moment

if TYPE_CHECKING:
    from watcher.domain.messages.delivery import SendResult
    from watcher.notify.kind import ChannelKind

_AMOUNT, _PRICE = Decimal("12.5"), Decimal("3160.54")
"""What a test alert says has left, and its price."""


def send_test(
    config: Config = None,
    channel: Annotated[
        str | None,
        typer.Argument(
            metavar="CHANNEL",
            help="Only this channel. Default: each one.",
            autocompletion=_completion.channels,
        ),
    ] = None,
    severity: Annotated[
        Severity | None,
        typer.Option(
            "--severity", metavar="LEVEL", help="As an alert that is info, warning or critical, and as loud."
        ),
    ] = None,
    picture: Annotated[
        bool, typer.Option("--picture", help="With a picture, wherever one can be shown.")
    ] = False,
    json: Json = False,
) -> int:
    """Send a test message to each channel, or to one, with a picture where alerts have one.

    Without --severity it rings as a warning does. Exit code 1 if a channel did not take it; why is said in
    the service's own words.
    """
    configuration = configured(config, channels=True)
    set_up_logging("warning", configuration.settings.log.format)
    known = configuration.settings.channels
    must_know("channel", [channel] if channel is not None else None, known)
    if not known:
        typer.echo("there are no channels in the configuration: nobody would be told anything", err=True)
        if json:
            print_json([])
        return 1
    if picture:
        configuration = _pictured(configuration)
    return asyncio.run(_send_test(configuration, channel, severity, json=json))


async def _send_test(
    configuration: Configuration, only: str | None, severity: Severity | None = None, *, json: bool
) -> int:
    from watcher.app.presentations import kept_rates, presentations
    from watcher.charts.attachments import sample
    from watcher.domain.alerts.lifecycle import short_id
    from watcher.domain.messages.delivery import Delivery, Sent
    from watcher.service.clock import SystemClock

    now = SystemClock().now()
    rows: list[SentTestRow] = []
    settings, draw = configuration.settings, sample(configuration, now)
    kinds, rates = settings.channels, kept_rates(settings)
    for channel in build_channels(settings, only, presentations(settings, draw, told=lambda: rates)):
        identity = short_id("test", channel.name, now.isoformat())
        message = _message(configuration, channel.name, identity, severity, now)
        delivery = Delivery(identity, channel.name, message, now, now)
        result = await channel.send([delivery])
        await channel.close()
        sent, kind = isinstance(result, Sent), kinds[channel.name]
        row: SentTestRow = {
            "channel": channel.name,
            "delivery": identity,
            "sent": sent,
            "error": "" if isinstance(result, Sent) else result.detail,
            "loudness": kind.loudness([delivery]),
            "remarks": list(result.remarks.values()),
        }
        rows.append(row)
        if not json:
            words = "; ".join(_words(row, kind, severity, result, drawn=draw is not None))
            typer.echo(f"{channel.name}: {words}", err=not sent)
    if json:
        print_json(rows)
    return 0 if all(row["sent"] for row in rows) else 1


def _words(
    row: SentTestRow, kind: ChannelKind, severity: Severity | None, result: SendResult, *, drawn: bool
) -> Iterator[str]:
    """What came of it, and what the service was told."""
    pictured = drawn and kind.wants_pictures and kind.takes_pictures and "picture" not in result.remarks
    if not row["sent"]:
        yield f"not sent: {row['error']}"
    else:
        how = f"sent as {severity.value}" if severity is not None else "sent"
        yield f"{how}, with a picture" if pictured else how
    if row["loudness"]:
        yield row["loudness"]
    if drawn and kind.wants_pictures and not kind.takes_pictures:
        yield "this service takes no pictures"
    yield from row["remarks"]


def _pictured(configuration: Configuration) -> Configuration:
    """The same, but with pictures on every channel that can have them."""
    if find_spec("PIL") is None:
        typer.echo(
            "there are no pictures without the extra `charts`: pip install 'balance-watcher[charts]'",
            err=True,
        )
    kinds = {
        name: kind.model_copy(update={"pictures": True}) if "pictures" in type(kind).model_fields else kind
        for name, kind in configuration.settings.channels.items()
    }
    return replace(configuration, settings=replace(configuration.settings, channels=kinds))


def _message(
    configuration: Configuration, channel: str, identity: str, severity: Severity | None, now: datetime
) -> Message:
    """A few words; with a severity what an alert would be, about the first wallet that is watched."""
    meaning = ("Meaning", "alerts that name this channel arrive here")
    if severity is None:
        title, facts = f"Test message from watcher to channel {channel}", (("Sent", moment(now)), meaning)
        return Message(identity, Kind.TEST, Severity.WARNING, "watcher.test", "", "", title, facts, now)
    wallets = configuration.settings.wallets
    account = wallets[0].accounts[0] if wallets else Account("", "ethereum", "")
    asset, name = Asset(account.chain, "test"), wallets[0].name if wallets else "treasury"
    where = OfAccount(name, account, asset=asset, symbol="TEST")
    since = now - timedelta(minutes=5)
    change = Change(account, asset, where.symbol, _AMOUNT, Decimal(0), since, now, _PRICE, _PRICE)
    because = "this is a test: nothing has moved"
    return Message(
        identity,
        Kind.TEST,
        severity,
        "watcher.test",
        "",
        where.wallet,
        f"{severity.value}, test: {change_title(change, where)}",
        (*where.facts(), *change_facts(change), ("Because", because), meaning),
        now,
        Particulars(
            source=account.source,
            chain=account.chain,
            address=account.address,
            symbol=change.symbol,
            before=change.before,
            after=change.after,
            price_before=_PRICE,
            price_after=_PRICE,
            since=since,
            until=now,
            because=because,
        ),
    )
