"""What the terminal shows is text; colours are for terminals."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

from rich.console import Console

from tests.notify.given import HOSTILE, delivery
from watcher.domain.messages.delivery import NotSent, Sent
from watcher.domain.messages.presentation import Display, localised
from watcher.notify.console import Cards, ConsoleChannel, ConsoleSettings
from watcher.ports.channel import Presentation


def console(cards: Cards = "all", **words: object) -> tuple[ConsoleChannel, io.StringIO]:
    out = io.StringIO()
    printer = Console(file=out, width=100, highlight=False, emoji=False, markup=False, **words)  # type: ignore[arg-type]
    return ConsoleChannel("screen", printer, cards=cards), out


async def test_every_delivery_is_printed_with_its_facts() -> None:
    channel, out = console()

    assert await channel.send([delivery(1), delivery(2)]) == Sent()

    for text in ("number 1", "number 2", "12.5 ETH", "warning: treasury-hot", "hot-wallet-moved", "dlv-0002"):
        assert text in out.getvalue()


async def test_with_cards_for_the_first_alone_the_others_are_told_in_a_line_each() -> None:
    channel, out = console(cards="first")

    await channel.send([delivery(1), delivery(2)])
    await channel.send([delivery(3)])

    facts = [line for line in out.getvalue().splitlines() if line.startswith(" " * 9)]
    assert "dlv-0001"[:8] in facts[-1], "all of the first"
    heads = [line for line in out.getvalue().splitlines() if line not in facts]
    assert [f"number {n}" in line for n, line in enumerate(heads, 1)] == [True] * 3
    assert all("rule hot-wallet-moved" in line for line in heads[1:])


async def test_no_escape_sequence_without_a_terminal() -> None:
    channel, out = console()

    await channel.send([delivery(1, title=HOSTILE, facts=((HOSTILE, "[red]x[/red]"),))])

    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[red]x[/red]" in out.getvalue()


async def test_on_a_terminal_no_escape_sequence_comes_from_a_name() -> None:
    channel, out = console(force_terminal=True, color_system="standard")

    await channel.send([delivery(1, title="\x1b]0;owned\x07\x1b[2J name")])

    assert "\x1b[1m" in out.getvalue()
    assert "\x1b]0" not in out.getvalue()
    assert "\x1b[2J" not in out.getvalue()


async def test_a_closed_terminal_is_a_failure_not_a_crash() -> None:
    channel, out = console()
    out.close()

    assert isinstance(await channel.send([delivery(1)]), NotSent)


def test_the_settings_build_a_channel() -> None:
    assert ConsoleSettings().build("screen").name == "screen"


async def test_a_channel_with_a_zone_prints_the_local_time_with_its_name() -> None:
    out = io.StringIO()
    printer = Console(file=out, width=100, highlight=False, emoji=False, markup=False)
    local = Display(localised(ZoneInfo("Asia/Kathmandu")))

    await ConsoleChannel("screen", printer, Presentation(display=local)).send([delivery(1)])

    assert out.getvalue().startswith("1 Mar 2026, 17:45:00 UTC+05:45 warning")
