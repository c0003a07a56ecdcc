"""What every kind of hint source promises to the configuration, and to whoever sets one up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.contract.answers import Answers
from tests.contract.test_kinds import capabilities
from watcher.config.configuration import hinted_accounts
from watcher.config.settings import PartialSettings, Settings, read_settings
from watcher.config.starter import StarterDraft, drafted_files
from watcher.hints import KINDS
from watcher.hints.kind import HintKind
from watcher.sources.setup import WalletDraft

BTC = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
SOL = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
EVM = "0x9f114da25b61b77606d47eab414b9360f8783979"
WALLETS = (
    WalletDraft("coinstats", "eth", EVM, ("chains", ("ethereum", "base-wallet")), "hot"),
    WalletDraft(
        "coinstats", "btc", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ("chains", ("bitcoin",)), "hot"
    ),
    WalletDraft("coinstats", "sol", SOL, ("chains", ("solana",)), "hot"),
    WalletDraft("teos", "desk", EVM, ("assets", ("0xfc6e610b23b09fae00e10001",)), "issued"),
)
KEYS = {"COINSTATS_API_KEY": "k1", "TEOS_API_KEY": "k2"}
SCHEMES = ("generic", "alchemy", "quicknode", "helius")


def partial(
    folder: Path, draft: StarterDraft, env: Mapping[str, str], *, secrets: bool = True
) -> PartialSettings:
    for name, text in drafted_files(draft).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read_settings(folder / "watcher.yaml", env, secrets=secrets)


def sound(found: PartialSettings) -> Settings:
    assert found.problems == []
    assert found.settings is not None
    return found.settings


def answered(word: str, kind: type[HintKind], settings: Settings, **words: str) -> StarterDraft:
    accounts = [account for wallet in settings.wallets for account in wallet.accounts]
    setup = kind.setup(accounts)
    assert setup is not None
    return StarterDraft(WALLETS, hints=((word, setup.draft(Answers(**words), accounts)),))


@pytest.mark.parametrize(("word", "kind"), KINDS.items())
def test_what_init_writes_is_sound_and_covers_somebody(
    tmp_path: Path, word: str, kind: type[HintKind]
) -> None:
    before = sound(partial(tmp_path, StarterDraft(WALLETS), KEYS))
    for scheme in SCHEMES if word == "webhook" else ("",):
        draft = answered(word, kind, before, scheme=scheme, Electrum="ssl://electrum.example:50002")
        ((_, entry),) = draft.hints
        env = {**KEYS, **dict.fromkeys(entry.secrets, f"{kind.stand_in}{entry.name}")}
        found = sound(partial(tmp_path, draft, env))
        assert list(found.hints) == [entry.name]
        assert hinted_accounts(found, entry.name)
        assert not [each for each in found.warnings if "covers" in each.what]
        without = partial(tmp_path, draft, {}, secrets=False)
        assert list(sound(without).hints) == [entry.name], "who only looks has no secret"


@pytest.mark.parametrize("kind", KINDS.values())
def test_nothing_is_offered_for_accounts_that_it_does_not_cover(kind: type[HintKind]) -> None:
    if not kind.posted:
        assert kind.setup([]) is None


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_kind_of_hints_has_no_capability_that_nobody_asks_for(kind: type[HintKind]) -> None:
    assert capabilities(kind) - capabilities(HintKind) == set(), "misspelt?"
