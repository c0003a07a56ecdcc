"""Wrong configuration: all mistakes in one go, each with its place and a remedy, none with a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV, KINDS, SOUND, line_of, mistakes, write
from tests.configured import load_settings
from watcher.domain.values.errors import ConfigurationError

WRONG = """\
version: 2
stroe: {}
sources:
  coinstats:
    kind: coinstat
    api_key: x
  second:
    kind: coinstats
    api_key: ${NOT_SET}
    base_ulr: https://example.com
    credits: {limit: many, period: yearly, reserve: 10%}
    timeout: 5 minutes
  third:
    kind: teos
    base_url: http://teos.example.com
  fourth:
    api_key: y
  bad name: {kind: teos, api_key: z}
wallets:
  - name: one
    source: secnd
    address: 0x9f114da25b61b77606d47eab414b9360f8783979
    every: 5min
  - name: two
    source: second
    address: "0x9f114da25b61b77606d47eab414b9360f8783979"
    every: {cron: "* * * * 1-5", timezone: Europe/Zuerich}
    at_least_every: 0s
    weight: -1
    wieght: 3
  - name: three
    source: second
    tags: [a, a]
  - source: second
    address: 12345
    chains: {a: b}
  - name: six
    source: second
    address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
    every: {timezone: UTC}
    name: seven
  - just-a-word
channels:
  ops: {kind: appraise, url: "json://localhost/${HOOK}"}
  two: {kind: apprise}
  tre: {url: "json://localhost", url_file: gone}
  four: {url_file: gone.txt}
  five: {url: ${UNCLOSED}
rules: [rules/*.yaml, gone.yaml]
web: {listen: "0.0.0.0:8787"}
log: {level: loud, format: consol}
"""

EXPECTED = [
    ("version: 2", "version must be 1", "version: 1"),
    ("stroe:", "unknown key 'stroe'", "'store'"),
    ("kind: coinstat", "unknown kind 'coinstat'", "'coinstats'"),
    ("NOT_SET", "NOT_SET is not set", "NOT_SET:-default"),
    ("base_ulr", "unknown key 'base_ulr'", "'base_url'"),
    ("limit: many", "limit must be a whole number", ""),
    ("limit: many", "'yearly' is not one of month, day", ""),
    ("timeout: 5 minutes", "'5 minutes' is not a duration", "write 5m"),
    ("kind: teos", "'api_key' is missing", "api_key"),
    ("base_url: http:", "https", "this machine only"),
    ("fourth:", "'kind' is missing", "coinstats"),
    ("bad name:", "'bad name' cannot be a name", "letters"),
    ("source: secnd", "no source 'secnd'", "'second'"),
    ("address: 0x9f", "unquoted 0x", "quotes"),
    ("every: 5min", "'5min' is not a duration", "5m"),
    ("timezone: Europe/Zuerich", "not a name", "mon, tue"),
    ("timezone: Europe/Zuerich", "no time zone", "Europe/Zurich"),
    ("at_least_every: 0s", "too short", "1s"),
    ("weight: -1", "weight must be greater than 0", ""),
    ("wieght", "unknown key 'wieght'", "'weight'"),
    ("name: three", "'address' is missing", "address"),
    ("tags: [a, a]", "'a' twice", "remove"),
    ("- source: second", "'name' is missing", "name"),
    ("address: 12345", "must be text", "quotes"),
    ("chains: {a: b}", "must be a list", "[a, b]"),
    ("every: {timezone: UTC}", "'cron' is missing", "cron"),
    ("name: seven", "'name' stands here twice", "remove"),
    ("- just-a-word", "is no wallet, and no CSV, YAML or JSON file", "- name: …"),
    ("kind: appraise", "unknown kind 'appraise'", "'apprise'"),
    ("two: {kind: apprise}", "'url' is missing", "url"),
    ("tre:", "both given", "one of them"),
    ("four:", "there is no file", "configuration file"),
    ("gone.yaml", "no rule file matches 'rules/*.yaml'", "starts at"),
    ("gone.yaml", "no rule file matches 'gone.yaml'", "starts at"),
    ("0.0.0.0", "other machines", "token"),
    ("level: loud", "'loud' is not one of debug", ""),
    ("level: loud", "'consol' is not one of", "'console'"),
]


def test_every_mistake_is_told_in_one_go_with_its_line_and_a_remedy(tmp_path: Path) -> None:
    text = WRONG.replace("  five: {url: ${UNCLOSED}\n", "")

    problems = mistakes(tmp_path, text)

    for part, what, remedy in EXPECTED:
        line = line_of(text, part)
        found = [
            p for p in problems if p.where.startswith(f"{tmp_path}/watcher.yaml:{line}:") and what in p.what
        ]
        assert len(found) == 1, (part, line, what, [str(problem) for problem in problems])
        assert remedy in found[0].remedy or remedy in found[0].what, str(found[0])
    assert len(problems) == len(EXPECTED), [str(problem) for problem in problems]


def test_mistakes_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    problems = mistakes(tmp_path, WRONG.replace("  five: {url: ${UNCLOSED}\n", ""))

    lines = [int(problem.where.split(":")[-2]) for problem in problems]

    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("every: 1m", 'every: "*/10 * * * *"', '{cron: "*/10 * * * *"}'),
        ("channels:", "web: false\nchannels:", "null"),
    ],
)
def test_what_is_written_in_the_wrong_form_is_shown_in_the_right_one(
    tmp_path: Path, old: str, new: str, remedy: str
) -> None:
    (problem,) = mistakes(tmp_path, SOUND.replace(old, new, 1))

    assert remedy in problem.remedy, str(problem)


