"""`store`: what is done to the store as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from watcher.cli._common import configured, print_json
from watcher.cli._options import Config, Json

if TYPE_CHECKING:
    from watcher.ports.store import StoreBackend

store = typer.Typer(
    help="The store as a whole: what brings it up to date.",
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
