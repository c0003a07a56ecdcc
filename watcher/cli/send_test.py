"""The verb send-test: a message to each channel, as loud and as full as an alert would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._actor import actor
from watcher.cli._common import configured, must_know, print_json, set_up_logging
from watcher.cli._options import Config, Json
from watcher.domain.messages.message import Severity
from watcher.domain.records import replace

if TYPE_CHECKING:
    from watcher.cli._rows import SentTestRow
    from watcher.config.configuration import Configuration


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
    import asyncio

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
    return asyncio.run(send_tests(configuration, channel, severity, json=json))


async def send_tests(
    configuration: Configuration, only: str | None, severity: Severity | None = None, *, json: bool
) -> int:
    """Send a test message to each channel, or to one, and say what came of it; the exit code."""
    from watcher.app.presentations import kept_rates, presentations
    from watcher.charts.attachments import sample
    from watcher.commands.channel_tests import note_test, send_test
    from watcher.config.configuration import build_channels
    from watcher.service.clock import SystemClock

    now, settings, store = SystemClock().now(), configuration.settings, configuration.settings.backend
    rows: list[SentTestRow] = []
    draw, rates = sample(settings, now), kept_rates(settings)
    for channel in build_channels(settings, only, presentations(settings, draw, told=lambda: rates)):
        test = await send_test(settings, channel, severity, now, drawn=draw is not None)
        if store.exists():
            note_test(store, actor(now), test)
        rows.append(
            {
                "channel": test.channel,
                "delivery": test.delivery,
                "sent": test.sent,
                "error": test.error,
                "loudness": test.loudness,
                "remarks": list(test.result.remarks.values()),
            }
        )
        if not json:
            typer.echo(f"{test.channel}: {test.words}", err=not test.sent)
    if json:
        print_json(rows)
    return 0 if all(row["sent"] for row in rows) else 1


def _pictured(configuration: Configuration) -> Configuration:
    """The same, but with pictures on every channel that can have them."""
    from importlib.util import find_spec

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
