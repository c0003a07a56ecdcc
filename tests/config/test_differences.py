"""What a reload changed is said by name, and no secret with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.config.configuration import Configuration, configure
from watcher.config.differences import differences

HEAD = """\
version: 1
sources:
  coinstats: {kind: coinstats, api_key: KEY, credits: {limit: 20000}}
channels:
  ops: {url: "json://127.0.0.1/HOOK"}
rules: [rules.yaml]
web: {listen: "127.0.0.1:8787", token: TOKEN-that-is-long-enough}
wallets:
"""
WALLET = '  - {{name: {}, source: coinstats, address: "0x{:040x}", chains: [ethereum], every: {}}}\n'
RULES = 'rules:\n  - {{id: low, type: threshold, match: {{assets: [ETH]}}, below: "{}", severity: {}}}\n'


def read(
    folder: Path, *, head: str = HEAD, every: str = "5m", below: str = "0.5", severity: str = "warning"
) -> Configuration:
    (folder / "watcher.yaml").write_text(head + WALLET.format("hot", 1, every))
    (folder / "rules.yaml").write_text(RULES.format(below, severity))
    return configure(folder / "watcher.yaml", {})


def test_the_same_file_differs_in_nothing(tmp_path: Path) -> None:
    assert differences(read(tmp_path), read(tmp_path)) == []


def test_a_change_of_a_wallet_or_a_rule_is_said_with_its_values(tmp_path: Path) -> None:
    old = read(tmp_path)
    new = read(tmp_path, every="1m", below="0.3", severity="critical")

    assert differences(old, new) == [
        "changed wallet hot (every: 5m → 1m)",
        "changed rule low (severity: warning → critical, below: 0.5 → 0.3)",
    ]


def test_what_was_added_and_removed_is_said_by_name_and_of_many_the_first(tmp_path: Path) -> None:
    few = read(tmp_path)
    more = HEAD + "".join(WALLET.format(f"w{n}", n + 2, "5m") for n in range(8))
    many = read(tmp_path, head=more)

    assert differences(few, many) == ["added 8 wallets: w0, w1, w2, w3, w4 and 3 more"]
    assert differences(many, few) == ["removed 8 wallets: w0, w1, w2, w3, w4 and 3 more"]


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("KEY", "K2Y", "changed source coinstats (api_key)"),
        ("HOOK", "H2OK", "changed channel ops (url)"),
        ("TOKEN-that", "T2KEN-that", "changed web (token)"),
        ("20000", "30000", "changed source coinstats (credits)"),
    ],
)
def test_of_what_may_hold_a_secret_only_the_name_is_said(
    was: str, now: str, words: str, tmp_path: Path
) -> None:
    found = differences(read(tmp_path), read(tmp_path, head=HEAD.replace(was, now)))

    assert found == [words]
    assert now not in " ".join(found)
