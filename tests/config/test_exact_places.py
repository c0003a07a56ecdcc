"""Each mistake stands where it was found, with look-alikes all around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV
from watcher.analysis.csv_import import read_history
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
        configure(path, ENV, channels=False)
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
    "a promise that cannot be kept": SOUND + "    every: 1h\n    at_least_every: »1m\n",
    "an asset id twice": TOP.replace("key: k}", 'key: k, units: {"0xfc6e": {}, "0xfc6": {}, "0x0fc6e": »{}}}')
    + TEOS
    + "    assets: ['0xfc6e']\n",
    "a proxy that is not asked": SOUND
    + "heartbeat:\n  url: http://hc.example\n  proxy: »http://proxy.example:3128\n",
    "quiet hours without an end": SOUND
    + 'channels: {ops: {url: "json://x", quiet: {from: "22:00", timezone: UTC, to: »"22:00"}}}\n',
    "the second of two rule files": SOUND + "rules:\n  - watcher.y*ml\n  - »watcher.yml\n",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told_at_its_own_place(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    text, place = marked(case if case.startswith(TOP[:8]) else TOP + case)
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


BETWEEN_KEYS = {
    "a clear level on the wrong side": "type: threshold, below: 5, above: null, clear_below: »4",
    "a clear level that is never reached": "type: threshold, below: 5, clear_above: »4",
    "assets of whole accounts": "type: no_data, longer_than: 1h, match: {wallets: [base], assets: »[ETH]}",
    "a selection of a whole source": "type: budget, source: cs, used: '80%', match: »{wallets: [base]}",
    "a template": "type: change, direction: in, summary: »'{{ nobody }}'",
    "repeats": "type: threshold, below: 5, repeat: {every: 2h, up_to: »1h}",
    "escalation": "type: threshold, below: 5, escalate: {notify: [ops], after: »5s}",
    "a window without a size": "type: change, direction: in, within: »1h",
}


@pytest.mark.parametrize("name", BETWEEN_KEYS)
def test_a_mistake_between_keys_of_a_rule_is_told_at_the_one_to_change(tmp_path: Path, name: str) -> None:
    text, place = marked(f"rules:\n  - {{id: a, {BETWEEN_KEYS[name]}}}\n")
    (tmp_path / "rules.yaml").write_text(text)
    channels = 'channels: {ops: {url: "json://localhost"}}\n'
    assert found(tmp_path, TOP + channels + SOUND + "rules: [rules.yaml]\n") == [place]


IN_TESTS = {
    "a channel": ("'1 2'", "told: [{rule: a, channels: [ops, »op]}]"),
    "a series": ("»'1 2 3 oops'", "told: nothing"),
    "an expectation that comes too early": ("'1 2'", "told: nothing}, »{at: 4m, told: nothing"),
    "an expectation of nothing": ("'1 2'", "told: nothing}, »{at: 6m"),
    "a wallet": ("'1 2'", "told: [{rule: a, wallet: w}, {rule: a, wallet: »ww}]"),
    "a rule": ("'1 2'", "told: [{rule: a}, {rule: »aa}]"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_TESTS)
def test_a_mistake_in_a_rule_test_is_told_at_its_own_place(tmp_path: Path, name: str) -> None:
    amounts, expected = IN_TESTS[name]
    (tmp_path / "rules.yaml").write_text(
        "rules:\n  - {id: a, type: change, direction: both, notify: [ops]}\n"
    )
    text, place = marked(
        "rules: [rules.yaml]\nwallets: [{name: w, chains: [base]}]\ntests:\n  - name: t\n"
        f"    readings: [{{wallet: w, asset: ETH, amounts: {amounts}}}]\n"
        f"    expect: [{{at: 5m, {expected}}}]\n"
    )
    path = tmp_path / "tests.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_suites([path])
    assert [each.where.partition(".yaml:")[2] for each in caught.value.problems] == [place]


CSV_CASES = {
    "a wallet": ('2026-01-05T08:00:00Z,base,ETH,"1\n"\n\n»2026-01-05T08:00:00Z,bas,ETH,1\n'),
    "an amount": ('2026-01-05T08:00:00Z,base,ETH,1\n»2026-01-05T08:00:00Z,base,"E\nTH",x\n'),
    "a time": ("»yesterday,base,ETH,1\n2026-01-05T08:00:00Z,base,ETH,1\n"),
    "a field too many": ("2026-01-05T08:00:00Z,base,ETH,1\n»2026-01-05T08:00:00Z,base,ETH,1,2\n"),
}


@pytest.mark.parametrize("name", CSV_CASES)
def test_a_mistake_in_a_row_is_told_at_the_line_where_the_row_begins(tmp_path: Path, name: str) -> None:
    rows, place = marked(f"time,wallet,symbol,amount\n{CSV_CASES[name]}")
    history, path = tmp_path / "history.csv", tmp_path / "watcher.yaml"
    history.write_text(rows)
    path.write_text(TOP + SOUND)
    with pytest.raises(ConfigurationError) as caught:
        read_history(history, configure(path, ENV, channels=False).settings)
    assert [each.where for each in caught.value.problems] == [f"{history}:{place.partition(':')[0]}"]


def test_a_warning_has_its_place_in_json_too(tmp_path: Path) -> None:
    path = tmp_path / "watcher.yaml"
    address = "0x9f114da25b61b77606d47eab414b9360f8783979"
    text = f"""{{"version": 1, "sources": {{"cs": {{"kind": "coinstats", "api_key": "k"}}}}, "wallets": [
{{"name": "a", "source": "cs", "address": "{address}", "chains": ["base"]}},
{{"name": "b", "source": "cs", "address": "{address}", "chains": ["all"]}}]}}"""
    path.write_text(text)
    places = [str(each.place) for each in configure(path, ENV, channels=False).settings.warnings]
    assert f"{path}:3:1" in places
