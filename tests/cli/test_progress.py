"""Long work says how far it is, on a terminal only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.terminal import terminal
from tests.endtoend.bench import Installation, here


def trace(there: Installation) -> None:
    times = "".join(f"w{n % 5},{1_700_000_000 + 977 * n}\n" for n in range(200))
    there.file("trace.csv").write_text("wallet,unix_time\n" + times)


def past(there: Installation) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = (f"{(start + timedelta(minutes=n)).isoformat()},solo,ETH,{n}\n" for n in range(2500))
    there.file("past.csv").write_text("time,wallet,symbol,amount\n" + "".join(rows))


async def test_long_work_says_how_far_it_is_and_leaves_no_trace(
    there: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace(there)
    past(there)
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    assert await here("poll") == 0

    async def run(label: str, *words: str) -> None:
        async with terminal(*words, folder=there.folder, env=there.env) as shown:
            end = await shown.until(label)
            assert await shown.ended() == 0, shown.shown
            await shown.until("\r\x1b[K", after=end)  # it is wiped in the end
        assert "%" in shown.shown[end:]
        assert ("reading past.csv: " in shown.shown) == ("backtest" in words)

    await asyncio.gather(
        run("copying to copy.db: ", "backup", "copy.db"),
        run("simulating: ", "simulate", "--trace", "trace.csv", "--credits-per-day", "100"),
        run("backtest of the configured rules: ", "backtest", "--import", "past.csv"),
    )


async def test_where_standard_error_is_no_terminal_there_is_no_progress(
    there: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trace(there)
    monkeypatch.chdir(there.folder)
    assert await here("simulate", "--trace", "trace.csv", "--credits-per-day", "100") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "\x1b" not in shown.out
