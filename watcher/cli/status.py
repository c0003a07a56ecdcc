"""The verb `status`: sources, credits, accounts and their age, alerts, deliveries; once, or watched."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import configured, plain_json, print_json, time_of
from watcher.cli._encoding import json_text
from watcher.cli._hints import hint_lines
from watcher.cli._options import Config, Json
from watcher.cli._tables import Screen, fold, redraws, screen, table
from watcher.domain.values.durations import format_duration, parse_duration, span
from watcher.domain.values.errors import StoreError
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.text import clean
from watcher.service.clock import SystemClock

if TYPE_CHECKING:
    from watcher.config.configuration import Configuration
    from watcher.reports.rows import AccountRow, CreditsRow, StatusRow

EXIT = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
SHORTEST = timedelta(seconds=1)
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""A screen of its own without a cursor, and back: what stood there before is there again."""
_HOME, _REST_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


def status(
    config: Config = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")] = False,
    every: Annotated[str, typer.Option("--every", metavar="D", help="With --watch: how often.")] = "2s",
    alive: Annotated[
        bool, typer.Option("--alive", help="Say only whether anything is still read: code 0, or 1.")
    ] = False,
    json: Json = False,
) -> int:
    """Show sources, credits, accounts and their age, alerts and deliveries.

    Exit code: 0 ok, 1 warning, 2 critical, 3 unknown. Late is an account without a reading for three
    times as long as is set, promised or intended: one is a warning, all are critical (no daemon is at
    work, say). What an account holds and answers leave unclear for as long is a warning too. With
    --watch it is shown in place on a terminal, what is in trouble first, and as one block after another
    in a pipe (with --json: one line each); Ctrl-C ends it with 0. --alive is for health checks, as of a
    container: alerts that fire and channels in trouble are no reason to start a daemon anew.
    """
    configuration = configured(config)
    if alive:
        return _alive(configuration)
    if watch:
        return _watch(configuration, _interval(every), json=json)
    try:
        state, now = _state(configuration)
    except StoreError as error:
        typer.echo(f"watcher: {error}", err=True)
        if json:
            from watcher.cli._rows import UnreadableRow

            print_json(UnreadableRow(state="unknown", error=str(error)))
        return EXIT["unknown"]
    if json:
        print_json(state)
    else:
        print("\n".join(status_lines(state, now, screen())))
    return EXIT[state["state"]]


def _state(configuration: Configuration) -> tuple[StatusRow, datetime]:

    from watcher.config.configuration import credit_plans
    from watcher.reports.status import report

    settings, now = configuration.settings, time_of(configuration.settings.backend)
    with settings.backend.queries() as reader:
        return report(settings, reader, now, credit_plans(settings)), now


def _alive(configuration: Configuration) -> int:
    from watcher.reports.status import unread, unread_because

    try:
        accounts = _state(configuration)[0]["accounts"]
    except StoreError as error:
        typer.echo(f"watcher: {error}", err=True)
        return 1
    stopped = unread(accounts)
    why = f"nothing is read any more: {clean(unread_because(accounts))}"
    typer.echo(why if stopped else f"{counted(len(accounts), 'account')} watched")
    return int(stopped)


def _interval(text: str) -> timedelta:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if found < SHORTEST:
        raise typer.BadParameter("--every must be at least 1s")
    return found


Show = Callable[["StatusRow | str", datetime], list[str]]
"""A report, or the words why there is none → the lines of one round."""


def _watch(configuration: Configuration, every: timedelta, *, json: bool) -> int:
    """Show, wait, and again. A store that cannot be read is said in its place and tried again."""
    in_place = not json and redraws(sys.stdout)
    show = _line_of_json if json else _in_place(every) if in_place else _block
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the screen is put back on that too
    lines: list[str] = []
    try:
        sys.stdout.write(_ENTER if in_place else "")
        while True:
            try:
                lines = show(*_state(configuration))
            except StoreError as error:
                lines = show(f"watcher: {error}", SystemClock().now())
            if in_place:
                sys.stdout.write(_HOME + "\r\n".join(line + _REST_OF_LINE for line in lines) + _REST)
            else:
                sys.stdout.write("\n".join([*lines, ""]))
            sys.stdout.flush()
            time.sleep(every.total_seconds())
    except KeyboardInterrupt:
        return 0
    finally:
        if in_place:  # what was shown last stays
            sys.stdout.write(_LEAVE + "\n".join([*lines, ""]))
            sys.stdout.flush()


def _line_of_json(state: StatusRow | str, now: datetime) -> list[str]:
    found = {"state": "unknown", "error": state} if isinstance(state, str) else state
    return [json_text({"at": now, **found}, sys.stdout, default=plain_json)]


def _block(state: StatusRow | str, now: datetime) -> list[str]:
    body = [state] if isinstance(state, str) else status_lines(state, now, Screen())
    return [moment(now), *body, ""]


def _in_place(every: timedelta) -> Show:
    def show(state: StatusRow | str, now: datetime) -> list[str]:
        on = screen()
        head = fold(f"{moment(now)}, every {format_duration(every)}; Ctrl-C ends it", on.width)
        room = (on.height or 24) - len(head)
        body = fold(state, on.width) if isinstance(state, str) else status_lines(state, now, on, room)
        return [*head, *body[:room]]

    return show


