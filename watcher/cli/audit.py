"""The verb audit: who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import configured, must_know, print_json, time_of
from watcher.cli._options import Config, Json, Limit
from watcher.cli._tables import print_table
from watcher.domain.audit import AuditAction, AuditFilter
from watcher.domain.values.durations import parse_duration
from watcher.domain.values.formatting import moment

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend
    from watcher.reports.audit import AuditRow


def audit(
    config: Config = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="D", help="Only of so long ago until now, as in 24h or 7d."),
    ] = None,
    action: Annotated[
        str | None,
        typer.Option("--action", metavar="ACTION", help=f"Only these: {', '.join(AuditAction)}."),
    ] = None,
    who: Annotated[str, typer.Option("--who", metavar="NAME", help="Only what this person did.")] = "",
    text: Annotated[
        str,
        typer.Option("--find", metavar="TEXT", help="Only where this stands: an id, a name, a word."),
    ] = "",
    limit: Limit = 100,
    json: Json = False,
) -> int:
    """Show what people did, newest first: acknowledgements, silences, retries, polls and tests by hand, and
    what each reload of the configuration changed."""
    from watcher.reports.audit import audit_row

    configuration = configured(config)
    wanted = _wanted(configuration.settings.backend, since, action, who, text)
    with configuration.settings.backend.queries() as reader:
        rows = [audit_row(each) for each in reader.audit(wanted, limit)]
    if json:
        print_json(rows)
        return 0
    cells = [
        (
            moment(r["at"]),
            r["who"] or "nobody knows",
            _from(r),
            r["action"],
            _what(r),
        )
        for r in rows
    ]
    print_table(("at", "who", "from", "action", "what"), cells, empty=_none(wanted))
    if len(rows) == limit:
        typer.echo(f"these are the newest {limit:,}; --limit {10 * limit} shows older ones", err=True)
    return 0


def _wanted(store: StoreBackend, since: str | None, action: str | None, who: str, text: str) -> AuditFilter:
    must_know("action", [action] if action is not None else None, list(AuditAction))
    try:
        span = parse_duration(since) if since is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from None
    return AuditFilter(
        time_of(store) - span if span is not None else None,
        AuditAction(action) if action is not None else None,
        who,
        text,
    )


_SAYS_NO_TARGET = frozenset({AuditAction.POLL, AuditAction.TEST, AuditAction.HIDE, AuditAction.RELEASE})


def _what(row: AuditRow) -> str:
    targets = ", ".join(row["targets"])
    if not row["detail"]:
        return targets
    return f"{targets}: {row['detail']}" if targets and row["action"] in _SAYS_NO_TARGET else row["detail"]


def _none(wanted: AuditFilter) -> str:
    return "nobody did anything" if wanted == AuditFilter() else "nobody did anything of what was asked for"


def _from(row: AuditRow) -> str:
    return f"{row['via']}, {row['address']}" if row["address"] else row["via"]
