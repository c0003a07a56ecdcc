"""The life of alerts: alerts, ack, silence. All of it is safe while the daemon runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._actor import actor, login
from watcher.cli._common import configured, print_json, the_one, time_of
from watcher.cli._options import Config, Json
from watcher.cli._tables import print_table
from watcher.commands.ids import beginning_with
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.normalization import in_one_form
from watcher.domain.values.text import visible

if TYPE_CHECKING:
    from watcher.config.configuration import Configuration
    from watcher.domain.alerts.events import Acknowledgeable
    from watcher.ports.queries import Queries
    from watcher.reports.rows import AlertDetailRow, AlertRow

By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so. Default: the login name.")]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why, for the others.")]
Globs = list[str] | None
RuleGlobs = Annotated[
    Globs, typer.Option("--rule", metavar="GLOB", help="Ids of rules.", autocompletion=_completion.rules)
]
WalletGlobs = Annotated[
    Globs,
    typer.Option(
        "--wallet",
        metavar="GLOB",
        help="Names of wallets.",
        autocompletion=_completion.wallets,
        callback=in_one_form,
    ),
]
OfAlert = Annotated[
    str | None, typer.Option("--alert", metavar="ID", help="The rule and the wallet of this alert.")
]
Severities = Annotated[Globs, typer.Option("--severity", metavar="LEVEL", help="info, warning or critical.")]
TagGlobs = Annotated[Globs, typer.Option("--tag", metavar="GLOB", help="Tags of wallets.")]


def alerts(
    config: Config = None,
    action: Annotated[str, typer.Argument(metavar="[list|show]", help="list (default) or show.")] = "list",
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="For show: which.", autocompletion=_completion.alerts),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too, newest first.")] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Changes that rules told, newest first, in place of alerts.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000_000, help="With --all or --events: at most so many.")
    ] = 100,
    json: Json = False,
) -> int:
    """Show alerts that are pending or firing; `show ID` with all that was told of one, or of an event.

    In the place of firing stands silenced or inhibited while nobody is told of it.
    """
    from watcher.commands.alerts import told
    from watcher.reports.alerts import AlertViews

    if action not in ("list", "show"):
        raise typer.BadParameter(f"'{action}' is neither list nor show")
    if (action == "show") != bool(ids):
        raise typer.BadParameter("show needs the ID of an alert, and list takes none")
    configuration = configured(config)
    now = time_of(configuration.settings.backend)
    with configuration.settings.backend.queries() as reader:
        views = AlertViews(configuration.settings, reader.silences(), now)
        if action == "show":
            chosen = {each: told(reader, meant(reader, each)) for each in ids or ()}
            found = [views.whole(alert, reader.deliveries_of(alert.id)) for alert in chosen.values() if alert]
            _show_details(found, json=json)
            return _missing([each for each, alert in chosen.items() if alert is None], "alert")
        listed: Sequence[Acknowledgeable] = reader.events(limit) if events else reader.alerts(limit)
        rows = views.rows(listed if everything or events else reader.live_alerts())
    if json:
        print_json(rows)
        return 0
    _show_alerts(rows, "no rule told a change" if events else "no alert is pending or firing")
    if (everything or events) and len(rows) == limit:
        typer.echo(f"these are the newest {limit:,}; --limit {10 * limit} shows older ones", err=True)
    return 0


def ack(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...",
            help="Ids of firing alerts, events or deliveries, as messages show them, or how one begins.",
            autocompletion=_completion.alerts,
        ),
    ],
    config: Config = None,
    by: By = None,
    comment: Comment = "",
    json: Json = False,
) -> int:
    """Acknowledge firing alerts: they are not repeated and not escalated. That they are over is told.
    Events can be acknowledged too: the others see that somebody takes care.

    Who acknowledges first stands. Exit code 1 if one of them is not there or does not fire.
    """
    from watcher.commands.alerts import acknowledge
    from watcher.reports.alerts import AlertViews

    configuration = configured(config)
    now = time_of(configuration.settings.backend)
    store = configuration.settings.backend
    with store.queries() as reader:
        silences = reader.silences()
        wanted = {each: meant(reader, each) for each in ids}
    by, comment = _visible(by or login(), "--by"), comment and _visible(comment, "--comment")
    found = acknowledge(store, actor(now, by), list(wanted.values()), comment)
    views = AlertViews(configuration.settings, silences, now)
    if json:
        print_json(views.rows((*found.done, *found.already)))
    else:
        for done in found.done:
            print(visible(f"{done.id}: acknowledged {done.acknowledged}: {done.label}: {done.because}"))
    for before in found.already:
        typer.echo(visible(f"{before.id}: already acknowledged {before.acknowledged}"), err=True)
    for alert in found.idle:
        typer.echo(f"{alert.id}: is {alert.state}, there is nothing to acknowledge", err=True)
    notices = [each for each, identity in wanted.items() if identity in found.missing and identity != each]
    for each in notices:
        typer.echo(f"{each}: is a notice, there is nothing to acknowledge", err=True)
    missing = [each for each in wanted if each in found.missing]
    return max(_missing(missing, "alert"), int(bool(found.idle or notices)))


silence = typer.Typer(
    help="Silences: nobody is told of what they match, for a while.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@silence.command("add")
def add(
    lasting: Annotated[str, typer.Option("--for", metavar="D", help="How long, as in 30m, 2h or 7d.")],
    config: Config = None,
    rule: RuleGlobs = None,
    wallet: WalletGlobs = None,
    alert: OfAlert = None,
    severity: Severities = None,
    tag: TagGlobs = None,
    by: By = None,
    comment: Comment = "",
    json: Json = False,
) -> int:
    """Silence what matches: of the kinds of matchers given all must match, within one kind any.

    Alerts still change their state and are listed as silenced. What still fires when the silence
    ends is told then; what fired and resolved meanwhile is told to nobody. Changes that a silence
    kept from people stand in `watcher outbox --state withheld`.
    """
    from watcher.commands.alerts import add_silence
    from watcher.reports.alerts import AlertViews, silence_row

    configuration = configured(config)
    if not (rule or wallet or severity or tag or alert):
        words = "say what to silence: --alert, --rule, --wallet, --severity or --tag ('*' is all)"
        raise typer.BadParameter(words)
    if alert is not None:
        if rule or wallet:
            raise typer.BadParameter("--alert says the rule and the wallet already")
        rule, wallet = _of_alert(configuration, alert)
    _check(configuration, rule, wallet, severity, tag)
    span = _span(lasting)
    now, author = time_of(configuration.settings.backend), _visible(by or login(), "--by")
    comment = comment and _visible(comment, "--comment")
    store = configuration.settings.backend
    made = add_silence(
        store, actor(now, author), span, comment, rules=tuple(rule or ()), wallets=tuple(wallet or ()),
        severities=tuple(severity or ()), tags=tuple(tag or ()),
    )  # fmt: skip
    with store.queries() as reader:
        views = AlertViews(configuration.settings, [made], now)
        live = [row for row in views.rows(reader.live_alerts()) if made.id in row["held"]]
    if json:
        print_json(silence_row(made, now))
    else:
        print(f"{made.id}: until {moment(made.until)}; it covers {counted(len(live), 'live alert')} now")
    return 0


def _of_alert(configuration: Configuration, text: str) -> tuple[Globs, Globs]:
    """The rule and the wallet of an alert or an event, as globs."""
    from watcher.commands.alerts import matchers_of, told

    with configuration.settings.backend.queries() as reader:
        found = told(reader, meant(reader, text))
    if found is None:
        raise typer.BadParameter(f"there is no alert {text}")
    if found.rule not in _silenced(configuration):
        raise typer.BadParameter(f"{found.rule} is told once and once when it is over; no silence holds it")
    rules, wallets = matchers_of(found)
    return list(rules), list(wallets)


@silence.command("list")
def listed(
    config: Config = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    json: Json = False,
) -> int:
    """Show silences in force."""
    from watcher.reports.alerts import silence_row

    configuration = configured(config)
    now = time_of(configuration.settings.backend)
    with configuration.settings.backend.queries() as reader:
        silences = [each for each in reader.silences() if everything or each.created <= now < each.until]
    if json:
        print_json([silence_row(each, now) for each in silences])
        return 0
    cells = [(s.id, s.author, moment(s.until), s.matched, s.comment) for s in silences]
    print_table(("id", "author", "until", "matches", "comment"), cells, empty="nothing is silenced")
    return 0


@silence.command("expire")
def expire(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of silences, or how one begins.")],
    config: Config = None,
    json: Json = False,
) -> int:
    """End silences now. Exit code 1 if one is not there or over already."""
    from watcher.cli._rows import ExpiredRow
    from watcher.commands.alerts import end_silences

    configuration = configured(config)
    now = time_of(configuration.settings.backend)
    with configuration.settings.backend.queries() as reader:
        live = {each.id: each.comment for each in reader.silences() if each.created <= now < each.until}
    ids = [the_one(each, beginning_with(each, live), "silences") for each in ids]
    found = end_silences(configuration.settings.backend, actor(now), ids)
    if json:
        print_json([ExpiredRow(id=each, ended=each not in found.missing) for each in ids])
    for each in found.done if not json else ():
        print(f"{each.id}: ended")
    return _missing(found.missing, "silence in force")


def meant(reader: Queries, text: str) -> str:
    """The id of the alert or event that a person means; wrong usage if that may be several."""
    from watcher.commands.alerts import named

    return the_one(text, named(reader, text), "alerts")


def _missing(ids: Collection[str], word: str) -> int:
    for each in ids:
        typer.echo(visible(f"there is no {word} {each}"), err=True)
    return 1 if ids else 0


def _visible(text: str, option: str) -> str:
    from watcher.commands.alerts import LONGEST_TEXT, is_keepable

    if not text.strip() or not is_keepable(text):
        raise typer.BadParameter(
            f"{option} must be visible text on one line, at most {LONGEST_TEXT} characters"
        )
    return text.strip()


def _span(text: str) -> timedelta:
    from watcher.commands.alerts import silence_span

    try:
        return silence_span(text)
    except InputError as error:
        raise typer.BadParameter(f"--for: {error}") from None


def _check(configuration: Configuration, rule: Globs, wallet: Globs, severity: Globs, tag: Globs) -> None:
    from watcher.commands.alerts import check_matchers

    given = {"rule": rule or (), "wallet": wallet or (), "severity": severity or (), "tag": tag or ()}
    try:
        check_matchers(configuration.settings.wallets, (each.id for each in configuration.rules), given)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def _silenced(configuration: Configuration) -> set[str]:
    from watcher.commands.alerts import silenceable

    return silenceable(each.id for each in configuration.rules)


def _show_alerts(rows: Sequence[AlertRow], empty: str) -> None:
    columns = ("id", "severity", "state", "rule", "subject", "since", "because", "acknowledged by")
    cells = [
        (
            r["id"], r["severity"], r["state"], r["rule"], r["subject"], moment(r["since"]),
            r["because"], r["acknowledged_by"] or "",
        )
        for r in rows
    ]  # fmt: skip
    print_table(columns, cells, empty=empty)


def _show_details(rows: Sequence[AlertDetailRow], *, json: bool) -> None:
    if json:
        print_json(rows)
        return
    for row in rows:
        _show_detail(row)


def _show_detail(row: AlertDetailRow) -> None:
    from watcher.domain.alerts.lifecycle import Ack

    print(visible(f"{row['subject']}: {row['because']}"))
    print(f"alert {row['id']}, rule {row['rule']}, {row['severity']}, {row['state']}")
    over = "withdrawn" if row["state"] == "withdrawn" else "resolved"
    times = {
        "since": row["since"], "fired": row["fired_at"], "last told": row["told_at"],
        over: row["resolved_at"], "escalated": row["escalated_at"],
    }  # fmt: skip
    for word, at in times.items():
        if at:
            print(f"{word} {moment(at)}")
    if row["acknowledged_by"] and row["acknowledged_at"]:
        ack = Ack(row["acknowledged_by"], row["acknowledged_at"], row["comment"])
        via = f" ({row['acknowledged_via']})" if row["acknowledged_via"] not in ("", ack.by) else ""
        print(visible(f"acknowledged {ack}{via}"))
    if row["held"]:
        print(visible(row["held"]))
    for label, value in row["facts"] if row["state"] == "event" else ():
        print(visible(f"{label}: {value}"))
    cells = [
        (each["kind"], each["channel"], each["state"], moment(each["created"]), each["last_error"])
        for each in row["deliveries"]
    ]
    print_table(("told", "channel", "state", "decided", "last error"), cells, empty="nobody was told of it")
    print()
