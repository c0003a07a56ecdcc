"""`watcher check` on a sound configuration: what it counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
import typer

from tests.hints.third import PigeonPost
from watcher.cli import _completion
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


def test_every_file_that_is_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "watcher.yaml"
    path.write_text(
        CONFIG.replace("channels:", "  - more/*.csv\ninclude: [team.yaml]\nrules: [low.yaml]\nchannels:")
    )
    (tmp_path / "more").mkdir()
    other = "0x52908400098527886e0f7030069857d2e4169ee7"
    (tmp_path / "more" / "gas.csv").write_text(f"name,source,address,chains\ngas,coinstats,{other},base\n")
    (tmp_path / "team.yaml").write_text("channels: {duty: {kind: console}}\n")
    (tmp_path / "low.yaml").write_text("rules:\n  - {id: low, type: threshold, below: 1}\n")
    assert watcher(["check", "-c", str(path)]) == 0
    counts, files = capsys.readouterr().out.splitlines()
    assert counts.endswith("sound (1 source, 3 wallets, 4 accounts, 1 rule, 2 channels)")
    assert files == "read with it: team.yaml, more/gas.csv, low.yaml"
    assert watcher(["check", "-c", str(path), "--json"]) == 0
    named = json.loads(capsys.readouterr().out)["files"]
    assert named == [str(tmp_path / each) for each in ("team.yaml", "more/gas.csv", "low.yaml")]


def test_the_shell_completes_names_from_every_part(tmp_path: Path) -> None:
    (tmp_path / "watcher.yaml").write_text("version: 1\nwallets: [w.csv]\ninclude: [a/team.yaml]\n")
    (tmp_path / "w.csv").write_text("name,source,address\ngas-1,s,x\nhot,s,y\n")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "team.yaml").write_text("rules: [r.yaml]\nchannels: {duty: {url: '${NONE}'}}\n")
    (tmp_path / "a" / "r.yaml").write_text("rules: [{id: gas-low}]\n")
    ctx = typer.Context(typer.core.TyperCommand("x"))
    ctx.params["config"] = str(tmp_path / "watcher.yaml")
    assert _completion.wallets(ctx, "g") == ["gas-1"]
    assert _completion.rules(ctx, "") == ["gas-low"]
    assert _completion.channels(ctx, "") == ["duty"]
