"""The verb `import`: a watch list out of a file of another program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import _completion
from watcher.cli._common import config_path, must_know, print_json, problem_row
from watcher.cli._options import Config, Json
from watcher.cli._tables import print_table
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.formatting import counted
from watcher.domain.values.text import visible
from watcher.system.files import write_new

if TYPE_CHECKING:
    from watcher.analysis.plan import SourcePlan
    from watcher.analysis.wallet_import import WalletImport
    from watcher.cli._rows import ImportRow, PlannedSourceRow
    from watcher.config.settings import Settings

SHOWN = 20
"""Wallets that are shown of a long file."""

Theirs = Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file of the other program.")]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME", help="Who is asked for them.", autocompletion=_completion.sources
    ),
]
Chains = Annotated[
    str | None,
    typer.Option("--chains", metavar="IDS", help="Where FILE names no chain, with commas between."),
]
Tags = Annotated[
    str | None, typer.Option("--tags", metavar="TAGS", help="For every wallet, with commas between.")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="KEY=NAME", help="The column of FILE that holds KEY; may be repeated."),
]
Target = Annotated[
    Path | None,
    typer.Option("--to", metavar="FILE", help="Default: wallets.csv beside the configuration."),
]

import_ = typer.Typer(
    help="Take over what another program knows.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@import_.callback()
def _import() -> None:
    """A group, though it has one verb so far."""


@import_.command("wallets")
def wallets(
    file: Theirs,
    config: Config = None,
    source: Source = None,
    chains: Chains = None,
    tags: Tags = None,
    column: Columns = None,
    to: Target = None,
    json: Json = False,
) -> int:
    """Read a CSV file of another program, check every row, and write a file of wallets.

    It finds columns by likely names (address or wallet, name or label, chain or network, tags or group,
    note), chains by the names that people give them, and makes one wallet of all rows of one address. What
    the configuration watches already is left out. Each wallet must be one that the configuration takes;
    else nothing is written, and every mistake is told by its row. It overwrites nothing. Exit code 1: there
    are mistakes, or the file is there already.
    """
    from watcher.analysis.wallet_import import ImportWishes, read_import

    settings = _configured(config, file)
    name = _source(settings, source)
    target = to if to is not None else settings.path.parent / "wallets.csv"
    wishes = ImportWishes(name, _chains(settings, name, chains), _words(tags), _columns(column))
    found = read_import(file, settings, wishes)
    if target.suffix.lower() != ".csv":
        raise typer.BadParameter(f"--to {target}: the name must end in .csv")
    if not target.parent.is_dir():
        raise typer.BadParameter(f"--to {target}: there is no such folder; make it first")
    if target.exists():
        typer.echo(f"nothing was written: {target} is there already; name another file with --to", err=True)
        return 1
    with_them = _with_them(config, found) if found.wallets else None
    plans = _plans(settings, with_them, name) if with_them is not None else None
    if with_them is not None:
        write_new(target, found.text())
    if json:
        print_json(_row(found, target if with_them is not None else None, plans))
    else:
        _show(found, plans)
        if with_them is not None:
            _told(config, settings, target, len(found.wallets))
    return 1 if found.problems else 0


def _source(settings: Settings, chosen: str | None) -> str:
    must_know("source", [chosen] if chosen is not None else None, settings.sources)
    if chosen is not None:
        return chosen
    likely = [name for name, kind in settings.sources.items() if kind.takes_chains] or list(settings.sources)
    if len(likely) == 1:
        return likely[0]
    raise typer.BadParameter(f"say with --source who is asked: {', '.join(likely)}")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in (text or "").replace(",", " ").split()))


def _chains(settings: Settings, source: str, text: str | None) -> tuple[str, ...]:
    kind, found = settings.sources[source], []
    for word in _words(text):
        if not kind.takes_chains:
            raise typer.BadParameter(f"--chains: source '{source}' has no chains")
        chain = word if word in ("all", "forceall") else kind.chain_called(word)
        if not chain:
            advice = kind.chain_warning(word)
            raise typer.BadParameter(f"--chains: {advice or f'{word} is no chain that is known here'}")
        found.append(chain)
    return tuple(dict.fromkeys(found))


def _columns(texts: list[str] | None) -> Mapping[str, str]:
    from watcher.analysis.wallet_import import LIKELY

    found: dict[str, str] = {}
    for text in texts or ():
        key, sign, name = text.partition("=")
        must_know("key for --column", [key], LIKELY)
        if not sign or not name.strip():
            raise typer.BadParameter(f"--column {text}: write KEY=NAME, as in --column address=Adresse")
        found[key] = name.strip()
    return found


def _configured(config: Path | None, file: Path) -> Settings:
    """The configuration as it is, which may have no wallet yet; rules are not asked."""
    from watcher.config.document import NO_KEYS, Document, Node
    from watcher.config.settings import read_settings

    nothing = Document(file, Node(1, 0, [], "", NO_KEYS))
    partial = read_settings(config_path(config), os.environ, secrets=False, more=nothing)
    if partial.settings is None:
        raise ConfigurationError(partial.problems)
    return partial.settings


def _with_them(config: Path | None, found: WalletImport) -> Settings | None:
    """The configuration as it would be with the wallets; None if it would not take one of them."""
    from watcher.config.settings import read_settings

    partial = read_settings(config_path(config), os.environ, secrets=False, more=found.entries())
    found.problems = sorted((*found.problems, *partial.problems), key=lambda each: each.place[1:])
    return partial.settings if not found.problems else None


def _plans(before: Settings, after: Settings, source: str) -> tuple[SourcePlan, SourcePlan]:
    from watcher.analysis.plan import Supposed
    from watcher.cli.plan import plans_of

    (now,), (then,) = (plans_of(each, Supposed(), source) for each in (before, after))
    return now, then


def _show(found: WalletImport, plans: tuple[SourcePlan, SourcePlan] | None) -> None:
    """What is wrong goes to stderr, by row; what will be written, and what it costs, to stdout."""
    from watcher.analysis.plan import misfit
    from watcher.cli.plan import headline

    for each in found.left_out:
        typer.echo(f"left out: {each}", err=True)
    if found.problems:
        count = counted(len(found.problems), "mistake")
        typer.echo(f"{count} in {found.path}, nothing was written:", err=True)
        for each in found.problems:
            typer.echo(f"  {visible(str(each))}", err=True)
        return
    if plans is None:
        typer.echo("Nothing to write: all of it is watched already.")
        return
    rows = [
        (w.name, w.address, " ".join(w.chains or w.assets), " ".join(w.tags), w.label) for w in found.wallets
    ]
    print_table(("name", "address", "chains", "tags", "label"), rows[:SHOWN], empty="")
    if len(rows) > SHOWN:
        typer.echo(f"… and {len(rows) - SHOWN:,} more")
    now, then = plans
    for title, plan in (("Now", now), ("With them", then)):
        typer.echo(f"\n{title}:")
        for line in headline(plan)[:2]:
            typer.echo(f"  {line}")
    for line in misfit(then):
        typer.echo(f"{then.source}: {line}", err=True)


def _told(config: Path | None, settings: Settings, target: Path, count: int) -> None:
    from watcher.config.settings import read_settings

    typer.echo(f"\nwrote {target} ({counted(count, 'wallet')})")
    folder, whole = settings.path.parent, target.absolute()
    named = whole.relative_to(folder) if whole.is_relative_to(folder) else whole
    there = read_settings(config_path(config), os.environ, secrets=False).settings
    if there is not None and whole in there.parts:
        typer.echo(f"Next: {settings.path.name} reads it already; `watcher check`, then reload the daemon.")
    else:
        typer.echo(f"Next: put it into {settings.path.name}: `wallets: [{named}, …]`; then `watcher check`.")


def _row(found: WalletImport, written: Path | None, plans: tuple[SourcePlan, SourcePlan] | None) -> ImportRow:
    from watcher.cli._rows import ImportedWalletRow
    from watcher.cli.plan import source_row

    rows: list[PlannedSourceRow | None] = [source_row(each) for each in plans] if plans else [None, None]
    return {
        "file": str(found.path),
        "written": str(written) if written is not None else None,
        "columns": found.columns,
        "ignored": list(found.ignored),
        "wallets": [
            ImportedWalletRow(
                line=each.line, name=each.name, source=found.source, address=each.address,
                chains=list(each.chains), assets=each.assets, tags=each.tags,
                label=each.label, note=each.note,
            )
            for each in found.wallets
        ],
        "left_out": [problem_row(each) for each in found.left_out],
        "mistakes": [problem_row(each) for each in found.problems],
        "before": rows[0],
        "after": rows[1],
    }  # fmt: skip
