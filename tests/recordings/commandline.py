"""Right and wrong command lines, before there is a store."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.recordings.comparing import shown
from tests.recordings.normal import normal, schema
from tests.recordings.process import Runner, environment

NOW = datetime(2031, 3, 4, 9, tzinfo=UTC)
VERBS = (
    "demo", "init", "check", "plan", "simulate", "run", "poll", "status", "balances", "history", "polls",
    "report", "alerts", "ack", "explain", "outbox", "assets", "send-test", "test", "backtest", "web",
    "schema", "backup", "version", "silence", "silence add", "silence list", "silence expire",
    "import", "import wallets", "docs", "store", "store migrate", "store copy",
)  # fmt: skip

CONFIG = """\
version: 1
sources:
  coinstats: {kind: coinstats, api_key: key, credits: {limit: 20000}}
wallets:
  - {name: hot, source: coinstats, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}
channels: {ops: {kind: console}}
rules: [rules.yaml]
web: null
"""
RULES = """\
rules:
  - {id: low, type: threshold, match: {wallets: [hot], assets: [ETH]}, below: "0.5"}
"""
TRACE = "wallet,unix_time\n" + "".join(f"w{n % 3},{1_900_000_000 + n * 7000}\n" for n in range(60)) + "w3,\n"
PLAYED = """\
time,wallet,chain,asset,symbol,amount,price_usd
2031-03-01T00:00:00Z,hot,ethereum,ETH,ETH,2,3000
2031-03-01T23:00:00Z,hot,ethereum,ETH,ETH,0.4,3000
2031-03-02T10:00:00Z,hot,ethereum,ETH,ETH,3,3000
"""

NOWHERE = """\

nonsense
stauts
--nonsense
--version
version
version --json
status
check
run
poll
check -c nowhere.yaml
-c nowhere.yaml status
status -c
test
test nowhere.yaml
schema --rules --tests
simulate
simulate --trace nowhere.csv --credits-per-day 100
init --pack nobody
init new --pack gas --pack treasury
init new --defaults
check -c new/watcher.yaml
test new/rules/tests/gas.yaml new/rules/tests/treasury.yaml
test new/rules/tests/gas.yaml --only 'runs dry' --json
test new/rules/tests/gas.yaml --only 'no such test'
""".splitlines()
"""In a folder without a configuration."""

THERE = """\
check
check --json
--json check
-c watcher.yaml check
check extra
status
status --json
status --nonsense
status --every 2s
status --watch --every often
balances
balances --json
balances --wallet nobody
balances --wallet hit
balances --wallet
history
history --json
history --since yesterday
history --limit 0
history --limit many
history --limit '１０'
history --plot
history --value
polls
polls --limit 0
alerts
alerts --json
alerts shwo
alerts show
alerts show 1f0c9b62
ack
ack 1f0c9b62
explain
explain low
explain low hot
explain high hot
explain low cold
outbox
outbox --state lost
outbox --retry 1f0c9b62
assets
assets free
assets release
assets release USDX --wallet nobody
send-test
send-test --json
send-test nobody
silence
silence add
silence add --wallet hot --for 'a while'
silence add --wallet hot
silence list
silence expire 1f0c9b62
poll --wallet nobody
backtest
backtest --since forever
backtest --rules nowhere.yaml
backtest --timezone Mars/Base
backtest --import played.csv
backtest --import played.csv --json
plan
plan --json
plan --credits lots
plan --credits 2M --add 20 --at-least-every 6h
plan --source nobody
plan --credits 100 --at-least-every 1m
simulate --history
simulate --trace trace.csv --credits-per-day 2000 --polls-out polls.csv
simulate --trace trace.csv --credits-per-day 2000 --json
simulate --trace trace.csv --every 1h --json
simulate --trace trace.csv --cost 0
backup
backup copy.db
web --listen everywhere
web --listen 0.0.0.0:8080
web
demo --duration 1s
demo --duration soon
schema --nonsense
""".splitlines()
"""Beside a sound configuration, but no store."""


def helps(runner: Runner, folder: Path) -> dict[str, str]:
    """The pages of help."""
    env = environment(folder)
    text = ""
    for verb in ("", *VERBS):
        line = f"{verb} --help".strip()
        text += shown(line, runner.run(*line.split(), cwd=folder, now=NOW, env=env))
    return {"help.txt": text}


def schemas(runner: Runner, folder: Path) -> dict[str, str]:
    """The JSON Schemas."""
    env = environment(folder)
    found = {}
    for name, options in (("config", ()), ("rules", ("--rules",)), ("tests", ("--tests",))):
        code, out, err = runner.run("schema", *options, cwd=folder, now=NOW, env=env)
        assert (code, err) == (0, "")
        found[f"schema-{name}.json"] = schema(out)
    return found


def command_lines(runner: Runner, folder: Path) -> dict[str, str]:
    """Exit code and output of each command line."""
    nowhere, there = folder / "nowhere", folder / "there"
    env = environment(folder)
    nowhere.mkdir()
    there.mkdir()
    for name, text in (
        ("watcher.yaml", CONFIG),
        ("rules.yaml", RULES),
        ("trace.csv", TRACE),
        ("played.csv", PLAYED),
    ):
        (there / name).write_text(text)
    found = {}
    for each, lines in ((nowhere, NOWHERE), (there, THERE)):
        texts = (shown(line, runner.run(*shlex.split(line), cwd=each, now=NOW, env=env)) for line in lines)
        found[f"command-lines-{each.name}.txt"] = "".join(texts)
    found["simulated-polls.csv"] = (there / "polls.csv").read_text()
    return found


def record(folder: Path) -> Mapping[str, str]:
    """All of it."""
    with Runner() as runner:
        found = helps(runner, folder) | schemas(runner, folder) | command_lines(runner, folder)
    return {name: normal(text, {str(folder): "folder"}) for name, text in found.items()}
