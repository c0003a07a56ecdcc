"""What `init` writes is sound as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import KINDS
from tests.configured import load_settings
from watcher.config.rule_files import Rulebook, load_rules
from watcher.config.starter import PACKS, starter_files
from watcher.domain.values.errors import ConfigurationError
from watcher.hints import KINDS as HINT_KINDS

KEYS = {"COINSTATS_API_KEY": "k1", "TEOS_API_KEY": "k2"}


def write(folder: Path) -> Path:
    for name, text in starter_files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "watcher.yaml"


def rules_of(path: Path) -> Rulebook:
    settings = load_settings(path, KEYS, KINDS)
    return load_rules(settings.rules, settings.channels, settings.wallets, settings.sources)


def test_the_starter_loads_without_a_mistake_or_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path)

    book = rules_of(path)

    assert load_settings(path, KEYS, KINDS).warnings == ()
    assert book.warnings == ()
    assert {rule.type for rule in book.rules} == {
        "threshold",
        "change",
        "asset",
        "no_data",
        "ratio",
        "runway",
    }


@pytest.mark.parametrize("pack", PACKS)
def test_each_pack_stands_alone(tmp_path: Path, pack: str) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text().replace("rules/*.yaml", f"rules/{pack}.yaml"))

    assert len(rules_of(path).rules) >= 3


def test_only_the_keys_are_missing_from_the_starter(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path), {}, KINDS)

    assert [problem.what.split()[2] for problem in caught.value.problems] == list(KEYS)


def test_the_hints_of_the_starter_are_sound_once_they_are_wanted(tmp_path: Path) -> None:
    path = write(tmp_path)
    before, _, rest = path.read_text().partition("# hints:\n")
    block, end, after = rest.partition("\n\n")
    entries = "".join(f"{line[2:]}\n" for line in block.splitlines())
    path.write_text(f"{before}hints:\n{entries}{end}{after}")
    secrets = {
        "ETHEREUM_WSS_URL": "wss://node.example",
        "TEOS_AMQP_URL": "amqps://user:password@events.example",
        "ALCHEMY_SIGNING_KEY": "whsec-0123456789abcdef",
        "SOLANA_WSS_URL": "wss://solana.example",
    }

    settings = load_settings(path, {**KEYS, **secrets})

    assert sorted(each.model_dump()["kind"] for each in settings.hints.values()) == sorted(HINT_KINDS)


def test_sources_at_another_address_are_written_as_such(tmp_path: Path) -> None:
    urls = {"coinstats": "http://127.0.0.1:1/cs", "teos": "http://127.0.0.1:2/teos"}
    text = starter_files(urls=urls)["watcher.yaml"]
    path = tmp_path / "watcher.yaml"
    path.write_text(text.replace("rules: [rules/*.yaml]", ""))
    settings = load_settings(path, KEYS, KINDS)
    found = {name: source.base_url for name, source in settings.sources.items()}  # type: ignore[attr-defined]
    assert found == urls
