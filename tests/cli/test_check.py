"""`watcher check` on a sound configuration: what it counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.hints.third import PigeonPost
from watcher.cli import _run as watcher
from watcher.hints import KINDS

ADDRESS = "0x9f114da25b61b77606d47eab414b9360f8783979"
CONFIG = f"""\
version: 1
sources: {{coinstats: {{kind: coinstats, api_key: key}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{ADDRESS}", chains: [ethereum, base-wallet]}}
  - {{name: cold, source: coinstats, address: "{ADDRESS}", chains: [gnosis], hints: false}}
channels: {{ops: {{kind: console}}}}
"""
HINTS = """\
hints:
  loft: {kind: pigeon, ring: ring-1}
  mainnet: {kind: pigeon, ring: ring-2, chains: [ethereum]}
"""


def test_hinted_accounts_are_counted_once_and_only_where_there_are_hints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cast(Any, KINDS), "pigeon", PigeonPost)
    path = tmp_path / "watcher.yaml"
    path.write_text(CONFIG)
    assert watcher(["check", "-c", str(path)]) == 0
    assert capsys.readouterr().out.endswith("sound (1 source, 2 wallets, 3 accounts, 0 rules, 1 channel)\n")
    path.write_text(CONFIG + HINTS)
    assert watcher(["check", "-c", str(path)]) == 0
    assert capsys.readouterr().out.endswith("1 channel, 2 hint sources for 2 accounts)\n")
    assert watcher(["check", "-c", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["hint_sources"], found["hinted_accounts"]) == (2, 2)
