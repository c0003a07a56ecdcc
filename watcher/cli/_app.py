"""The verbs, in the order in which people meet them."""

from __future__ import annotations

import typer

from watcher.cli import (
    alerting,
    assets,
    backtest,
    demo,
    explaining,
    history,
    init,
    looking,
    planning,
    running,
    setup,
    simulation,
    status,
    testing,
)
from watcher.cli._manual import PAGES, WHERE

app = typer.Typer(
    name="watcher",
    help="Watch crypto balances within a credit budget, and tell people what changed.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=WHERE,
)

for verb in (
    demo.demo,
    init.init,
    setup.check,
    planning.plan,
    simulation.simulate,
    running.run,
    running.poll,
    status.status,
    looking.balances,
    history.history,
    looking.polls,
    alerting.alerts,
    alerting.ack,
    explaining.explain,
    looking.outbox,
    assets.assets,
    running.send_test,
    testing.test,
    backtest.backtest,
    running.web,
    setup.schema,
    setup.backup,
    setup.version,
):
    name = verb.__name__.replace("_", "-")
    app.command(name=name, short_help=PAGES[name].short, epilog=PAGES[name].epilog)(verb)

app.add_typer(
    alerting.silence, name="silence", short_help=PAGES["silence"].short, epilog=PAGES["silence"].epilog
)
