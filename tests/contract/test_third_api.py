"""One entry in `KINDS` is all that a third API needs: every verb then works on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.api import A

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from tests.third_api import VaultSettings, VaultSource
import watcher.sources
watcher.sources.KINDS["vault"] = VaultSettings
VaultSource.holdings = {sys.argv.pop(1): {"BOND": "5"}}
from watcher.cli import main
main()
"""
CONFIG = f"""\
version: 1
store: {{kind: sqlite, path: watcher.db}}
sources:
  strongroom: {{kind: vault}}
wallets:
  - {{name: desk, source: strongroom, address: "{A}", every: 5m}}
channels:
  terminal: {{kind: console}}
rules: [rules.yaml]
"""
RULES = """\
rules:
  - {id: bond-low, type: threshold, match: {wallets: [desk], assets: [BOND]}, below: "10"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def verb(folder: Path, *words: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, A, *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 2), done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_third_api_is_checked_planned_polled_and_told(folder: Path) -> None:
    assert "1 source, 1 wallet, 1 account" in verb(folder, "check")
    assert "strongroom" in verb(folder, "plan")
    assert "bond-low" in verb(folder, "poll")
    (balance,) = json.loads(verb(folder, "balances", "--json"))
    assert (balance["wallet"], balance["symbol"], balance["amount"]) == ("desk", "BOND", "5")
    (alert,) = json.loads(verb(folder, "alerts", "--json"))
    assert (alert["rule"], alert["wallet"]) == ("bond-low", "desk")
    assert "strongroom" in verb(folder, "status")
    assert "bond-low" in verb(folder, "explain", "bond-low", "desk")


def test_the_schema_and_the_options_of_init_know_a_third_api(folder: Path) -> None:
    schema = json.loads(verb(folder, "schema"))
    assert "VaultSettings" in schema["$defs"]
    assert "--vault-url" not in verb(folder, "init", "--help"), "it offers no setup"
