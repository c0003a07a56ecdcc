"""A wrong configuration: every mistake in one go, with file and line and remedy, exit code 78."""

from __future__ import annotations

import re

from tests.endtoend.bench import COINSTATS_KEY, HOOK_TOKEN, Installation

WRONG = """\
version: 1
nonsense: yes
sources:
  coinstats:
    kind: coinstats
    api_key: ${NOT_SET_ANYWHERE}
    requests_per_second: fast
  teos: {kind: toes, api_key: x}
wallets:
  - {name: hot, source: coinstats, address: 0x9f114da25b61b77606d47eab414b9360f8783979, chains: [ethereum]}
  - {name: cold, source: nowhere, address: "bc1qexample", chains: [bitcoin], every: 5 minutes}
  - {name: warm, source: coinstats, chains: [ethereum]}
channels:
  ops: {url: "${HOOK_URL}", colour: red}
rules: [rules.yaml, missing/*.yaml]
log: {level: loud}
"""

RULES = """\
rules:
  - {id: low, type: threshold, below: "0.5", clear_above: "0.4"}
  - {id: low, type: change, notify: [pager]}
  - {id: odd, type: treshold, below: "1"}
  - {id: names, type: change, match: {wallets: [nobody]}}
  - {id: number, type: threshold, below: few}
  - {id: unbounded, type: threshold}
  - {id: long, type: no_data, longer_than: a while}
  - {id: fine, type: change, match: {wallets: [warm]}, notify: [ops]}
"""

EXPECTED = (
    "nonsense", "NOT_SET_ANYWHERE", "requests_per_second", "toes", "yaml:10", "nowhere", "every", "address",
    "colour", "missing/", "level", "clear_above", "'low'", "pager", "treshold", "nobody", "few", "rules[5]",
    "a while",
)  # fmt: skip


async def test_all_mistakes_of_configuration_and_rules_are_told_in_one_go(there: Installation) -> None:
    there.file("watcher.yaml").write_text(WRONG)
    there.file("rules.yaml").write_text(RULES)
    for verb in ("check", "run"):
        code, out, err = await there.verb(verb)
        assert code == 78
        assert out == ""
        for word in EXPECTED:
            assert word in err, f"{word} is not told by {verb}:\n{err}"
        assert "no wallet 'warm'" not in err
        assert "Traceback" not in err
        assert HOOK_TOKEN not in err
        mistakes = err.splitlines()[1:]
        for line in mistakes:
            assert re.match(r"  (\S+\.yaml:\d+:\d+): .+", line), line


async def test_a_url_that_apprise_does_not_take_is_found_by_check_and_not_shown(there: Installation) -> None:
    there.env["HOOK_URL"] = "slack://only-half-SECRETPART"
    lines = there.file("watcher.yaml").read_text().splitlines()
    line = 1 + next(number for number, text in enumerate(lines) if "HOOK_URL" in text)
    for verb in ("check", "run", "send-test"):
        code, _, err = await there.verb(verb)
        assert code == 78
        assert f"watcher.yaml:{line}:" in err
        assert "SECRETPART" not in err
    assert (await there.verb("check", "-c", "elsewhere.yaml"))[0] == 78


async def test_no_secret_in_any_mistake(there: Installation) -> None:
    there.edit("watcher.yaml", "${COINSTATS_API_KEY}", "[" + COINSTATS_KEY + "]")
    there.edit("watcher.yaml", 'ops: {url: "${HOOK_URL}"}', f'ops: {{url: ["json://x/{HOOK_TOKEN}"]}}')
    code, out, err = await there.verb("check")
    assert code == 78
    assert COINSTATS_KEY not in out + err
    assert HOOK_TOKEN not in out + err
