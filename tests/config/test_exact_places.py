"""Each mistake stands where it was found, with look-alikes all around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV
from watcher.analysis.ruletest.load import load_suites
from watcher.config.configuration import configure
from watcher.domain.values.errors import ConfigurationError

TOP = """\
version: 1
sources:
  cs: {kind: coinstats, api_key: k, credits: {limit: 20000}}
  te: {kind: teos, api_key: k}
"""
ADDRESS = 'address: "0x9f114da25b61b77606d47eab414b9360f8783979"'
WALLET = f"wallets:\n  - name: base\n    source: cs\n    {ADDRESS}\n"
TEOS = f"wallets:\n  - name: base\n    source: te\n    {ADDRESS}\n"
SOUND = f"{WALLET}    chains: [base]\n"


def found(folder: Path, text: str) -> list[str]:
    """`line:column` of each mistake."""
    path = folder / "watcher.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        configure(path, ENV, telling=False)
    return [problem.where.partition(".yaml:")[2] for problem in caught.value.problems]


def marked(text: str) -> tuple[str, str]:
    """The text without its mark `»`, and the place of it."""
    before, _, after = text.partition("»")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return before + after, f"{line}:{column}"


CASES = {
    "a chain that is none": WALLET + "    chains:\n      - base\n      - »base x\n",
    "the same in one line": WALLET + "    chains: [base, »base x, base y]\n",
    "a chain alone": WALLET + "    chains: »base x\n",
    "a chain in another spelling": WALLET + "    chains: [polygon, base, »polygon-pos]\n",
    "a chain twice": WALLET + "    chains: [base, ba, »base]\n",
    "all beside others": WALLET + "    chains: [base, »all]\n",
    "assets where there are chains": WALLET + "    chains: [base]\n    assets: »[base]\n",
    "an asset that is none": TEOS + '    assets: ["0xfc6e", »"0xfc6e x", "0xfc6"]\n',
    "chains where there are assets": TEOS + "    chains: »[base]\n    assets: ['0xfc6e']\n",
    "an address that is a chain's name": WALLET.replace('"0x9f114da25b61', '»"0xbase')
    + "    chains: [base]\n",
    "a tag twice among look-alikes": SOUND + "    tags: [a, ab, b, »a]\n",
    "an empty tag": SOUND + "    tags:\n      - a\n      - »' '\n",
    "a wallet that an asset policy names": SOUND
    + "assets:\n  - {match: {assets: [ETH], wallets: [base, »bas]}, allow: true}\n",
    "a tag that an asset policy names": SOUND
    + "    tags: [ab]\nassets:\n  - {match: {assets: [ETH], tags: [ab, »aab]}, allow: true}\n",
    "a rule file that is not there": SOUND + "rules: [»nothing.yaml]\n",
    "the second of two rule files": SOUND + "rules:\n  - watcher.y*ml\n  - »watcher.yml\n",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_at_its_own_place(tmp_path: Path, name: str) -> None:
    text, place = marked(TOP + CASES[name])
    assert place in found(tmp_path, text)


RULES = {
    "a wallet": "match: {wallets: [base, »bas]}",
    "a tag": "match: {tags: [»base]}",
    "a channel": "notify: [ops, »op]",
    "an inhibiting rule": "inhibited_by: [other, »othe]",
    "a source": "match: {sources: [cs, »c]}",
}


@pytest.mark.parametrize("name", RULES)
def test_a_name_in_a_rule_is_told_at_its_own_place(tmp_path: Path, name: str) -> None:
    text, place = marked(
        "rules:\n  - {id: other, type: change, direction: both}\n"
        f"  - {{id: a, type: change, direction: out, {RULES[name]}}}\n"
    )
    (tmp_path / "rules.yaml").write_text(text)
    channels = 'channels: {ops: {url: "json://localhost"}}\n'
    assert found(tmp_path, TOP + channels + SOUND + "rules: [rules.yaml]\n") == [place]


def test_a_channel_in_a_rule_test_is_told_at_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - {id: a, type: change, direction: both, notify: [ops]}\n"
    )
    text, place = marked(
        "rules: [rules.yaml]\nwallets: [{name: w, chains: [base]}]\ntests:\n  - name: t\n"
        "    readings: [{wallet: w, asset: ETH, amounts: '1 2'}]\n"
        "    expect: [{at: 5m, told: [{rule: a, channels: [ops, »op]}]}]\n"
    )
    path = tmp_path / "tests.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_suites([path])
    assert [each.where.partition(".yaml:")[2] for each in caught.value.problems] == [place]
