"""`check` on sound and on wrong configurations: each is the sound one with a few places changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.recordings.comparing import shown
from tests.recordings.normal import normal
from tests.recordings.process import Runner, environment

NOW = datetime(2031, 3, 4, 9, tzinfo=UTC)

CONFIG = """\
version: 1
store: {kind: sqlite, path: watcher.db}
sources:
  coinstats:
    kind: coinstats
    api_key: ${COINSTATS_API_KEY}
    credits: {limit: 20000, period: month, resets_on: 1, reserve: 10%}
    requests_per_second: 0.5
  teos:
    kind: teos
    api_key: ${TEOS_API_KEY}
    limits: {per_minute: 300, per_day: 30000}
    units: {"0x0fc6e610b23b09fae00e10001": {symbol: BOND, spark_factor: "1000", price_usd: "100"}}
wallets:
  - name: hot
    source: coinstats
    address: "0x9f114da25b61b77606d47eab414b9360f8783979"
    chains: [ethereum, base-wallet]
    tags: [treasury]
    every: {cron: "*/10 9-17 * * mon-fri", timezone: Europe/Zurich}
  - name: cold
    source: coinstats
    address: "0x52908400098527886e0f7030069857d2e4169ee7"
    chains: [ethereum]
    at_least_every: 12h
  - name: desk
    source: teos
    address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
    assets: ["0x0fc6e610b23b09fae00e10001"]
    tags: [issued]
    every: 5m
assets:
  - {match: {tags: [treasury]}, floor_usd: "10"}
channels:
  ops: {url: "json://127.0.0.1/ops", fallback: pager}
  pager: {kind: console}
rules: [rules.yaml]
web: {listen: "127.0.0.1:8787"}
log: {level: info, format: console}
heartbeat: {url: "https://hc.example.org/secret", every: 1m}
"""

RULES = """\
rules:
  - id: low
    type: threshold
    match: {wallets: [hot], assets: [ETH]}
    below: "0.5"
    clear_above: "0.8"
    notify: [ops]
  - {id: moved, type: change, match: {wallets: [cold]}, direction: out, by: "10%"}
  - {id: silent, type: no_data, longer_than: 3d}
  - id: cover
    type: ratio
    of: {match: {wallets: [hot]}, metric: value_usd}
    to: {match: {tags: [issued]}, metric: amount}
    below: "1.02"
"""

TESTS = """\
rules: [rules.yaml]
wallets: [{name: hot, chains: [ethereum]}]
tests:
  - name: low is told once
    every: 10m
    readings:
      - {wallet: hot, asset: ETH, amounts: "1.5 0.4x3 _ 0.9", prices: "3000"}
    expect:
      - {at: 10m, alerts: [{rule: low, wallet: hot}], told: [{rule: low, kind: firing}]}
      - {at: 50m, alerts: nothing, told: [{rule: low, kind: resolved}]}
"""

JSON = """\
{"version": 1,
 "sources": {"coinstats": {"kind": "coinstats", "api_key": "key", "credits": {"limit": 20000}}},
 "wallets": [{"name": "hot", "source": "coinstats", "chains": ["ethereum"],
              "address": "0x9f114da25b61b77606d47eab414b9360f8783979"}],
 "channels": {"ops": {"kind": "console"}},
 "rules": []}
