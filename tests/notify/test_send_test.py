"""`watcher send-test` tries what alerts do: the text, and the picture where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.notify.test_refusals import BOT, slack_bot
from watcher.cli.run import _send_test
from watcher.config.configuration import configure

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
        assert await _send_test(configuration, None, json=False) == 0
        told = capsys.readouterr().out
        assert await _send_test(configuration, None, json=True) == 0
        (row,) = json.loads(capsys.readouterr().out)

    assert [method for method, _ in api.asked].count("chat.postMessage") == 2
    if allowed:
        assert told == "ops: sent, with a picture\n"
        assert row["remarks"] == []
    else:
        assert told.startswith("ops: sent; pictures are left out: the service answered: missing_scope")
        assert "missing_scope" in row["remarks"][0]
