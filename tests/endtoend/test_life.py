"""Acknowledging and silencing by the verbs, over the whole product."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.endtoend.bench import EVM, Installation, here, stop, text_of

ALERT = ["id", "rule", "subject", "wallet", "state", "severity", "since", "because", "acknowledged_by"]


@pytest.fixture
def installed(there: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    for name, value in there.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(there.folder)
    return there


async def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    assert await here(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def low(there: Installation, amount: str = "0.4") -> None:
    there.sim.world.set_amount(EVM, "ethereum", "ETH", amount)


async def test_an_alert_is_listed_acknowledged_and_resolved(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    assert await printed(capsys, "alerts") == []
    low(installed)
    await here("poll")
    (row,) = await printed(capsys, "alerts")
    assert list(row)[:9] == ALERT
    assert (row["rule"], row["wallet"], row["state"], row["acknowledged_by"]) == (
        "eth-low", "hot", "firing", None,
    )  # fmt: skip
    assert await here("ack", row["id"], "--by", "bob", "--comment", "topping up") == 0
    assert [each["acknowledged_by"] for each in await printed(capsys, "alerts", "list")] == ["bob"]
    assert [each["acknowledged_by"] for each in (await installed.json("status"))["alerts"]] == ["bob"]
    low(installed, "0.9")
    await here("poll")
    assert await printed(capsys, "alerts") == []
    assert [each["state"] for each in await printed(capsys, "alerts", "--all")] == ["resolved"]
    (whole,) = await printed(capsys, "alerts", "show", row["id"])
    assert [(each["kind"], each["state"]) for each in whole["deliveries"]] == [
        ("firing", "sent"), ("resolved", "sent"),
    ]  # fmt: skip
    assert "by bob" in text_of(installed.hook.about("eth-low")[-1])
    assert "topping up" in text_of(installed.hook.about("eth-low")[-1])
    assert await here("ack", row["id"]) == 1
    assert "is resolved" in capsys.readouterr().err
    assert await here("ack", "nobody") == 1
    assert await here("alerts", "show", "nobody") == 1


async def test_what_is_silenced_is_listed_as_silenced_and_told_when_that_ends(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here("poll") == 0
    made = await printed(
        capsys, "silence", "add", "--rule", "eth-*", "--for", "2h", "--by", "bob", "--comment", "works"
    )
    assert [each["id"] for each in await printed(capsys, "silence", "list")] == [made["id"]]
    low(installed)
    await here("poll")
    assert installed.hook.about("eth-low") == []
    (row,) = await printed(capsys, "alerts")
    assert (row["state"], row["held"].endswith("works")) == ("silenced", True)
    assert (await installed.json("status"))["state"] == "ok"
    assert await here("silence", "expire", made["id"]) == 0
    assert await here("silence", "expire", made["id"]) == 1
    async with installed.daemon() as daemon:
        await installed.hook.told("eth-low", "Held back")
        await stop(installed, daemon)
    assert await printed(capsys, "silence", "list") == []
    assert [each["in_force"] for each in await printed(capsys, "silence", "list", "--all")] == [False]


@pytest.mark.parametrize(
    "words",
    [
        ("silence", "add", "--for", "2h"),
        ("silence", "add", "--rule", "eth-low"),
        ("silence", "add", "--rule", "eth-lo", "--for", "2h"),
        ("silence", "add", "--wallet", "nobody", "--for", "2h"),
        ("silence", "add", "--severity", "loud", "--for", "2h"),
        ("silence", "add", "--rule", "*", "--for", "soon"),
        ("silence", "add", "--rule", "*", "--for", "400d"),
        ("silence", "add", "--rule", "*", "--for", "2h", "--comment", "a\nb"),
        ("alerts", "show"),
        ("alerts", "list", "x"),
        ("alerts", "drop"),
        ("ack",),
    ],
)
async def test_wrong_usage_exits_2(
    installed: Installation, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await here(*words) == 2
    shown = capsys.readouterr()
    assert (shown.out, "Traceback" in shown.err) == ("", False)


async def test_what_waits_for_the_end_of_quiet_hours_is_no_trouble(
    installed: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    path = installed.file("watcher.yaml")
    start, end = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (-1, 2))
    quiet = f'{{url: "${{HOOK_URL}}", quiet: {{from: "{start}", to: "{end}", timezone: UTC}}}}'
    text = path.read_text()
    path.write_text(text.replace('{url: "${HOOK_URL}"}', quiet))
    assert path.read_text() != text
    rules = installed.file("rules.yaml")
    rules.write_text(rules.read_text().replace("severity: critical", "severity: info"))
    assert await here("poll") == 0
    low(installed)
    assert await here("poll") == 0
    with sqlite3.connect(installed.file("watcher.db")) as conn:
        conn.execute("UPDATE deliveries SET created = created - 3600000")
    conn.close()
    status = await printed(capsys, "status")
    assert (status["state"], status["deliveries"]["pending"] > 0) == ("ok", True)
    assert installed.hook.received == []