def status_lines(state: StatusRow, now: datetime, on: Screen, room: int | None = None) -> list[str]:
    """The report in lines that fit. `room`: at most so many; accounts in trouble go first then, and
    those that have no place are counted.
    """
    above, below = _above(state, now, on), _below(state, on)
    accounts = state["accounts"]
    if room is None:
        return [*above, "", *_accounts(accounts, now, on), "", *below]
    shown = _most(sorted(accounts, key=_urgency), now, on, room - len(above) - len(below) - 2)
    lines = [*above, "", *shown, "", *below]
    return lines if len(lines) <= room else [*lines[: room - 1], "… the window is too low for the rest"]


def _most(accounts: Sequence[AccountRow], now: datetime, on: Screen, room: int) -> list[str]:
    """As many accounts as have room, and how many have none."""

    def shown(count: int) -> list[str]:
        left = len(accounts) - count
        rows = _accounts(accounts[:count], now, on) if count or not left else []
        return [*rows, *(fold(f"… and {left:,} more accounts", on.width) if left else [])]

    low, high = 0, min(len(accounts), max(room, 0))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(shown(middle)) <= room else (low, middle - 1)
    return shown(low)


def _urgency(row: AccountRow) -> tuple[bool, int, str]:
    at = row["last_reading"]
    return (
        not (row["held"] or row["miss"] or row["late"] or row["stale"]),
        -row["misses"],
        at.isoformat() if at else "",
    )


def _above(state: StatusRow, now: datetime, on: Screen) -> list[str]:
    from watcher.reports.members import member_words
    from watcher.reports.status import unread, unread_because

    lines = [f"watcher: {on.paint(state['state'], state['state'])}"]
    if unread(state["accounts"]):
        because = clean(unread_because(state["accounts"]))
        lines += fold(f"nothing is read any more: {because}", on.width)
    for name, row in state["credits"].items():
        text = (
            f"{name}: {row['spent']:,} of {row['limit']:,} credits spent, until {moment(row['period_end'])}"
        )
        out = row["runs_out"]
        lines += fold(text + (f"; at this pace they run out on {moment(out)}" if out else ""), on.width)
        lines += [line for text in _outlook(row) for line in fold(text, on.width)]
    for name, hints in state["hints"].items():
        lines += [line for text in hint_lines(name, hints, now) for line in fold(text, on.width)]
    for member in state["members"]:
        lines += fold(f"member {member['member']}: {clean(member_words(member))}", on.width)
    return lines


def _outlook(row: CreditsRow) -> list[str]:
    """What the cadence intends and found, as the daemon wrote it down last."""
    lines = []
    if row["stretch"] is not None and row["stretch"] > 1.02:
        stretch = f"{row['stretch']:.1f} times as long; see `watcher plan`"
        lines.append(f"  not every interval can be afforded: {stretch}")
    finds = row["finds"]
    gap, planned = (finds["mean_gap_seconds"], finds["planned_gap_seconds"]) if finds else (None, None)
    if gap is not None and planned is not None:
        found = f"{span(gap)} after the one before on average ({span(planned)} intended)"
        lines.append(f"  polls that found a change came {found}")
    provider = row["provider"]
    if provider is not None and provider["used"] != row["spent"]:
        lines.append(f"  the provider counted {provider['used']:,} at {moment(provider['at'])}")
    return lines


def _accounts(accounts: Sequence[AccountRow], now: datetime, on: Screen) -> list[str]:
    cells = [
        (
            row["wallet"], row["source"], row["chain"], _age(row["last_reading"], now),
            str(row["misses"]), row["miss"] or "; ".join(row["held"]) or _late(row),
        )
        for row in accounts
    ]  # fmt: skip
    return table(("wallet", "source", "chain", "age", "misses", "trouble"), cells, on, empty="no accounts")


def _late(row: AccountRow) -> str:
    return "late" if row["late"] else "a part of it is late" if row["stale"] else ""


def _below(state: StatusRow, on: Screen) -> list[str]:
    alerts = [
        (a["severity"], a["state"], a["rule"], a["subject"], a["because"], a["acknowledged_by"] or "")
        for a in state["alerts"]
    ]
    columns = ("severity", "state", "rule", "subject", "because", "acknowledged by")
    lines = table(columns, alerts, on, empty="no alert is pending or firing")
    waiting = sum(row["quarantined"] for row in state["accounts"])
    if waiting:
        lines += [
            "",
            *fold(f"{counted(waiting, 'asset')} that no rule sees; `watcher assets` lists them", on.width),
        ]
    if state["never_held"]:
        names = [row["wallet"] for row in state["never_held"]]
        more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
        said = (
            f"nothing was ever seen in {clean(', '.join(names[:5]))}{more}: see that the addresses are right"
        )
        lines += ["", *fold(said, on.width)]
    for held in state["held_prices"]:
        name = clean(held["symbol"] or held["asset"])
        why = f"{name} on {held['chain']}: {held['reason']}; not judged in dollars until a price is confirmed"
        lines += ["", *fold(why, on.width)]
    row = state["deliveries"]
    told = f"deliveries: {row['pending']} pending, {row['sent']} sent, {row['given_up']} given up"
    lines += ["", *fold(told, on.width)]
    for each in state["channels"]:
        waits = f"{counted(each['pending'], 'message')} not told since {moment(each['since'])}"
        what = waits if each["pending"] else "the last message was given up"
        lines += fold(f"  channel {each['channel']}: {what}: {clean(each['trouble'])}", on.width)
    return lines


def _age(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never read"
    return format_duration(timedelta(seconds=max(0, int((now - at).total_seconds()))))
