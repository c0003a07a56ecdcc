"""The verbs before and around watching: check, schema, backup, version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher import __version__
from watcher.cli._common import configured, print_json, problem_row
from watcher.cli._options import Config, Json
from watcher.cli._progress import progress
from watcher.domain.values.errors import ConfigurationError, StoreError
from watcher.domain.values.formatting import counted
from watcher.domain.values.text import visible
from watcher.service.clock import SystemClock

if TYPE_CHECKING:
    from watcher.analysis.lint import Finding
    from watcher.cli._rows import CheckRow, CountsRow, FindingRow
    from watcher.config.configuration import Configuration


def check(config: Config = None, json: Json = False) -> int:
    """Check the configuration and the rules, offline. Prints every mistake; exit code 78 if there is one.

    Of all that they name only a database that keeps the store is asked, whether it can be used.

    It warns of wallets that no rule covers, of rules that can never fire or select nothing, and of
    durations shorter than the time between two polls; where there is a store already, also of assets
    that were never seen, levels that are crossed already, and bands narrower than the noise. The exit
    code stays 0.
    """
    from watcher.cli._rows import MistakesRow

    try:
        configuration, closed = _configured(config)
        away = "" if closed else _store_trouble(configuration)
    except ConfigurationError as error:
        if not json:
            raise
        print_json(MistakesRow(mistakes=[problem_row(each) for each in error.problems]))
        return 78
    settings, counts = configuration.settings, _counts(configuration)
    findings, trouble = _lint(configuration, away)
    warnings = [*closed, *configuration.warnings, *([trouble] if trouble else [])]
    if json:
        row: CheckRow = {
            "path": str(settings.path),
            "files": [str(each) for each in _files(configuration)],
            **counts,
            "mistakes": [],
            "warnings": warnings,
            "lints": [_finding(each) for each in findings],
        }
        print_json(row)
        return 0
    for warning in (*warnings, *findings):
        typer.echo(f"warning: {warning}", err=True)
    found = (
        counted(counts["sources"], "source"), counted(counts["wallets"], "wallet"),
        counted(counts["accounts"], "account"), counted(counts["rules"], "rule"),
        counted(counts["channels"], "channel"),
        *([_hinted(counts)] if settings.hints else []),
    )  # fmt: skip
    typer.echo(f"{settings.path}: sound ({', '.join(found)})")
    if files := _files(configuration):
        typer.echo(f"read with it: {', '.join(_beside(each, settings.path.parent) for each in files)}")
    return 0


def _store_trouble(configuration: Configuration) -> str:
    """Why the store could not be asked whether it can be used; ConfigurationError if it cannot be."""
    from watcher.config.configuration import check_store

    try:
        check_store(configuration.settings)
    except StoreError as error:
        return f"the store was not looked at: {error}"
    return ""


def _counts(configuration: Configuration) -> CountsRow:
    from watcher.config.configuration import hinted_accounts

    settings = configuration.settings
    return {
        "sources": len(settings.sources),
        "wallets": len(settings.wallets),
        "accounts": sum(len(wallet.accounts) for wallet in settings.wallets),
        "channels": len(settings.channels),
        "rules": len(configuration.rules),
        "hint_sources": len(settings.hints),
        "hinted_accounts": len({each for name in settings.hints for each in hinted_accounts(settings, name)}),
    }


def _files(configuration: Configuration) -> list[Path]:
    """The files that the configuration is read from, beside its own."""
    settings = configuration.settings
    return [*settings.parts, *settings.rules]


def _beside(path: Path, folder: Path) -> str:
    return visible(str(path.relative_to(folder) if path.is_relative_to(folder) else path))


def _hinted(counts: CountsRow) -> str:
    sources, accounts = counts["hint_sources"], counts["hinted_accounts"]
    return f"{counted(sources, 'hint source')} for {counted(accounts, 'account')}"


def _finding(finding: Finding) -> FindingRow:
    return {
        "lint": finding.lint,
        "rule": finding.rule,
        "what": finding.what,
        "remedy": finding.remedy,
        "subjects": finding.subjects,
    }


def _configured(config: Path | None) -> tuple[Configuration, list[str]]:
    """The configuration; and, if that is all that is wrong, which credentials are closed to this user: what
    systemd runs for a reload (ExecReload=) may not read those of the service (systemd 252)."""
    from watcher.config.environment import is_closed

    try:
        return configured(config, channels=True), []
    except ConfigurationError as error:
        if not all(map(is_closed, error.problems)):
            raise
        return configured(config, secrets=False), [str(problem) for problem in error.problems]


def _lint(configuration: Configuration, away: str) -> tuple[list[Finding], str]:
    """What is odd about the rules, also beside the store; and why that could not be asked, if so. `away`: why
    the store cannot be asked for now."""
    from watcher.analysis.lint import lint, look

    try:
        store = configuration.settings.backend
        if away or not store.exists():
            return lint(look(configuration, None, SystemClock().now())), away
        with store.queries() as reader:
            return lint(look(configuration, reader, SystemClock().now())), ""
    except StoreError as error:
        return [], f"the rules were not held against the store: {error}"


def schema(
    rules: Annotated[bool, typer.Option("--rules", help="Of rule files instead.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="Of files with rule tests instead.")] = False,
    included: Annotated[bool, typer.Option("--included", help="Of files under include: instead.")] = False,
    webhook: Annotated[bool, typer.Option("--webhook", help="Of what a webhook posts instead.")] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="Write them into DIR/schemas anew, as init does."),
    ] = None,
    json: Json = False,  # noqa: ARG001 (it is JSON in any case)
) -> int:
    """Print the JSON Schema of watcher.yaml, of rule files or of rule tests, for editors to complete from.

    Files that init writes name theirs in the first line; --write after an upgrade keeps these up to date.
    What summaries and descriptions of rules may use (variables, filters) stands in that of rule files.
    --webhook is for who receives what a channel of kind webhook posts.
    """
    from watcher.analysis.ruletest.schema import tests_schema
    from watcher.config.json_schema import json_schema, part_schema, rules_schema
    from watcher.notify.webhook.message import message_schema

    wanted = [
        made
        for chosen, made in (
            (rules, rules_schema), (tests, tests_schema), (included, part_schema), (webhook, message_schema)
        )
        if chosen
    ]  # fmt: skip
    if len(wanted) + (write is not None) > 1:
        raise typer.BadParameter("choose one of --rules, --tests, --included, --webhook and --write")
    if write is not None:
        from watcher.cli import _schemas

        typer.echo(f"wrote {_schemas.write(write)}")
        return 0
    print_json(wanted[0]() if wanted else json_schema())
    return 0


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy; must not exist.")],
    config: Config = None,
    json: Json = False,
) -> int:
    """Copy the store to FILE: consistent while the daemon runs, and verified."""
    from watcher.cli._rows import BackupRow

    configuration = configured(config)
    with progress(f"copying to {target.name}") as tell:
        configuration.settings.backend.backup(target, tell)
    size = target.stat().st_size
    if json:
        print_json(BackupRow(path=str(target), bytes=size, verified=True))
    else:
        typer.echo(f"wrote {target} ({size:,} bytes, verified)")
    return 0


def version(json: Json = False) -> int:
    """Print the version of watcher and of what it runs on."""
    import platform
    from importlib import metadata

    from watcher.store import engines

    parts = {"Python": platform.python_version(), **engines()}
    for name in ("aiohttp", "apprise", "apscheduler", "pydantic", "sqlite-utils"):
        parts[name] = metadata.version(name)
    if json:
        print_json({"watcher": __version__, **{name.lower(): number for name, number in parts.items()}})
    else:
        rest = ", ".join(f"{name} {number}" for name, number in parts.items())
        typer.echo(f"watcher {__version__} ({rest})")
    return 0
