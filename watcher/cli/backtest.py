"""The verb `backtest`: what rules would have sent over the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import configured, print_json, time_of
from watcher.cli._options import Config, Json
from watcher.cli._progress import progress
from watcher.cli._tables import print_table
from watcher.domain.records import replace
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.errors import ConfigurationError, InputError, Place, Problem
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.text import visible

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from watcher.analysis.backtest import BacktestMessage, Played
    from watcher.cli._rows import BacktestMessageRow, BacktestRow, RuleSetRow
    from watcher.config.configuration import Configuration
    from watcher.domain.history.reconstruction import RecordedHistory
    from watcher.domain.rules import Rule

CONFIGURED = "configured rules"
USUAL_BURST = 3
"""Notifications that a chat gets in a row; more are merged into one."""


Since = Annotated[
    str | None,
    typer.Option("--since", metavar="D", help="How far back, as in 30d. Default: 30d, or the whole file."),
]
RuleFiles = Annotated[
    list[Path] | None,
    typer.Option("--rules", metavar="FILE", help="Compare with these rules; twice: one file with another."),
]
Imported = Annotated[
    Path | None,
    typer.Option("--import", metavar="FILE.csv", help="Readings of your own instead of the store."),
]
Timezone = Annotated[
    str, typer.Option("--timezone", metavar="ZONE", help="Where night is from 22:00 to 07:00.")
]


def backtest(
    config: Config = None,
    since: Since = None,
    rules: RuleFiles = None,
    imported: Imported = None,
    timezone: Timezone = "UTC",
    json: Json = False,
) -> int:
    """Play stored history through the engine of the daemon: what would have been sent, when, to whom.

    Reads the store only, also while the daemon runs; sends nothing. What history does not say is
    told with the result. With --rules the messages of two sets of rules are compared: the configured
    ones and FILE, or two files.

    The CSV file has the columns time,wallet,chain,asset,symbol,amount,price_usd (chain, one of asset and
    symbol, and price_usd may be left out): time is ISO 8601 with its zone or unix seconds, wallet a name
    from the configuration. Rows of one wallet, chain and time are one reading; what it does not name
    stays as it was, and what is gone has a row with the amount 0.
    """
    import asyncio

    zone = _zone(timezone)
    configuration = configured(config)
    named = _rule_sets(configuration, rules or [])
    until = time_of(configuration.settings.backend)
    try:
        back = parse_duration(since) if since else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    recorded, start, until = _history(configuration, named, imported, back, until)
    played, bursts = {}, _bursts(configuration)
    for name, book in named.items():
        chosen = replace(configuration, rules=book)
        played[name] = asyncio.run(_play(name, chosen, recorded, start, until, bursts))
    result = _Result(configuration, played, recorded, start, until, zone, bursts)
    if json:
        print_json(result.row(named))
    else:
        result.show(named)
    return 0


def _zone(name: str) -> ZoneInfo:
    from watcher.domain.values.fields import zone_named

    try:
        return zone_named(name)
    except InputError:
        raise typer.BadParameter(
            f"--timezone {name}: there is no such zone; write Europe/Zurich, say"
        ) from None


def _rule_sets(configuration: Configuration, files: Sequence[Path]) -> dict[str, tuple[Rule, ...]]:
    """The sets of rules to play, by name; every mistake in them at once."""
    from watcher.config.rule_files import load_rules

    if len(files) > 2:
        raise typer.BadParameter("--rules: two sets of rules can be compared, not more")
    if len(files) == 2 and files[0] == files[1]:
        raise typer.BadParameter("--rules: the two files are the same")
    settings, problems = configuration.settings, []
    found: dict[str, tuple[Rule, ...]] = {} if len(files) == 2 else {CONFIGURED: configuration.rules}
    wallets = settings.wallets
    for path in files:
        try:
            found[str(path)] = load_rules([path], settings.channels, wallets, settings.sources).rules
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    return found


def _history(
    configuration: Configuration,
    named: dict[str, tuple[Rule, ...]],
    imported: Path | None,
    back: timedelta | None,
    now: datetime,
) -> tuple[RecordedHistory, datetime, datetime]:
    """What is known, and from when until when messages are counted."""
    from watcher.analysis.backtest import warm_up
    from watcher.analysis.csv_import import read_history
    from watcher.service.replay import MOMENT

    if imported is not None:
        with progress(f"reading {imported.name}") as tell:
            recorded = read_history(imported, configuration.settings, tell)
        first, last = recorded.polls[0].at, recorded.polls[-1].at + MOMENT
        return recorded, max(first, last - back) if back else first, last
    with configuration.settings.backend.queries() as reader:
        oldest = reader.oldest()
        if oldest is None:
            where = str(configuration.settings.backend)
            raise ConfigurationError(
                [Problem(Place(where), "nothing has been read yet", "let the daemon run first")]
            )
        start = max(now - (back or parse_duration("30d")), oldest)
        longest = max(warm_up(rules) for rules in named.values())
        return reader.recorded(start - longest), start, now


def _bursts(configuration: Configuration) -> dict[str, int]:
    """How many notifications each channel gets in a row, as far as its URL is known here."""
    from watcher.config.configuration import build_channels

    found: dict[str, int] = {}
    for name in configuration.settings.channels:
        with suppress(ValueError):  # a secret that is not set: under systemd it is the daemon's alone
            found.update(
                (channel.name, channel.burst) for channel in build_channels(configuration.settings, name)
            )
    return found


async def _play(
    name: str,
    configuration: Configuration,
    recorded: RecordedHistory,
    start: datetime,
    until: datetime,
    bursts: Mapping[str, int],
) -> Played:
    from watcher.analysis.backtest import play

    with progress(f"backtest of the {name}") as tell:
        return await play(
            configuration,
            recorded,
            start,
            until,
            burst=lambda channel: bursts.get(channel, USUAL_BURST),
            progress=tell,
        )


class _Result:
    """The result in words and as JSON."""

    def __init__(
        self,
        configuration: Configuration,
        played: dict[str, Played],
        recorded: RecordedHistory,
        start: datetime,
        until: datetime,
        zone: ZoneInfo,
        bursts: Mapping[str, int],
    ) -> None:
        from watcher.analysis.backtest import compare, unknowns

        self._played, self._start, self._until, self._zone = played, start, until, zone
        sets = list(played.values())
        self._compared = compare(sets[0], sets[1]) if len(sets) == 2 else None
        self._unknown = unknowns(recorded, start, configuration.rules)
        self._unknown += [
            f"what kind of service channel {name} is: its URL is not set here; taken for a chat"
            for name in configuration.settings.channels
            if name not in bursts
        ]

    def show(self, named: dict[str, tuple[Rule, ...]]) -> None:
        typer.echo(f"from {moment(self._start)} until {moment(self._until)}")
        for name, played in self._played.items():
            self._show_set(name, played, len(named[name]))
        if self._compared is not None:
            a, b = self._played
            typer.echo(f"\nboth would have sent {counted(self._compared.both, 'message')}")
            typer.echo(f"\nonly with {a}: {len(self._compared.only_a)}")
            self._table(self._compared.only_a)
            typer.echo(f"\nonly with {b}: {len(self._compared.only_b)}")
            self._table(self._compared.only_b)
        typer.echo("\nnot known from history:")
        for words in self._unknown:
            typer.echo(visible(f"  - {words}"))

    def _show_set(self, name: str, played: Played, rules: int) -> None:
        typer.echo(f"\n{name}: {counted(rules, 'rule')}, {counted(played.polls, 'poll')}")
        if self._compared is None:
            self._table(played.sent)
        for alert in played.already:
            typer.echo(visible(f"  fired before already, not counted: {alert.rule}, {alert.label}"))
        night = sum(each.at_night(self._zone) for each in played.sent)
        notifications = sum(played.notifications.values())
        typer.echo(
            f"{counted(len(played.sent), 'message')} in {counted(notifications, 'notification')}; "
            f"{night} at night (22:00 to 07:00 {self._zone.key})"
        )
        for title, counts in (("channel", played.notifications), ("rule", _by_rule(played))):
            for key, count in counts.items():
                typer.echo(visible(f"  {title} {key}: {count}"))

    def _table(self, sent: Sequence[BacktestMessage]) -> None:
        columns = ("at", "night", "to", "severity", "kind", "rule", "title")
        rows = [
            (
                moment(each.at), "night" if each.at_night(self._zone) else "", ", ".join(each.channels),
                str(each.message.severity), str(each.message.kind), each.message.rule, each.message.title,
            )
            for each in sent
        ]  # fmt: skip
        print_table(columns, rows, empty="  nothing")

    def row(self, named: dict[str, tuple[Rule, ...]]) -> BacktestRow:
        found: BacktestRow = {
            "since": self._start,
            "until": self._until,
            "timezone": self._zone.key,
            "not_known": self._unknown,
            "sets": [self._set_row(name, played, len(named[name])) for name, played in self._played.items()],
        }
        if self._compared is not None:
            found["compared"] = {
                "both": self._compared.both,
                "only_first": [self._message_row(each) for each in self._compared.only_a],
                "only_second": [self._message_row(each) for each in self._compared.only_b],
            }
        return found

    def _set_row(self, name: str, played: Played, rules: int) -> RuleSetRow:
        return {
            "name": name,
            "rules": rules,
            "polls": played.polls,
            "messages": [self._message_row(each) for each in played.sent],
            "notifications": played.notifications,
            "by_rule": _by_rule(played),
            "at_night": sum(each.at_night(self._zone) for each in played.sent),
            "fired_before": [{"rule": alert.rule, "subject": alert.label} for alert in played.already],
        }

    def _message_row(self, sent: BacktestMessage) -> BacktestMessageRow:
        message = sent.message
        return {
            "at": sent.at,
            "night": sent.at_night(self._zone),
            "channels": list(sent.channels),
            "severity": message.severity,
            "kind": message.kind,
            "rule": message.rule,
            "wallet": message.wallet,
            "subject": message.subject,
            "title": message.title,
        }


def _by_rule(played: Played) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in played.sent:
        counts[each.message.rule] = counts.get(each.message.rule, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
