"""`watcher send-test` tries what alerts do: the text, and the picture where there is one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from apprise.plugins import pagerduty

from tests.notify import phones
from tests.notify.given import Receiver, receiver
from tests.notify.phones import Phone, ringing
from tests.notify.test_refusals import BOT, slack_bot
from watcher.cli.send_test import _pictured, send_tests
from watcher.config.configuration import Configuration, configure
from watcher.domain.messages.message import Severity

CONFIG = """\
version: 1
sources: {{s: {{kind: coinstats, api_key: k, credits: {{limit: 100, period: month}}}}}}
wallets: [{{name: w, source: s, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}}]
channels: {{ops: {{url: "slack://{bot}/#ops", pictures: true}}}}
rules: []
"""


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_test_message_takes_a_picture_along_and_says_whether_it_was_taken(
    allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(method: str, _payload: dict[str, Any]) -> tuple[int, Any]:
        if method == "chat.postMessage":
            return 200, {"ok": True, "channel": "C123", "ts": "1"}
        if not allowed:
            return 200, {"ok": False, "error": "missing_scope", "needed": "files:write"}
        if method == "files.getUploadURLExternal":
            return 200, {"ok": True, "file_id": "F1", "upload_url": f"{api.url}/upload"}
        return (200, "OK - 1") if method == "upload" else (200, {"ok": True, "files": [{"id": "F1"}]})

    (tmp_path / "watcher.yaml").write_text(CONFIG.format(bot=BOT), encoding="utf-8")
    configuration = configure(tmp_path / "watcher.yaml", {})
    async with slack_bot(monkeypatch, answer) as api:
        assert await send_tests(configuration, None, json=False) == 0
        told = capsys.readouterr().out
        assert await send_tests(configuration, None, json=True) == 0
        (row,) = json.loads(capsys.readouterr().out)

    assert [method for method, _ in api.asked].count("chat.postMessage") == 2
    if allowed:
        assert told == "ops: sent, with a picture\n"
        assert row["remarks"] == []
    else:
        assert told.startswith("ops: sent; pictures are left out: the service answered: missing_scope")
        assert "missing_scope" in row["remarks"][0]


LOUD = """\
version: 1
sources: {{s: {{kind: coinstats, api_key: k, credits: {{limit: 100, period: month}}}}}}
wallets: [{{name: hot, source: s, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}}]
channels:
  phone: {{url: "ntfy://127.0.0.1:{port}/alerts", priority: {{warning: high}}}}
  desk: {{url: "json://127.0.0.1:{hook}/hook"}}
web: {{listen: "127.0.0.1:8787", url: "https://watch.example.org"}}
rules: []
"""


@asynccontextmanager
async def loud(tmp_path: Path) -> AsyncIterator[tuple[Configuration, Phone, Receiver]]:
    async with ringing(phones.ntfy) as phone, receiver() as here:
        (tmp_path / "watcher.yaml").write_text(LOUD.format(port=phone.port, hook=here.port), encoding="utf-8")
        yield configure(tmp_path / "watcher.yaml", {}), phone, here


async def test_a_test_that_is_critical_rings_and_reads_as_such_an_alert_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with loud(tmp_path) as (configuration, phone, here):
        assert await send_tests(_pictured(configuration), None, Severity.CRITICAL, json=False) == 0

    assert capsys.readouterr().out.splitlines() == [
        "phone: sent as critical, with a picture; ntfy: priority 5, tags rotating_light",
        "desk: sent as critical, with a picture",
    ]
    (alert, *_) = phone.told
    assert (alert["priority"], alert["tags"]) == (5, ["rotating_light"])
    assert alert["title"].startswith("critical, test: −12.5 TEST ($39,506.75")
    body = here.payloads[0]["message"]
    assert "nothing has moved" in body
    assert "https://etherscan.io/address/0x9f114da25b61b77606d47eab414b9360f8783979" in body
    assert "https://watch.example.org" in body


async def test_a_test_without_a_severity_is_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with loud(tmp_path) as (configuration, phone, _):
        assert await send_tests(configuration, "phone", json=True) == 0

    (row,) = json.loads(capsys.readouterr().out)
    assert phone.told[0]["priority"] == 4
    assert row["loudness"] == "ntfy: priority 4, tags warning"


async def test_a_test_says_that_it_opens_an_incident(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "pagerduty://0123456789abcdef0123456789abcdef@apikey"
    async with ringing(phones.pagerduty) as phone:
        address = f"http://127.0.0.1:{phone.port}/v2/enqueue"
        monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", address)
        text = CONFIG.replace('"slack://{bot}/#ops", pictures: true', f'"{url}"').format()
        (tmp_path / "watcher.yaml").write_text(text, encoding="utf-8")
        configuration = configure(tmp_path / "watcher.yaml", {})
        assert await send_tests(configuration, None, Severity.CRITICAL, json=False) == 0

    said = capsys.readouterr().out
    assert said == "ops: sent as critical; PagerDuty: severity critical, opens an incident\n"
    assert phone.told[0]["action"] == "trigger"
