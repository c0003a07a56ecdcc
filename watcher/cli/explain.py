"""The verb that says why: explain."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._common import configured, print_json, time_of
from watcher.cli._options import Config, Json
from watcher.cli.alerts import meant
from watcher.domain.values.durations import format_duration
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import clean, visible

if TYPE_CHECKING:
    from watcher.ports.store import StoreAccess
    from watcher.reports.rows import (
        AccountReadingRow,
        AssetReadingRow,
        ExplanationRow,
        HintWordRow,
        ReadingRow,
        ToldChannelRow,
    )

LONGEST_HINT = 80
"""Characters shown of the id of a hint: a transaction's hash, and which of its logs."""


def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            help="Id of a rule; or, alone, the id of an alert or a delivery, or how it begins.",
            autocompletion=_completion.rules,
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="SUBJECT",
            help="A wallet, a source, or a subject as `watcher alerts` names it.",
            autocompletion=_completion.wallets,
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Say why a rule fired or did not: the reading and its age, the level, what it waits for,
    what keeps it from people, and what each channel was told.
    """
    from watcher.config.configuration import build_rules, credit_plans
    from watcher.reports.explain import Explainer

    configuration = configured(config)
    rules = build_rules(configuration)
    if subject is None:
        rule, subject = _of_alert(configuration.settings.backend, rule)
    found = rules.by_id.get(rule)
    if found is None:
        raise typer.BadParameter(f"there is no rule '{rule}'; {nearest(rule, rules.by_id)}")
    settings, now = configuration.settings, time_of(configuration.settings.backend)
    with settings.backend.queries() as reader:
        explainer = Explainer(settings, rules, reader, now, plans=credit_plans(settings))
        known = explainer.subjects(found)
        wanted = subject.lower()
        chosen = [each for each in known if wanted in {name.lower() for name in each.names}]
        chosen = chosen or [each for each in known if wanted in each.label.lower()]
        if not chosen:
            names = {each.label for each in known}
            raise typer.BadParameter(f"'{rule}' has no subject '{subject}'; {nearest(subject, names)}")
        rows = [explainer.explain(found, each) for each in chosen]
    if json:
        print_json(rows)
        return 0
    for row in rows:
        _show_explanation(row)
    return 0


def _of_alert(store: StoreAccess, text: str) -> tuple[str, str]:
    """The rule and the subject of an alert; of a notice that a rule cannot be judged, those of that rule."""
    from watcher.commands.alerts import told
    from watcher.domain.alerts.events import Event
    from watcher.domain.alerts.lifecycle import about
    from watcher.domain.evaluation.rule_index import BUILT_IN

    with store.queries() as reader:
        alert = told(reader, meant(reader, text))
    if alert is None:
        raise typer.BadParameter(f"there is no alert '{text}'; name a rule and a subject")
    if isinstance(alert, Event):
        return alert.rule, alert.subject
    if alert.fingerprint == BUILT_IN and about(alert.rule) == alert.rule:
        words = f"{alert.rule} is a notice of watcher's own: `watcher alerts show {alert.id}` says why"
        raise typer.BadParameter(words)
    return about(alert.rule), alert.subject


def _reading_lines(reading: ReadingRow) -> list[tuple[str, str]]:
    """What the answer is made from, as labels and texts."""
    if "amount" in reading:
        price = f" at ${reading['price_usd']}" if reading["price_usd"] is not None else ", no price"
        waits = [("not believed yet", text) for text in reading["waits"]]
        return [*_read_lines(reading), ("amount", reading["amount"] + price), *waits]
    if "accounts" in reading:
        return [("sum of", f"{counted(reading['accounts'], 'account')}")]
    if "credits" in reading:
        return [("credits", reading["credits"]), ("period", reading["period"])]
    return _read_lines(reading)


def _read_lines(reading: AccountReadingRow | AssetReadingRow) -> list[tuple[str, str]]:
    age = reading["age_seconds"]
    ago = f", {format_duration(timedelta(seconds=age))} ago" if age is not None else ""
    missed = f"{reading['misses']} in a row: {reading['miss']}"
    lines = [("read", moment(reading["at"]) + ago)]
    if (word := reading["hint"]) is not None:
        lines.append(("polled because", _told(word)))
    return [*lines, *([("missed", missed)] if reading["miss"] else [])]


def _told(word: HintWordRow) -> str:
    from watcher.ports.hints import MISSED

    if word["id"] == MISSED:
        return f"hints of {word['by']} may be missing until {moment(word['at'])}"
    return f"{word['by']} told of {clean(word['id'])[:LONGEST_HINT] or 'it'} at {moment(word['at'])}"


def _alert_lines(row: ExplanationRow) -> list[tuple[str, str]]:
    alert, over = row["alert"], row["last"]
    if alert:
        who = f", acknowledged by {alert['acknowledged_by']}" if alert["acknowledged_by"] else ""
        return [("alert", f"{alert['id']} {alert['state']} since {moment(alert['since'])}{who}")]
    lines = [("alert", "none; each event is told once" if row["event"] else "none is pending or firing")]
    if over:
        until = f", {over['state']} {moment(over['resolved_at'])}" if over["resolved_at"] else ""
        text = f"{over['id']} since {moment(over['since'])}{until}: {over['because']}"
        lines.append(("last alert", text))
    return lines


def _channel_line(row: ToldChannelRow) -> tuple[str, str]:
    told = [f"{one['kind']} {one['state']} {moment(one['at'])}" for one in row["told"]]
    notes = [] if row["usual"] else ["only when escalated"]
    notes += [f"quiet until {moment(row['quiet_until'])}"] if row["quiet_until"] else []
    notes += [row["trouble"]] if row["trouble"] else []
    return f"channel {row['channel']}", "; ".join([*(told or ["told nothing of it"]), *notes])


def _show_explanation(row: ExplanationRow) -> None:
    print(visible(f"{row['subject']}: {row['answer']}: {row['because']}"))
    lines = [
        ("rule", f"{row['rule']}: {row['condition']}"),
        *_reading_lines(row["reading"]),
        *_alert_lines(row),
        *([("clock", row["clock"])] if row["clock"] else []),
        *([("held back", row["suppressed_by"])] if row["suppressed_by"] else []),
        *map(_channel_line, row["channels"]),
    ]
    for label, text in lines:
        print(visible(f"  {label}: {text}"))
    print()
