"""`watcher audit`: who did what, and to what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_check import CONFIG
from tests.domain.given import START
from watcher.cli import _run as watcher
from watcher.config.configuration import configure
from watcher.domain.audit import Actor, AuditAction

STORE = "store: {kind: sqlite, path: watcher.db}\n"


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "watcher.yaml"
    path.write_text(CONFIG + STORE)
    store = await configure(path, {}).settings.backend.open(exclusive=True)
    commands = store.commands(Actor("ada", "page", START, "10.0.0.7"))
    commands.note(AuditAction.POLL, ["hot"], "2 accounts to be read now")
    commands.note(AuditAction.RETRY, ["8099d977"], "0.4 ETH is below 0.5 ETH to ops")
    await store.close()
    return path


def test_what_was_polled_tried_hidden_or_released_is_named(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watcher(["audit", "-c", str(path)]) == 0
    said = capsys.readouterr().out
    assert "hot: 2 accounts to be read now" in said
    assert "0.4 ETH is below 0.5 ETH to ops" in said
    assert "8099d977" not in said


def test_an_empty_answer_says_whether_all_was_asked_for(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watcher(["audit", "-c", str(path), "--who", "bob"]) == 0
    assert "nobody did anything of what was asked for" in capsys.readouterr().out
