"""The verbs, in the order in which people meet them; each is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Annotated

import typer

from watcher.cli._help import PAGES, WHERE

VERBS = {
    "demo": "demo", "init": "init", "check": "maintain", "plan": "plan", "simulate": "simulate",
    "run": "run", "poll": "run", "status": "status", "balances": "lists", "history": "history",
    "report": "report", "polls": "lists", "alerts": "alerts", "ack": "alerts", "explain": "explain",
    "outbox": "lists", "assets": "assets", "send-test": "send_test", "test": "test",
    "backtest": "backtest", "web": "run", "schema": "maintain", "backup": "maintain", "version": "maintain",
    "silence": "alerts", "audit": "audit", "import": "import_wallets",
}  # fmt: skip
"""Verb → the module here that has it, as a function of that name or a group of them."""


def build(arguments: Sequence[str]) -> typer.Typer:
    """The command line: of one verb if that is the first word, otherwise of all.

    What only another verb needs would cost the daemon megabytes, and every verb a moment.
    """
    app = typer.Typer(
        name="watcher",
        help="Watch crypto balances within a credit budget, and tell people what changed.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=WHERE,
    )
    app.callback()(_watcher)
    first = arguments[0] if arguments else ""
    for name in (first,) if first in VERBS else VERBS:
        # A verb that is a word of Python has a line after its name there.
        attribute = name.replace("-", "_") + "_" * iskeyword(name)
        verb = getattr(import_module(f"watcher.cli.{VERBS[name]}"), attribute)
        page = PAGES[name]
        if isinstance(verb, typer.Typer):
            app.add_typer(verb, name=name, short_help=page.short, epilog=page.epilog)
        else:
            app.command(name=name, short_help=page.short, epilog=page.epilog)(verb)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from watcher.cli.maintain import version

        raise typer.Exit(version())


def _watcher(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", "-V", help="Show the version and exit.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Nothing by itself; with it, one verb alone is still asked for by its name."""
