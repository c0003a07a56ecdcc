"""`watcher backtest`: over the store, over a file, and two sets of rules side by side."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.backtest.given import InlineStore, told_by_daemon
from tests.fakes import FakeClock
from tests.service.given import make_engine
from watcher.cli import _run as watcher
from watcher.config.configuration import build_rules, configure
from watcher.domain.credits.allowance import Allowance, Booking, Grant, Purpose
from watcher.domain.model import Account, Asset, Reading
from watcher.ports.store import Settlement
from watcher.service.clock import SystemClock

ADDRESS = "0x9f114da25b61b77606d47eab414b9360f8783979"
ETHEREUM = Account("coinstats", "ethereum", ADDRESS)
ETH = Asset("ethereum", "ethereum")
CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: k}}
wallets:
  - {{name: hot, source: coinstats, address: "{ADDRESS}", chains: [ethereum], tags: [gas]}}
  - {{name: wide, source: coinstats, address: "0x05ca11c01869a68706c4877ca7b577ae792555ae", chains: [all]}}
channels: {{ops: {{kind: console}}, phone: {{kind: console}}}}
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: low, type: threshold, match: {assets: [ETH]}, below: "1"}
  - {id: moved, type: change, by: "50%", notify: [phone]}
  - {id: silent, type: no_data, match: {wallets: [hot]}, longer_than: 1h}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(folder: Path, *readings: tuple[float, str]) -> datetime:
    """Readings of ETH so many minutes ago; now."""
    now = SystemClock().now()

    async def go() -> None:
        store = InlineStore(folder / "watcher.db")
        rules = build_rules(configure(folder / "watcher.yaml", {}))
        engine = make_engine(store, rules, FakeClock(now))
        for minutes, amount in readings:
            at = now - timedelta(minutes=minutes)
            grant = await store.reserve(Booking("coinstats", 1, 40, Purpose.SCHEDULED, at), Allowance())
            assert isinstance(grant, Grant)
            held = {ETH: Decimal(amount)}
            reading = Reading(ETHEREUM, held, {ETH: Decimal(2000)}, {ETH: "ETH"}, frozenset({"ethereum"}))
            await engine.judge((reading,), at, Settlement(grant, at, 40, 1))
        await store.close()

    asyncio.run(go())
    return now


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert watcher(["backtest", "--json", *map(str, arguments)]) == 0
    return json.loads(capsys.readouterr().out)


def messages(found: Any) -> list[str]:
    return [f"{each['rule']} {each['kind']}" for each in found["messages"]]


def test_stored_history_is_played_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = record(folder, (50, "2"), (40, "0.5"), (30, "0.6"), (20, "3"))
    before = (folder / "watcher.db").read_bytes()

    found = run(capsys)

    (only,) = found["sets"]
    assert messages(only) == ["low firing", "moved event", "low resolved", "moved event"]
    assert only["messages"][0]["channels"] == ["ops", "phone"]
    assert only["notifications"] == {"ops": 2, "phone": 2}
    assert only["by_rule"] == {"low": 2, "moved": 2}
    assert [each["at"] for each in only["messages"][:1]] == [
        (now - timedelta(minutes=40)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ]
    assert (folder / "watcher.db").read_bytes() == before
    assert len(told_by_daemon(folder / "watcher.db")) == 4


def test_a_person_reads_what_was_sent_and_what_is_not_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(folder, (50, "2"), (40, "0.5"))

    assert watcher(["backtest", "--timezone", "Europe/Zurich"]) == 0

    out = capsys.readouterr().out
    assert "hot: 0.5 ETH is below 1 ETH" in out
    assert "2 messages in 2 notifications" in out
    assert "at night (22:00 to 07:00 Europe/Zurich)" in out
    assert "not known from history:" in out


def test_two_sets_of_rules_are_compared_message_by_message(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(folder, (50, "2"), (40, "0.5"), (30, "0.1"), (20, "3"))
    (folder / "other.yaml").write_text(RULES.replace('below: "1"', 'below: "0.3"'))

    found = run(capsys, "--rules", "other.yaml")

    assert [each["name"] for each in found["sets"]] == ["configured rules", "other.yaml"]
    compared = found["compared"]
    assert messages({"messages": compared["only_first"]}) == ["low firing"]
    assert messages({"messages": compared["only_second"]}) == ["low firing"]
    assert compared["both"] == 4  # three that moved, and the end

    assert watcher(["backtest", "--rules", "other.yaml", "--rules", "rules.yaml"]) == 0
    out = capsys.readouterr().out
    assert "both would have sent 4 messages" in out
    assert "only with other.yaml: 1" in out


def test_only_the_time_asked_for_is_counted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(folder, (200, "2"), (150, "0.5"), (70, "0.6"), (20, "3"))

    (only,) = run(capsys, "--since", "1h")["sets"]

    assert messages(only) == ["low resolved", "moved event"]
    assert only["fired_before"] == [{"rule": "low", "subject": "hot: ETH on ethereum"}]


CSV = """\
time,wallet,chain,asset,symbol,amount,price_usd
2026-03-01T08:00:00Z,hot,ethereum,,ETH,2,2000
2026-03-01T08:00:00Z,wide,solana,,SOL,5,
1772355600,hot,,,ETH,0.5,2000
2026-03-01T23:30:00+01:00,hot,ethereum,,ETH,3,2000
2026-03-02T08:00:00Z,hot,ethereum,,ETH,0,2000
2026-03-02T08:00:00Z,hot,ethereum,0xA0B86991c6218b36c1d19D4a2e9Eb0cE3606eB48,USDC,"1000000.000001",1
"""


def test_ones_own_past_is_imported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "past.csv").write_text(CSV)

    found = run(capsys, "--import", "past.csv", "--timezone", "Europe/Zurich")

    (only,) = found["sets"]
    assert messages(only) == [
        "low firing", "moved event", "low resolved", "moved event", "low firing", "moved event",
        "moved event",
    ]  # fmt: skip
    assert only["messages"][0]["at"] == datetime(2026, 3, 1, 9, tzinfo=UTC).isoformat(
        timespec="milliseconds"
    ).replace("+00:00", "Z")
    assert only["at_night"] == 2
    assert any("1,000,000.00… USDC" in each["title"] for each in only["messages"])
    assert any("no_data" in words for words in found["not_known"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-03-01T08:00:00,hot,,,ETH,1,", "past.csv:8: time: '2026-03-01T08:00:00' has no zone"),
        ("yesterday,hot,,,ETH,1,", "'yesterday' is no time"),
        ("2026-03-01T08:00:00Z,hto,,,ETH,1,", "there is no wallet 'hto' in the configuration; did you mean"),
        ("2026-03-01T08:00:00Z,hot,base,,ETH,1,", "'hot' does not watch the chain 'base'"),
        ("2026-03-01T08:00:00Z,wide,,,ETH,1,", "'wide' is on several chains"),
        ("2026-03-01T08:00:00Z,hot,,,ETH,one,", "amount: 'one' is no number"),
        ("2026-03-01T08:00:00Z,hot,,,ETH,-1,", "amount: '-1' is no amount"),
        ("2026-03-01T08:00:00Z,hot,,,ETH,1,NaN", "price_usd: 'NaN' is no amount"),
        ("2026-03-01T08:00:00Z,hot,,,,1,", "this line names no asset"),
        ("2026-03-01T08:00:00Z,hot,,,ETH,1,2,3", "more fields than the first one"),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    (folder / "past.csv").write_text(f"{CSV}{line}\n")

    assert watcher(["backtest", "--import", "past.csv"]) == 78
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no column time"),
        ("time,wallet,amount\n", "names no column asset or symbol"),
        ("time,wallet,symbol,amount,ammount\n", "a column that nobody knows: 'ammount'"),
        ("time,wallet,symbol,amount\n", "there is no row in this file"),
    ],
)
def test_a_file_of_other_columns_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (folder / "past.csv").write_text(text)

    assert watcher(["backtest", "--import", "past.csv"]) == 78
    assert said in capsys.readouterr().err


def test_wrong_usage_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert watcher(["backtest"]) == 1  # no store
    assert watcher(["backtest", "--since", "soon"]) == 2
    assert watcher(["backtest", "--timezone", "Europe/Zurick"]) == 2
    assert watcher(["backtest", *["--rules", "rules.yaml"] * 2]) == 2
    assert watcher(["backtest", "--rules", "none.yaml"]) == 78
    assert watcher(["backtest", "--import", "none.csv"]) == 78


def test_it_needs_no_secret_and_says_what_it_takes_a_channel_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(folder, (50, "5"), (40, "0.5"))
    text = CONFIG.replace("api_key: k", 'api_key: "${NOT_SET_HERE}"')
    text = text.replace("phone: {kind: console}", 'phone: {url: "${NOT_SET_EITHER}"}')
    (folder / "watcher.yaml").write_text(text)

    assert watcher(["backtest", "--since", "1h", "--json"]) == 0

    played = json.loads(capsys.readouterr().out)
    assert played["sets"][0]["by_rule"] == {"low": 1, "moved": 1}
    assert [words for words in played["not_known"] if "URL is not set here" in words] == [
        "what kind of service channel phone is: its URL is not set here; taken for a chat"
    ]


BOTH_AT_ONCE = """\
time,wallet,symbol,amount,price_usd
2026-03-01T03:00:00Z,hot,ETH,5,1
2026-03-01T03:00:00Z,hot,USDC,9,1
2026-03-01T04:00:00Z,hot,ETH,0,1
2026-03-01T04:00:00Z,hot,USDC,0,1
2026-03-01T05:00:00Z,hot,ETH,0,1
2026-03-01T05:00:00Z,hot,USDC,0,1
2026-03-01T06:00:00Z,hot,ETH,5,1
2026-03-01T06:00:00Z,hot,USDC,9,1
"""


def test_two_zeros_at_one_moment_are_both_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "past.csv").write_text(BOTH_AT_ONCE)
    (folder / "rules.yaml").write_text(
        "rules:\n  - {id: gone, type: asset, event: disappears}\n"
        '  - {id: poor, type: threshold, metric: value_usd, per: wallet, below: "10"}\n'
    )
    (only,) = run(capsys, "--import", "past.csv")["sets"]
    assert [(each["at"][11:16], each["rule"], each["title"][:12]) for each in only["messages"]] == [
        ("04:00", "gone", "\u22125 ETH ($5.0"),
        ("04:00", "gone", "\u22129 USDC ($9."),
        ("04:00", "poor", "hot: $0.00 i"),
        ("06:00", "poor", "hot: $14.00 "),
    ]


def test_what_is_gathered_when_history_ends_was_sent(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [f"2026-03-01T0{hour}:00:00Z,hot,T{n},{9 - hour}," for hour in (3, 4) for n in range(6)]
    many += [f"2026-03-01T04:00:0{n}Z,hot,U{n},{n}," for n in range(1, 8)]
    (folder / "past.csv").write_text("time,wallet,symbol,amount,price_usd\n" + "\n".join(many) + "\n")
    (folder / "rules.yaml").write_text("rules:\n  - {id: moved, type: change}\n")
    (only,) = run(capsys, "--import", "past.csv")["sets"]
    assert len(only["messages"]) == 13
