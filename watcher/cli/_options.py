"""Options that several verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from watcher.cli import _completion
from watcher.domain.values.normalization import in_one_form

Config = Annotated[
    Path | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        help="Configuration file. Default: ./watcher.yaml, then /etc/watcher/watcher.yaml.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many rows.")]
Wallets = Annotated[
    list[str] | None,
    typer.Option(
        "--wallet",
        metavar="NAME",
        help="Only this wallet; may be repeated.",
        autocompletion=_completion.wallets,
        callback=in_one_form,
    ),
]
