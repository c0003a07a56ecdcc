"""`store`: what is done to the store as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import configured, print_json
from watcher.cli._options import Config, Json
from watcher.cli._progress import progress
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import counted

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend

store = typer.Typer(
    help="The store as a whole: what brings it up to date, and what copies it into another one.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@store.callback()
def _store() -> None:
    """Nothing by itself."""


@store.command("migrate")
def migrate(config: Config = None, json: Json = False) -> int:
    """Make the store if there is none, and bring an older one to this version.

    `watcher run` does the same when it starts. Before machines are upgraded one by one it may be done by
    hand: daemons of the version before work on. Exit code 78 if the store cannot be used.
    """
    import asyncio

    from watcher.cli._rows import MigratedRow
    from watcher.config.configuration import check_store

    settings = configured(config).settings
    check_store(settings)
    backend = settings.backend
    made = not backend.exists()
    asyncio.run(_open(backend))
    if json:
        print_json(MigratedRow(store=str(backend), made=made))
    else:
        typer.echo(f"{backend}: {'made' if made else 'up to date'}")
    return 0


async def _open(backend: StoreBackend) -> None:
    await (await backend.open(exclusive=False)).close()


_STORE = "sqlite:FILE, the URL of a database, or a file that holds a URL"


@store.command("copy")
def copy(
    source: Annotated[str | None, typer.Option("--from", metavar="STORE", help=f"{_STORE}.")] = None,
    target: Annotated[
        str | None, typer.Option("--to", metavar="STORE", help="The same; an empty one.")
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="Of a database that is named here. Default: watcher.")
    ] = None,
    config: Config = None,
    json: Json = False,
) -> int:
    """Copy a store into another one, which is empty: from a file to a database for many machines, or back.

    Without --from, or without --to, it is the store of the configuration. Stop the daemons of the store that
    is copied first. A URL with a password stands in a file, and never on a command line.

    Ids, history, the ledger, what is owed, silences and the audit log are the same afterwards. Every table
    is compared, row by row; if one differs, nothing is kept of the copy. The store that is copied is not
    changed.
    """
    from watcher.cli._rows import CopiedRow, TableRow
    from watcher.store.copying import copy_store

    if source is None and target is None:
        raise typer.BadParameter("name a store with --from or --to")
    if schema is not None and all(each is None or each.startswith("sqlite:") for each in (source, target)):
        raise typer.BadParameter("--schema is of a database that --from or --to names; leave it out")
    one, other = (_named(each, schema, config) for each in (source, target))
    with progress(f"copying to {other}") as tell:
        tables = copy_store(one, other, tell)
    if json:
        found = [TableRow(table=each.table, rows=each.rows, digest=each.digest) for each in tables]
        print_json(CopiedRow(source=str(one), target=str(other), tables=found))
        return 0
    for table in tables:
        typer.echo(f"{table.table:<12} {table.rows:>12,}")
    rows = counted(sum(table.rows for table in tables), "row")
    typer.echo(f"copied {one} to {other}: {rows} in {counted(len(tables), 'table')}, compared and the same")
    return 0


def _named(words: str | None, schema: str | None, config: Path | None) -> StoreBackend:
    """The store that is named, or the one of the configuration."""
    from watcher.store.places import backend_at

    if words is None:
        return configured(config, secrets=True).settings.backend
    try:
        return backend_at(words, schema, Path("watcher.yaml").absolute())
    except InputError as error:
        raise typer.BadParameter(str(error)) from None
