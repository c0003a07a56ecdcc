"""What every kind of source and channel promises to the configuration, and to whoever sets one up."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import watcher
from tests.contract.answers import Answers
from tests.contract.channels import CHANNELS as CHANNEL_CASES
from tests.contract.sources import OVER_HTTP, SOURCES, Case
from tests.sources.api import KEY, A
from watcher.config.problems import models_in
from watcher.config.wishes import WISHES
from watcher.notify import KINDS as CHANNELS
from watcher.notify.kind import ChannelKind
from watcher.sources import KINDS
from watcher.sources.kind import SourceKind, WatchedWallet
from watcher.store import KINDS as STORES


@pytest.fixture(params=OVER_HTTP)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with SOURCES[request.param]() as case:
        yield case


def capabilities(kind: type[BaseModel]) -> set[str]:
    """What a class offers beyond the keys that stand in the file."""
    offered = {name for name in dir(kind) if not name.startswith("_")}
    return offered - set(dir(BaseModel)) - set(kind.model_fields)


@pytest.mark.parametrize("kind", KINDS.values())
def test_a_kind_of_source_has_no_capability_that_nobody_asks_for(kind: type[SourceKind]) -> None:
    assert capabilities(kind) - capabilities(SourceKind) == set(), "misspelt?"


@pytest.mark.parametrize("kind", CHANNELS.values())
def test_a_kind_of_channel_has_no_capability_that_nobody_asks_for(kind: type[ChannelKind]) -> None:
    assert capabilities(kind) - capabilities(ChannelKind) == set(), "misspelt?"


@pytest.mark.parametrize("kind", [*KINDS.values(), *CHANNELS.values(), *STORES.values()])
def test_no_settings_show_in_an_error_what_was_written_for_it_may_be_a_secret(kind: type[BaseModel]) -> None:
    models = [kind]
    for model in models:
        models += [each for info in model.model_fields.values() for each in models_in(info.annotation)]
    assert [each.__name__ for each in models if not each.model_config.get("hide_input_in_errors")] == []


def test_each_kind_stands_in_the_suite_of_its_port() -> None:
    assert KINDS.keys() <= SOURCES.keys()
    assert CHANNELS.keys() <= CHANNEL_CASES.keys()


def test_each_api_brings_what_is_needed_to_set_it_up() -> None:
    assert [word for word, kind in KINDS.items() if kind.setup() is None] == []


def test_an_account_keeps_its_name_however_its_wallet_is_written(case: Case) -> None:
    kind = case.kind
    assert kind is not None
    for wallet in case.wallets:
        written = WatchedWallet(wallet.name, f"0x{wallet.address[2:].upper()} ", wallet.chains, wallet.assets)
        assert kind.accounts("s", written) == kind.accounts("s", wallet)


def test_a_wallet_without_what_to_watch_is_a_mistake_that_names_it(case: Case) -> None:
    assert case.kind is not None
    for wallet in (WatchedWallet("empty", A), WatchedWallet("empty", "")):
        with pytest.raises(ValueError, match="wallet empty"):
            case.kind.accounts("s", wallet)


def test_sources_share_limits_by_their_key(case: Case) -> None:
    assert case.kind is not None
    assert case.kind.access_key() == KEY
    assert KEY not in repr(case.kind)


# Setup


async def test_a_probe_tells_a_key_that_works_from_one_that_does_not(case: Case) -> None:
    assert case.kind is not None
    assert case.sim is not None
    setup = type(case.kind).setup()
    assert setup is not None
    url = f"{case.sim.url}/{case.where}"
    sound = await setup.probe(url, KEY)
    assert (sound.sound, sound.refused) == (True, False)
    refused = await setup.probe(url, "another-key")
    assert (refused.sound, refused.refused) == (False, True)
    await case.sim.stop()
    unknown = await setup.probe(url, KEY)
    assert (unknown.sound, unknown.refused) == (False, False)
    assert all(each.text and KEY not in each.text for each in (sound, refused, unknown))


def test_the_first_wallet_is_one_that_the_kind_takes(case: Case) -> None:
    assert case.kind is not None
    setup = type(case.kind).setup()
    assert setup is not None
    what = setup.what(Answers(UniqueAssetIds="0xfc6e610b23b09fae00e10001"), "", "", ())
    draft = setup.draft("first", A, what, next(iter(setup.purposes)))
    key, words = draft.what
    wallet = WatchedWallet(draft.name, draft.address, **{key: words})
    assert len(case.kind.accounts("s", wallet)) == 1
    assert all(WISHES[purpose] for purpose in setup.purposes), "there are rules for each purpose"


# Nobody else knows an API by its name

NAMES = re.compile("|".join(KINDS), re.IGNORECASE)
NAMED = {
    "config/starter.py": "the commented example that `watcher init --defaults` writes",
    "cli/demo.py": "the demo runs both simulated APIs",
    "cli/_story.py": "what is configured for the demo",
    "cli/_demo_cluster.py": "the same, over a PostgreSQL",
    "cli/_story_told.py": "what the simulated API metered",
    "store/sqlite/views.py": "the description of a column",
    "analysis/lint/levels.py": "advice, beside that for all others",
    "analysis/ruletest/models.py": "rule tests have no configuration: a source's name stands for its kind",
    "domain/messages/template_variables.py": "the sample on which templates are tried",
}


def words_of_code(path: Path) -> set[str]:
    """Names and texts of a module, its docstrings left out."""
    tree = ast.parse(path.read_text())
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in lone:
            found.add(node.value)
        elif isinstance(node, ast.Name | ast.alias):
            found.add(node.id if isinstance(node, ast.Name) else node.name)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def test_no_module_outside_its_folder_knows_an_api_by_name() -> None:
    package = Path(watcher.__file__).parent
    paths = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    known = {
        name
        for name, path in paths.items()
        if not name.startswith(("sources/", "hints/", "sim/")) and any(map(NAMES.search, words_of_code(path)))
    }
    assert known == NAMED.keys()
