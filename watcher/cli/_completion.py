"""What the shell completes: the names that the configuration says, read as text and without any secret."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from watcher.cli._common import PLACES
from watcher.domain.values.errors import WatcherError

if TYPE_CHECKING:
    from watcher.config.document import Node


def wallets(ctx: typer.Context, incomplete: str) -> list[str]:
    return _matching(incomplete, (each.get("name") for each in _below(_root(ctx), "wallets")))


def rules(ctx: typer.Context, incomplete: str) -> list[str]:
    from watcher.config.parts import read_whole, rule_files
    from watcher.config.yaml_reader import read_document

    path = _path(ctx)
    files = rule_files(read_whole(path)) if path is not None else ()
    found = [each for file in files for each in _below(read_document(file).root, "rules")]
    return _matching(incomplete, (each.get("id") for each in found))


def channels(ctx: typer.Context, incomplete: str) -> list[str]:
    return _keys(ctx, "channels", incomplete)


def sources(ctx: typer.Context, incomplete: str) -> list[str]:
    return _keys(ctx, "sources", incomplete)


def alerts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of alerts that fire, from the store; whatever else the configuration says."""
    from watcher.config.sections import SectionReader

    path = _path(ctx)
    try:
        store = SectionReader.store_in(path, os.environ) if path else None
        if store is None:
            return []
        with store.queries() as reader:
            return [alert.id for alert in reader.live_alerts() if alert.id.startswith(incomplete)]
    except (WatcherError, OSError):
        return []


def _path(ctx: typer.Context) -> Path | None:
    chosen = ctx.params.get("config")
    places = (Path(chosen),) if chosen else PLACES
    return next((place for place in places if place.is_file()), None)


def _root(ctx: typer.Context) -> Node | None:
    from watcher.config.parts import read_whole

    path = _path(ctx)
    return read_whole(path).root if path else None


def _below(root: Node | None, section: str) -> Iterator[Node]:
    found = root.get(section) if root else None
    for _, node in found.children() if found else ():
        yield node


def _keys(ctx: typer.Context, section: str, incomplete: str) -> list[str]:
    root = _root(ctx)
    found = root.get(section) if root else None
    return [name for name in found.plain_keys() if name.startswith(incomplete)] if found else []


def _matching(incomplete: str, nodes: Iterator[Node | None]) -> list[str]:
    names = [str(node.value) for node in nodes if node is not None and isinstance(node.value, str)]
    return [name for name in names if name.startswith(incomplete)]