def test_a_key_is_only_what_it_is_called_in_yaml(tmp_path: Path) -> None:
    quiet = '{from_: "22:00", from: "22:00", to: "06:00", timezone: UTC}'
    channels = f"channels:\n  ops: {{url: 'json://x', quiet: {quiet}}}\n"

    (problem,) = mistakes(tmp_path, SOUND[: SOUND.index("channels:")] + channels)

    assert str(problem).endswith("unknown key 'from_' in channels.ops.quiet; did you mean 'from'?")


def test_a_file_that_is_no_yaml_is_one_mistake_with_its_line(tmp_path: Path) -> None:
    problem = mistakes(tmp_path, WRONG)[-1]

    assert "not valid YAML" in problem.what
    assert problem.where.startswith(f"{tmp_path}/watcher.yaml:{line_of(WRONG, 'UNCLOSED')}:")


@pytest.mark.parametrize("text", ["", "# nothing\n", "just words\n", "[1, 2]\n"])
def test_a_file_without_settings_is_told(tmp_path: Path, text: str) -> None:
    (problem,) = mistakes(tmp_path, text)

    assert "init" in problem.remedy


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load_settings(tmp_path / "gone.yaml", {})


@pytest.mark.parametrize("section", ["sources", "wallets"])
def test_what_watching_needs_must_be_there(tmp_path: Path, section: str) -> None:
    for text in ("version: 1\n", f"version: 1\n{section}:\n", f"version: 1\n{section}: 3\n"):
        assert any(section in problem.what for problem in mistakes(tmp_path, text))


def test_one_account_belongs_to_one_wallet(tmp_path: Path) -> None:
    other = """\
  - name: twin
    source: coinstats
    address: "0x9F114DA25B61B77606D47EAB414B9360F8783979"
    chains: [base-wallet]
channels:
"""
    (problem,) = mistakes(tmp_path, SOUND.replace("channels:\n", other))

    assert "'twin' and 'treasury'" in problem.what
    assert "base-wallet" in problem.what


def test_names_of_wallets_are_unique(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, SOUND.replace("name: bonds", "name: treasury"))

    assert "'treasury'" in problem.what
    assert problem.where.endswith(f":{line_of(SOUND, 'name: bonds')}:11")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("chains: [ethereum, base-wallet]", "chains: [ethereum, Base Wallet]", "chains: ["),
        ("    chains: [ethereum, base-wallet]\n", "", "name: treasury"),
        ('assets: ["0x0fc6e610b23b09fae00e10001"]', "assets: [bond]", "assets: ["),
        ("0x9f114DA25b61b77606d47eAB414b9360f8783979", "0xZZ", "0xZZ"),
    ],
)
def test_what_a_source_refuses_is_told_at_the_wallet(tmp_path: Path, old: str, new: str, place: str) -> None:
    text = SOUND.replace(old, new)

    (problem,) = mistakes(tmp_path, text)

    assert problem.where.startswith(f"{tmp_path}/watcher.yaml:{line_of(text, place)}:")


def test_a_promise_shorter_than_the_cadence_is_told(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, SOUND.replace("every: 1m", "every: 1h\n    at_least_every: 5m"))

    assert "at_least_every (5m) is shorter" in problem.what
    assert problem.where.endswith(f":{line_of(SOUND, 'every: 1m') + 1}:21")


def test_hidden_values_stay_hidden_whatever_is_wrong_with_them(tmp_path: Path) -> None:
    values = {"A": "s3cr3t-alpha", "B": "s3cr3t beta", "C": "https://user:s3cr3t@host"}
    text = """\
version: ${A}
store: {kind: "${A}", path: 1}
sources:
  one: {kind: coinstats, api_key: "${B}", base_url: "${C}", timeout: "${A}"}
  two: {kind: "${A}"}
  tri: {kind: coinstats, api_key: "s3cr3t literal", concurrency: "${A}"}
wallets:
  - {name: a, source: "${A}", address: "${B}", every: "${A}", at_least_every: "${B}", weight: "${C}"}
  - {name: b, source: one, address: "${B}", chains: ["${B}"], every: {cron: "${B}", timezone: "${C}"}}
channels: {ops: {kind: "${C}", url: "${C}", timeout: "${B}"}}
rules: ["${A}.yaml"]
web: {listen: "${C}", token: "${A}"}
log: {level: "${A}", format: "${B}"}
"""
    problems = mistakes(tmp_path, text, values)

    assert len(problems) >= 15
    for problem in problems:
        assert "s3cr3t" not in str(problem)
        assert "alpha" not in str(problem)


def test_all_secrets_of_a_wrong_file_stay_hidden(tmp_path: Path) -> None:
    path = write(tmp_path, WRONG.replace("  five: {url: ${UNCLOSED}\n", ""))

    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, ENV, KINDS)

    assert not any(secret in str(caught.value) for secret in ENV.values())
