"""The verbs, in the order in which people meet them; each is loaded when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any

import typer

from watcher.cli._help import PAGES, WHERE
from watcher.cli._options import VerbCommand, VerbGroup

VERBS = {
    "demo": "demo", "init": "init", "check": "maintain", "plan": "plan", "simulate": "simulate",
    "run": "run", "poll": "run", "status": "status", "balances": "lists", "history": "history",
    "report": "report", "polls": "lists", "alerts": "alerts", "ack": "alerts", "explain": "explain",
    "outbox": "lists", "assets": "assets", "send-test": "send_test", "test": "test",
    "backtest": "backtest", "web": "run", "schema": "maintain", "backup": "maintain", "version": "maintain",
    "audit": "audit", "store": "store", "silence": "alerts", "import": "import_wallets", "docs": "docs",
}  # fmt: skip
"""Verb → the module here that has it, as a function of that name or a group of them."""


COMPLETING = "_WATCHER_COMPLETE"
"""Set by the shell that asks what might be typed next."""


class Verbs(VerbGroup):
    """The verbs by name: the list of them needs none, and one that is asked for is loaded alone.

    What only another verb needs would cost the daemon megabytes, and every verb a moment.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name in VERBS:
            self.commands[name] = loaded(name)
        return super().resolve_command(ctx, args)


def loaded(name: str) -> Any:
    """One verb with all its options, as typer runs it."""
    # A verb that is a word of Python has a line after its name there.
    attribute = name.replace("-", "_") + "_" * iskeyword(name)
    verb = getattr(import_module(f"watcher.cli.{VERBS[name]}"), attribute)
    page, alone = PAGES[name], _typer()
    if isinstance(verb, typer.Typer):
        alone.add_typer(verb, name=name, cls=VerbGroup, short_help=page.short, epilog=page.epilog)
        for each in verb.registered_commands:
            below = PAGES[f"{name} {each.name}"]
            each.cls, each.short_help, each.epilog = VerbCommand, below.short, below.epilog
    else:
        alone.command(name=name, cls=VerbCommand, short_help=page.short, epilog=page.epilog)(verb)
    return typer.main.get_group(alone).commands[name]


def build() -> typer.Typer:
    """The command line, which knows of each verb its name and one line."""
    app = _typer(
        cls=Verbs,
        help="Watch crypto balances within a credit budget, and tell people what changed.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=WHERE,
    )
    app.callback()(_watcher)
    if COMPLETING in os.environ:
        sys.modules["rich"] = None  # type: ignore[assignment]  # None makes an import fail
    for name in VERBS:
        app.command(name=name, short_help=PAGES[name].short)(_nothing_yet)
    return app


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(name="watcher", rich_markup_mode=None, pretty_exceptions_enable=False, **settings)


def _nothing_yet() -> None:
    """Stands for a verb that nobody asked for."""


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
    """Nothing by itself."""
