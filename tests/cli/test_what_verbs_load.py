"""What a verb loads: words alone no large library, and who only looks none but the reader of settings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from watcher.cli._app import VERBS
from watcher.config.configuration import configure

HEAVY = (
    "aiohttp", "apprise", "apscheduler", "asyncio", "jinja2", "prometheus_client", "pydantic",
    "requests", "rich", "sqlite_utils", "yaml", "yarl",
)  # fmt: skip
ROOMS = ("analysis", "app", "charts", "chat", "letters", "reports", "service.engine", "sim", "store", "web")
"""Of ours those that words need not."""

CONFIG = """\
version: 1
sources: {coinstats: {kind: coinstats, api_key: key}}
wallets:
  - {name: hot, source: coinstats, address: "0x9f114da25b61b77606d47eab414b9360f8783979", chains: [ethereum]}
channels: {ops: {kind: console}}
rules: [rules.yaml]
"""
RULES = "rules:\n  - {id: low, type: threshold, match: {assets: [ETH]}, below: '0.5'}\n"

PROGRAM = """\
import atexit, json, sys
found = lambda: [name for name in sys.modules if sys.modules[name]]
atexit.register(lambda: print(json.dumps(found()), file=sys.stderr))
"""
MAIN = "from watcher.cli import main; main(sys.argv[1:])"


@pytest.fixture
async def there(tmp_path: Path) -> Path:
    """A folder with a configuration and a store."""
    (tmp_path / "watcher.yaml").write_text(CONFIG)
    (tmp_path / "rules.yaml").write_text(RULES)
    store = await configure(tmp_path / "watcher.yaml", {}).settings.backend.open(exclusive=True)
    await store.close()
    return tmp_path


def modules(folder: Path, *words: str, code: str = MAIN, **env: str) -> set[str]:
    """What a process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code, *words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found: Any = json.loads(done.stderr.splitlines()[-1])
    assert "watcher.cli" in found, done.stderr
    return set(found)


def heavy(loaded: set[str]) -> set[str]:
    return loaded & {*HEAVY, *(f"watcher.{room}" for room in ROOMS)}


@pytest.mark.parametrize(
    "words", ["", "--help", "--version", "version", "status --help", "silence", "statsu"]
)
def test_words_alone_load_no_large_library(words: str, tmp_path: Path) -> None:
    loaded = heavy(modules(tmp_path, *words.split()))
    assert (
        loaded <= {"watcher.store"} if "version" in words else not loaded
    )  # it names the engine of the store


def test_the_words_of_a_verb_load_none_of_what_it_does(tmp_path: Path) -> None:
    names = ", ".join(
        repr(name) for name in VERBS if name != "init"
    )  # its words come from the kinds of source
    code = f"from watcher.cli._app import loaded\nfor name in ({names}): loaded(name)"
    assert not heavy(modules(tmp_path, code=code))


@pytest.mark.parametrize(
    ("typed", "also"),
    [
        ("watcher sta", set()),
        ("watcher status --", set()),
        ("watcher silence ", set()),
        ("watcher balances --wallet ", {"yaml"}),
        ("watcher explain ", {"yaml"}),
        ("watcher send-test ", {"yaml"}),
        ("watcher plan --source ", {"yaml"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_word_is_completed_without_a_large_library(
    typed: str, also: set[str], shell: str, there: Path
) -> None:
    env = {
        "_WATCHER_COMPLETE": f"complete_{shell}", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" ")),
        "_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    assert heavy(modules(there, **env)) == also


@pytest.mark.parametrize(
    "words", ["status", "alerts", "ack 1234", "balances", "outbox", "silence list", "audit"]
)
def test_who_looks_into_the_store_loads_neither_network_nor_templates(words: str, there: Path) -> None:
    loaded = heavy(modules(there, *words.split()))
    assert loaded <= {"pydantic", "yaml", "watcher.reports", "watcher.store"}


def test_check_loads_no_network_no_channel_that_is_not_named_and_no_template_engine(there: Path) -> None:
    unwanted = {"aiohttp", "apprise", "apscheduler", "jinja2", "requests", "sqlite_utils"}
    assert not heavy(modules(there, "check")) & unwanted


def test_a_kind_that_is_not_named_is_not_loaded(there: Path) -> None:
    loaded = modules(there, "status")
    assert "watcher.sources.coinstats.settings" in loaded
    assert not [name for name in loaded if name.startswith(("watcher.sources.teos", "watcher.hints."))]
    assert not [
        name for name in loaded if name.startswith(("watcher.notify.apprise", "watcher.notify.slack"))
    ]