"""


Cases = Mapping[str, Mapping[str, str]]
"""What is wrong → what stands in the sound file → what stands there instead."""

FIRST = "  - name: low is told once\n"
ADDRESS = '"0x9f114da25b61b77606d47eab414b9360f8783979"'
OPS = 'ops: {url: "json://127.0.0.1/ops", fallback: pager}'
UNIT = '{symbol: BOND, spark_factor: "1000", price_usd: "100"}'
EVERY = '{cron: "*/10 9-17 * * mon-fri", timezone: Europe/Zurich}'
CREDITS = "{limit: 20000, period: month, resets_on: 1, reserve: 10%}"
READINGS = '{wallet: hot, asset: ETH, amounts: "1.5 0.4x3 _ 0.9", prices: "3000"}'

END = "rules: [rules.yaml]\n"
NODE = "  mainnet: {kind: evm, url: wss://node.example/SECRET, chains: [ethereum]}"
BROKER = '  events: {kind: teos, source: teos, url: "amqps://user:SECRET@events.example"}'
SCRIPT = "  scripts: {kind: webhook, scheme: generic, signing_key: SECRET-0123456789ab}"

CONFIGURATIONS: Cases = {
    "sound": {},
    "no version": {"version: 1\n": ""},
    "a version to come": {"version: 1\n": "version: 2\n"},
    "an unknown section": {"log: {": "logs: {"},
    "an unknown key of a wallet": {"tags: [treasury]\n    every": "tag: [treasury]\n    every"},
    "an unknown key of a source": {"requests_per_second": "request_per_second"},
    "an unknown kind of source": {"kind: teos": "kind: toes"},
    "an unknown kind of store": {"kind: sqlite": "kind: postgresql"},
    "an unknown source of a wallet": {
        "name: cold\n    source: coinstats": "name: cold\n    source: coinstat"
    },
    "a number that is none": {"requests_per_second: 0.5": "requests_per_second: fast"},
    "a number out of range": {"resets_on: 1": "resets_on: 32"},
    "credits that are none": {CREDITS: "{limit: -1, period: week, reserve: lots}"},
    "no credits": {f"    credits: {CREDITS}\n": ""},
    "a list that is a mapping": {"chains: [ethereum, base-wallet]": "chains: {ethereum: yes}"},
    "a section that is a word": {"sources:\n": "sources: none\nsauces:\n"},
    "a duration without a unit": {"every: 5m": "every: 5"},
    "a duration in words": {"every: 5m": "every: 5 minutes"},
    "a cadence that is too short": {"every: 5m": "every: 0s"},
    "a bare cron line": {EVERY: '"*/10 9-17 * * mon-fri"'},
    "a cron line out of range": {'"*/10 9-17': '"*/10 9-25'},
    "a cron line with too many words": {'mon-fri"': 'mon-fri 2031"'},
    "an unknown zone": {"Europe/Zurich": "Europe/Zürich"},
    "an unknown day": {"mon-fri": "mon-fry"},
    "a promise shorter than the cadence": {"every: 5m": "every: 5m\n    at_least_every: 1m"},
    "a wrong chain": {"[ethereum, base-wallet]": "[ethereum, bass-wallet]"},
    "a chain twice": {"[ethereum, base-wallet]": "[ethereum, ethereum]"},
    "no chains": {"    chains: [ethereum]\n": ""},
    "all chains and one": {"[ethereum, base-wallet]": "[all, ethereum]"},
    "chains at TEOS": {'assets: ["0x0fc6e610b23b09fae00e10001"]': "chains: [ethereum]"},
    "no assets at TEOS": {'    assets: ["0x0fc6e610b23b09fae00e10001"]\n': ""},
    "an asset that is none": {'assets: ["0x0fc6': 'assets: ["0xgfc6'},
    "an address that YAML takes for a number": {ADDRESS: ADDRESS.strip('"')},
    "an address with a wrong checksum": {ADDRESS: '"0x9F114da25b61b77606d47eab414b9360f8783979"'},
    "an address that is too short": {ADDRESS: '"0x9f114da25b61b77606d47eab414b9360f87839"'},
    "an address of another chain": {ADDRESS: '"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"'},
    "two wallets of one name": {"name: cold": "name: hot"},
    "two wallets of one address": {'"0x52908400098527886e0f7030069857d2e4169ee7"': ADDRESS},
    "a name with spaces around it": {"name: cold": 'name: " cold "'},
    "an unset variable": {"${TEOS_API_KEY}": "${NOT_SET_ANYWHERE}"},
    "a broken variable": {"${TEOS_API_KEY}": "${TEOS_API_KEY"},
    "a key in a file that is missing": {"api_key: ${TEOS_API_KEY}": "api_key_file: nowhere"},
    "a key twice": {"api_key: ${TEOS_API_KEY}": "api_key: ${TEOS_API_KEY}\n    api_key_file: nowhere"},
    "no key": {"    api_key: ${TEOS_API_KEY}\n": ""},
    "a base_url that is none": {"kind: teos\n": "kind: teos\n    base_url: teosapi\n"},
    "a base_url without TLS": {"kind: teos\n": "kind: teos\n    base_url: http://teos.example.org\n"},
    "calls that are none": {
        "{per_minute: 300, per_day: 30000}": "{per_minute: 0, per_day: many, per_year: 1}"
    },
    "units that are none": {UNIT: '{symbol: "", spark_factor: "0", price_usd: dear}'},
    "a fairness that is none": {"kind: teos\n": "kind: teos\n    fairness: 2\n"},
    "a weight that is none": {"at_least_every: 12h": "weight: heavy\n    discover: hourly"},
    "an asset entry for nobody": {"{tags: [treasury]}, floor_usd": "{tags: [tresury]}, floor_usd"},
    "an asset entry that is wrong": {'floor_usd: "10"': 'floor_usd: "a lot", jump: on, rebase: true'},
    "a fallback that is unknown": {"fallback: pager": "fallback: pagers"},
    "a fallback to itself": {"fallback: pager": "fallback: ops"},
    "fallbacks in a circle": {"pager: {kind: console}": "pager: {kind: console, fallback: ops}"},
    "a channel's url that is none": {"json://127.0.0.1/ops": "jason://127.0.0.1/SECRET"},
    "a channel without a url": {OPS: "ops: {kind: apprise}"},
    "quiet hours that are none": {OPS: 'ops: {kind: console, quiet: {from: "25:00", to: "7", days: [mo]}}'},
    "no channels": {f"channels:\n  {OPS}\n  pager: {{kind: console}}\n": ""},
    "rules that are missing": {"rules: [rules.yaml]": "rules: [rules.yaml, missing/*.yaml, nowhere.yaml]"},
    "a page for everybody": {'listen: "127.0.0.1:8787"': 'listen: "0.0.0.0:8787"'},
    "a page with a short token": {'listen: "127.0.0.1:8787"': 'listen: "0.0.0.0:8787", token: short'},
    "a page nowhere": {'listen: "127.0.0.1:8787"': 'listen: "here", proxies: [nobody]'},
    "a log that is wrong": {"{level: info, format: console}": "{level: loud, format: xml}"},
    "a heartbeat that is none": {"https://hc.example.org/secret": "hc.example.org/secret"},
    "hints": {END: f"hints:\n{NODE}\n{BROKER}\n{SCRIPT}\n{END}"},
    "hints of an unknown kind": {END: f"hints: {{mainnet: {{kind: emv, url: wss://node.example}}}}\n{END}"},
    "hints without a key": {END: f"hints: {{scripts: {{kind: webhook, scheme: generic}}}}\n{END}"},
    "hints in the clear": {
        END: f"hints:\n{NODE}\n{BROKER}\n{END}".replace("wss:", "ws:").replace("amqps:", "amqp:")
    },
    "hints of a chain of nobody": {END: f"hints:\n{NODE}\n{END}".replace("[ethereum]", "[etherium]")},
    "hints of a source of another kind": {
        END: f"hints:\n{BROKER}\n{END}".replace("source: teos", "source: coinstats")
    },
    "hints of a source that is none": {
        END: f"hints:\n{BROKER}\n{END}".replace("source: teos", "source: teso")
    },
    "hints that nobody can post": {'web: {listen: "127.0.0.1:8787"}\n': f"web: null\nhints:\n{SCRIPT}\n"},
    "hints of one node twice": {END: f"hints:\n{NODE}\n{NODE.replace('mainnet', 'again')}\n{END}"},
    "hints that may waste too much": {"kind: teos\n": "kind: teos\n    hint_waste: 120%\n"},
    "hints for nobody": {
        END: f"hints:\n{BROKER}\n{END}",
        "tags: [issued]\n    every: 5m": "tags: [issued]\n    hints: false\n    every: 5m",
    },
    "many mistakes at once": {
        "kind: teos": "kind: toes",
        "every: 5m": "every: 5",
        "level: info": "levle: info",
        "name: cold": "name: hot",
    },
    "no YAML": {"wallets:\n": "wallets: [\n"},
    "a key twice in a mapping": {"version: 1\n": "version: 1\nversion: 1\n"},
    "a tab": {"  coinstats:\n": "\tcoinstats:\n"},
    "an empty file": {CONFIG: ""},
    "a list": {CONFIG: "- version: 1\n"},
    "JSON": {CONFIG: JSON},
    "JSON with mistakes": {CONFIG: JSON.replace('"hot"', "7").replace('"ethereum"', '"etherum"')},
    "JSON that ends too soon": {CONFIG: JSON[:150]},
}

RULE_FILES: Cases = {
    "an unknown type": {"type: threshold": "type: treshold"},
    "an unknown key": {"clear_above": "clear_over"},
    "no type": {"    type: threshold\n": ""},
    "no id": {"  - id: low\n    type": "  - type"},
    "an id that is none": {"id: low": 'id: "so low"'},
    "an id twice": {"id: moved": "id: low"},
    "a number that is none": {'below: "0.5"': "below: few"},
    "a number that is not exact": {'below: "0.5"': "below: 0.5"},
    "no level": {'    below: "0.5"\n    clear_above: "0.8"\n': ""},
    "two levels": {'    below: "0.5"\n': '    below: "0.5"\n    above: "2"\n'},
    "a clear level on the wrong side": {'clear_above: "0.8"': 'clear_above: "0.3"'},
    "the wrong clear level": {'clear_above: "0.8"': 'clear_below: "0.3"'},
    "an unknown channel": {"notify: [ops]": "notify: [opps]"},
    "an unknown wallet": {"{wallets: [cold]}": "{wallets: [clod]}"},
    "an unknown tag": {"{tags: [issued]}": "{tags: [isued]}"},
    "an unknown chain": {"assets: [ETH]}": "assets: [ETH], chains: [etherum]"},
    "a share that is none": {'by: "10%"': 'by: "ten percent"'},
    "a direction that is none": {"direction: out": "direction: up"},
    "a duration that is none": {"longer_than: 3d": "longer_than: a while"},
    "a ratio with a match": {"    type: ratio\n": "    type: ratio\n    match: {wallets: [hot]}\n"},
    "a ratio with one side": {"    to: {match: {tags: [issued]}, metric: amount}\n": ""},
    "a template that is wrong": {"notify: [ops]": 'summary: "{{ wallet"'},
    "a template with an unknown word": {"notify: [ops]": 'summary: "{{ walet }} is low"'},
    "a repeat that is too short": {"notify: [ops]": "repeat: 10s"},
    "inhibited by nobody": {"notify: [ops]": "inhibited_by: [hihg]"},
    "a budget of an unknown source": {
        "longer_than: 3d": "longer_than: 3d}\n  - {id: out, type: budget, source: coinstat, used: 50%"
    },
    "an asset rule without an event": {"type: no_data, longer_than: 3d": "type: asset"},
    "a runway that is none": {
        "type: no_data, longer_than: 3d": "type: runway, shorter_than: 5d, trailing: 1m"
    },
    "never below": {'below: "0.5"': 'below: "0"'},
    "mistakes in many rules": {'below: "0.5"': "below: few", "direction: out": "direction: up", "3d": "long"},
    "no list": {"rules:\n": "rulez:\n"},
    "no rules": {RULES: "rules: []\n"},
    "an empty file": {RULES: ""},
}

TEST_FILES: Cases = {
    "sound": {},
    "an expectation that fails": {"kind: firing": "kind: repeat"},
    "one that fails otherwise": {"alerts: [{rule: low, wallet: hot}]": "alerts: nothing"},
    "an unknown key": {"every: 10m": "evry: 10m"},
    "an unknown wallet": {"{wallet: hot, asset": "{wallet: hit, asset"},
    "an unknown rule": {"told: [{rule: low, kind: firing}]": "told: [{rule: lwo, kind: firing}]"},
    "an unknown chain": {"chains: [ethereum]": "chains: [etherum]"},
    "a series that is none": {"1.5 0.4x3 _ 0.9": "1.5 0.4y3 _ 0.9"},
    "a series without numbers": {READINGS: "{wallet: hot, asset: ETH}"},
    "a time that is none": {"at: 10m": "at: soon"},
    "times out of order": {"at: 50m": "at: 5m"},
    "a kind that is none": {"kind: resolved": "kind: solved"},
    "a missing rule file": {"rules: [rules.yaml]": "rules: [rule.yaml]"},
    "a test twice": {FIRST: f"{FIRST}    readings: []\n    expect: []\n{FIRST}"},
    "no tests": {TESTS[TESTS.index("tests:") :]: ""},
    "mistakes at once": {"every: 10m": "every: often", "at: 50m": "when: 50m", "asset: ETH": "asset: 7"},
}

FILES = {"watcher.yaml": CONFIG, "rules.yaml": RULES, "tests.yaml": TESTS}


def _edited(text: str, edits: Mapping[str, str]) -> str:
    for old, new in edits.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in what is to be changed"
        text = text.replace(old, new)
    return text


def _difference(name: str, before: str, after: str) -> str:
    lines = [*difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)][2:]
    changed = [line for line in lines if not line.startswith("@@")]
    if len(changed) > 8:
        changed = [line for line in changed if line.startswith("+")]
    return "".join(f"{name}: {line}\n" for line in changed)


def record(folder: Path) -> Mapping[str, str]:
    """What each of them is told."""
    env = {**environment(folder), "COINSTATS_API_KEY": "cs-key", "TEOS_API_KEY": "teos-key"}
    parts = (
        ("configurations.txt", CONFIGURATIONS, "watcher.yaml", "check"),
        ("rule-files.txt", RULE_FILES, "rules.yaml", "check"),
        ("rule-tests.txt", TEST_FILES, "tests.yaml", "test tests.yaml"),
    )
    found = {}
    with Runner() as runner:
        for name, cases, file, line in parts:
            for each, sound in FILES.items():
                (folder / each).write_text(sound)
            text = ""
            for case, edits in cases.items():
                wrong = _edited(FILES[file], edits)
                (folder / file).write_text(wrong)
                text += f"=== {case}\n" + _difference(file, FILES[file], wrong)
                text += shown(line, runner.run(*line.split(), cwd=folder, now=NOW, env=env))
            found[name] = text
        (folder / "rules.yaml").write_text(RULES)
        wrong = _edited(_edited(CONFIG, {"kind: teos": "kind: toes"}), {"every: 5m": "every: 5"})
        (folder / "watcher.yaml").write_text(wrong)
        line = "check --json"
        found["mistakes.json.txt"] = shown(line, runner.run(*line.split(), cwd=folder, now=NOW, env=env))
    return {name: normal(text, {str(folder): "folder"}) for name, text in found.items()}
