"""`status --watch`: in place on a terminal, block after block in a pipe."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime

import pytest

from tests.cli.terminal import terminal
from tests.endtoend.bench import EVM, Installation, here
from watcher.cli._tables import Screen
from watcher.cli.status import status_lines
from watcher.reports.rows import AccountRow, StatusRow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOME = "\x1b[H"


@pytest.fixture
async def polled(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    assert await here("poll") == 0
    return there


async def test_on_a_terminal_it_is_redrawn_in_place_and_ctrl_c_ends_it_well(polled: Installation) -> None:
    words = ("status", "--watch", "--every", "1s")
    async with terminal(*words, folder=polled.folder, env=polled.env) as shown:
        first = await shown.until("no alert is pending or firing")
        polled.sim.world.set_amount(EVM, "ethereum", "ETH", "0.1")
        assert await here("poll") == 0
        await shown.until("eth-low", after=first)
        assert shown.shown.count(HOME) >= 2
        assert "\x1b[1;31mcritical" in shown.shown
        shown.type("\x03")
        assert await shown.ended() == 0
    assert shown.shown.startswith("\x1b[?1049h")
    _, left = shown.shown.split("\x1b[?1049l")
    assert "eth-low" in left
    assert "Traceback" not in shown.shown


async def test_in_a_pipe_it_is_one_plain_block_after_another_and_with_json_one_line(
    polled: Installation,
) -> None:
    pipe = asyncio.subprocess.PIPE

    async def watch(wanted: str, *words: str) -> str:
        words = ("status", "--watch", "--every", "1s", *words)
        process = await polled.spawn(*words, stdout=pipe, stderr=pipe)
        assert process.stdout is not None
        text = ""
        while text.count(wanted) < 2:
            text += (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        return text

    text, lines = await asyncio.gather(watch("deliveries:"), watch("\n", "--json"))
    assert "\x1b" not in text
    assert text.count("watcher: ok") == 2
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["state"] for row in rows] == ["ok", "ok"]
    assert rows[0]["at"] < rows[1]["at"]


async def test_a_store_that_is_not_there_yet_is_waited_for_and_sigterm_puts_the_screen_back(
    there: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("status", "--watch", "--every", "1s")
    async with terminal(*words, folder=there.folder, env=there.env) as shown:
        await shown.until("watcher run")
        for name, value in there.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(there.folder)
        assert await here("poll") == 0
        await shown.until("deliveries:")
        shown.process.send_signal(signal.SIGTERM)
        assert await shown.ended() == 0
        await shown.until("\x1b[?1049l")


async def test_a_cadence_below_a_second_is_refused(
    polled: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("status", "--watch", "--every", "0s") == 2
    assert "at least 1s" in capsys.readouterr().err


def state(accounts: int, in_trouble: int) -> StatusRow:
    def account(number: int) -> AccountRow:
        missed = accounts - number <= in_trouble
        return {
            "wallet": f"wallet-{number}", "source": "coinstats", "chain": "ethereum", "address": "0x1",
            "last_reading": NOW, "next_poll": None, "stale": False, "interval_seconds": None,
            "expected_delay_seconds": None,
            "misses": 3 if missed else 0, "miss": "the API was out of reach for all that is known" * missed,
            "held": [], "quarantined": 0, "late": False,
        }  # fmt: skip

    return {
        "state": "warning", "credits": {}, "alerts": [], "held_prices": [], "never_held": [], "channels": [],
        "hints": {}, "members": [],
        "accounts": [account(number) for number in range(accounts)],
        "deliveries": {"pending": 0, "sent": 0, "given_up": 0},
    }  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("height", [12, 24, 50])
def test_what_has_no_room_is_counted_and_trouble_comes_first(width: int, height: int) -> None:
    lines = status_lines(state(500, 1), NOW, Screen(width, height), height)
    text = "\n".join(lines)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert "wallet-499" in text or (width, height) == (40, 12)
    shown = text.count("wallet-")
    assert f"… and {500 - shown} more accounts" in text
    assert "deliveries: 0 pending" in text.replace("\n", " ")


async def test_who_wants_no_colours_gets_none(polled: Installation) -> None:
    env = {**polled.env, "NO_COLOR": "1"}
    async with terminal("status", folder=polled.folder, env=env) as shown:
        assert await shown.ended() == 0
        await shown.until("deliveries")
    assert "watcher: ok" in shown.shown
    assert "\x1b" not in shown.shown


async def test_a_terminal_that_cannot_redraw_gets_blocks(polled: Installation) -> None:
    words = ("status", "--watch", "--every", "1s")
    async with terminal(*words, folder=polled.folder, env=polled.env, term="dumb") as shown:
        first = await shown.until("deliveries:")
        await shown.until("deliveries:", after=first)
        assert await shown.interrupted() == 0
    assert "\x1b" not in shown.shown
