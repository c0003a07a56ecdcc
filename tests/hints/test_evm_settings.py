"""Settings of kind `evm`: each mistake has its words, and what is covered is what can be heard of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.anvil import ALICE
from tests.fakes import FakeClock
from watcher.domain.model import Account
from watcher.hints.evm.settings import CHAIN_IDS, EvmHintKind
from watcher.hints.evm.source import EvmHints
from watcher.hints.kind import HintContext

URL = "wss://mainnet.example/v3/key-0123456789abcdef"


def settings(**changed: Any) -> EvmHintKind:
    return TypeAdapter(EvmHintKind).validate_python(
        {"kind": "evm", "url": URL, "chains": ["ethereum"], **changed}
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"url": "https://mainnet.example/v3/key"}, "must begin with wss://"),
        ({"url": "wss://"}, "must begin with wss:// and name a host"),
        ({"url": "ws://mainnet.example"}, "ws is for this machine only, anybody could read the key"),
        ({"url": "wss://mainnet.example:port"}, "is not the address of a WebSocket"),
        ({"url": "wss://mainnet.example/a b"}, "has characters that the address of a WebSocket cannot have"),
        ({"chains": []}, "names no chain"),
        ({"chains": ["all"]}, "'all' is no chain"),
        ({"chains": ["ethereum", "base"]}, "names ethereum and base, and a node knows one chain"),
        ({"native": "traces"}, "Input should be 'blocks', 'balances' or 'none'"),
        ({"addresses_per_filter": 0}, "greater than or equal to 1"),
        ({"catch_up": 0}, "greater than or equal to 1"),
        ({"silent_after": "10s"}, "some blocks take half a minute"),
        ({"silent_after": 300}, "is a bare number"),
        ({"url": "ws://127.0.0.1:8545", "proxy": "http://proxy.example:3128"}, "leave proxy out"),
    ],
)
def test_each_mistake_has_its_words(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**changed)
    assert words in str(caught.value)
    assert "key-0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    "url", [URL, "ws://127.0.0.1:8545", "ws://localhost:8545", "wss://user:word@node.example/"]
)
def test_a_node_may_be_on_this_machine_or_behind_tls(url: str) -> None:
    found = settings(url=url)
    assert found.url.get_secret_value() == url
    assert "key-0123456789" not in repr(found)


def test_several_spellings_of_one_chain_are_one_chain() -> None:
    found = settings(chains=["base", "base-wallet", "Base"])
    assert found.covers(Account("s", "base-wallet", ALICE))


def test_what_is_covered_is_what_this_chain_can_tell_of() -> None:
    found = settings(chains="ethereum")
    assert found.covers(Account("s", "ethereum", ALICE))
    assert found.covers(Account("s", "all", ALICE)), "one that asks for all chains asks for this one too"
    assert not found.covers(Account("s", "base-wallet", ALICE))
    assert not found.covers(Account("s", "all", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"))
    assert not found.covers(Account("s", "ethereum", "vitalik.eth"))


def test_it_is_built_without_a_connection_and_under_its_name() -> None:
    context = HintContext("mainnet", [Account("s", "ethereum", ALICE)], FakeClock())
    source = settings().build(context)
    assert isinstance(source, EvmHints)
    assert source.name == "mainnet"


def test_ids_of_chains_are_under_their_one_spelling() -> None:
    assert all(settings(chains=[chain])._chain == chain for chain in CHAIN_IDS)
    assert len(set(CHAIN_IDS.values())) == len(CHAIN_IDS)
