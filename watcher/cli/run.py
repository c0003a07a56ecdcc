"""The verbs that ask and tell: run, poll, web."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._actor import actor
from watcher.cli._common import configured, must_know, print_json, set_up_logging
from watcher.cli._options import Config, Json, Wallets
from watcher.cli._tables import print_table
from watcher.domain.values.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.cli._rows import PolledRow
    from watcher.config.configuration import Configuration
    from watcher.domain.model import Account, Outcome
    from watcher.ports.members import MemberState


def run(config: Config = None) -> int:
    """Watch, judge and tell, until SIGTERM or Ctrl-C.

    SIGHUP reads the configuration again; a bad file keeps the old one. Exit code 78: the
    configuration is wrong (systemd does not restart on it).
    """
    from watcher.cli._service import watch

    return watch(config)


def poll(
    config: Config = None,
    wallet: Wallets = None,
    json: Json = False,
) -> int:
    """Poll once now, within the budget; what is seen is stored, judged and told like any other poll.

    May run beside the daemon. Exit code 1 if an account was not read.
    """
    import asyncio

    configuration = configured(config, channels=True)
    set_up_logging("warning", configuration.settings.log.format)
    names = {each.name for each in configuration.settings.wallets}
    must_know("wallet", wallet, names)
    return asyncio.run(_poll(configuration, set(wallet or names), json=json))


async def _poll(configuration: Configuration, names: set[str], *, json: bool) -> int:
    from watcher.app.build import build
    from watcher.charts.attachments import painter
    from watcher.commands.polls import note_poll
    from watcher.domain.credits.allowance import Purpose
    from watcher.domain.model import Miss
    from watcher.letters.writer import LetterWriter
    from watcher.service.clock import SystemClock

    backend = configuration.settings.backend
    store = await backend.open(exclusive=False)
    by = actor((store.members.clock or SystemClock()).now())
    watched = {each.name for each in configuration.settings.wallets}
    seen: dict[Account, Outcome] = {}
    asked: list[Account] = []
    try:
        with store.queries() as reader:
            _same_rules(configuration, reader.members())
        letters = LetterWriter(configuration.settings, store) if configuration.settings.reports else None
        app = await build(configuration, store, draw=painter(configuration, store), letters=letters)
        try:
            await app.prepare()
            for name, poller in app.pollers.items():
                chosen = [w for w in configuration.settings.wallets if w.source == name and w.name in names]
                accounts = tuple(account for each in chosen for account in each.accounts)
                asked += accounts
                if accounts:
                    named = [each.name for each in chosen] if names < watched else []
                    note_poll(backend, by, named, accounts, {})
                    outcomes = await poller.once(accounts, Purpose.BY_HAND)
                    seen.update({outcome.account: outcome for outcome in outcomes})
            with configuration.settings.backend.only_deliverer(configuration.settings.channels) as telling:
                if telling:  # otherwise the daemon does, within seconds
                    app.deliverer.start()
                    await app.deliverer.drain(within=10.0)
                    await app.deliverer.stop(within=1.0)
        finally:
            await app.close()
        asleep = {name: because for name, p in app.pollers.items() if (because := p.throttle.asleep_because)}
    finally:
        await store.close()
    _show_outcomes(configuration, asked, seen, asleep, json=json)
    return 0 if all(account in seen and not isinstance(seen[account], Miss) for account in asked) else 1


def _same_rules(configuration: Configuration, members: Sequence[MemberState]) -> None:
    """StoreError if who plans has others: by these, what it has told would be withdrawn."""
    from watcher.app.identity import planned_otherwise
    from watcher.domain.values.errors import StoreError

    if planner := planned_otherwise(configuration, members):
        raise StoreError(
            f"{planner} plans by other rules or another watch list, and nothing was polled; "
            f"give this machine the files that {planner} has"
        )


def _show_outcomes(
    configuration: Configuration,
    asked: list[Account],
    seen: dict[Account, Outcome],
    asleep: dict[str, str],
    *,
    json: bool,
) -> None:
    from watcher.domain.model import Miss

    wallets = {account: w.name for w in configuration.settings.wallets for account in w.accounts}
    rows: list[PolledRow] = []
    for account in asked:
        outcome = seen.get(account)
        if outcome is None:
            result = f"not asked: {asleep.get(account.source, 'the allowance has no room')}"
        elif isinstance(outcome, Miss):
            result = f"missed: {outcome}"
        else:
            result = f"read: {counted(len(outcome.amounts), 'asset')}"
        rows.append(
            {
                "wallet": wallets[account],
                "source": account.source,
                "chain": account.chain,
                "address": account.address,
                "result": result,
            }
        )
    if json:
        print_json(rows)
        return
    columns = ("wallet", "source", "chain", "address", "result")
    cells = [(row["wallet"], row["source"], row["chain"], row["address"], row["result"]) for row in rows]
    print_table(columns, cells, empty="no accounts to poll")


def web(
    config: Config = None,
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where, instead of what `web` says.")
    ] = None,
) -> int:
    """Serve the status page over an existing store, without a daemon, until Ctrl-C.

    With a daemon running, its own page is the better one. A public address needs a token.
    """
    import asyncio

    configuration = configured(config, secrets=True)  # its token guards the page
    set_up_logging("warning", configuration.settings.log.format)
    return asyncio.run(_web(configuration, listen))


async def _web(configuration: Configuration, listen: str | None) -> int:
    import asyncio

    from pydantic import ValidationError

    from watcher.config.configuration import build_rules, credit_plans
    from watcher.config.web import WebSettings
    from watcher.service.clock import SystemClock
    from watcher.web import PageSnapshots, Server

    settings = configuration.settings
    where = settings.web or WebSettings()
    try:
        where = WebSettings(**{**dict(where), "listen": listen}) if listen else where
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"].removeprefix("Value error, ")) from None
    store = settings.backend
    if not store.exists():
        typer.echo(f"{store}: there is no store yet; `watcher run` or `watcher poll` makes it", err=True)
        return 1
    no_daemon = ["this page is served without the daemon"]
    snapshots = PageSnapshots(
        settings, store, credit_plans(settings), store.clock() or SystemClock(), stuck=lambda: no_daemon,
        rules=build_rules(configuration),
    )  # fmt: skip
    server = Server(snapshots, where)
    try:
        await server.start()
    except OSError as error:
        typer.echo(f"{where.listen}: {error.strerror or error}; choose another with --listen", err=True)
        return 1
    typer.echo(f"{server.url} (Ctrl-C ends it)")
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await stopping.wait()
    finally:
        await server.stop()
    return 0
