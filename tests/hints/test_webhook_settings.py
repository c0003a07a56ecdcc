"""What a webhook's settings take, which accounts it covers, and which mistakes are told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.hints.webhooks import KEY
from watcher.domain.model import Account
from watcher.hints import KINDS
from watcher.hints.webhook.settings import WebhookSettings


def settings(**written: Any) -> WebhookSettings:
    return WebhookSettings.model_validate(
        {"kind": "webhook", "scheme": "generic", "signing_key": KEY, **written}
    )


def test_it_is_a_kind_that_needs_a_server() -> None:
    assert KINDS["webhook"] is WebhookSettings
    assert WebhookSettings.posted


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"scheme": "moralis"}, "alchemy"),
        ({"signing_key": ""}, "has only 0 characters"),
        ({"signing_key": "short"}, "has only 5 characters"),
        ({"signing_key": []}, "at least 1"),
        ({"signing_key": [KEY, "short"]}, "has only 5 characters"),
        ({"signing_key": KEY + "\nX"}, "characters that a key cannot have"),
        ({"scheme": "alchemy"}, "needs 'chains'"),
        ({"scheme": "helius", "signing_key": "x" * 31}, "32 random characters"),
        ({"url": "x"}, "Extra inputs"),
    ],
)
def test_each_mistake_is_told_without_the_key(written: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**written)
    assert why in str(caught.value)
    assert KEY not in str(caught.value)


def test_one_key_needs_no_brackets_and_several_are_taken_in_turn() -> None:
    assert settings()._keys == (KEY,)
    assert settings(signing_key=[KEY, "y" * 16])._keys == (KEY, "y" * 16)
    assert KEY not in repr(settings())


@pytest.mark.parametrize(
    ("scheme", "chains", "covered"),
    [
        ("alchemy", {"ETH_MAINNET": "ethereum", "BASE_MAINNET": "base"}, {"ethereum", "base-wallet", "all"}),
        ("quicknode", {}, {"ethereum", "base-wallet", "all", "solana"}),
        ("quicknode", {"x": "ethereum"}, {"ethereum", "all"}),
        ("helius", {}, {"all", "solana"}),
        ("generic", {"mine": "ethereum"}, {"ethereum", "base-wallet", "all", "solana"}),
    ],
)
def test_it_covers_the_chains_that_it_names(scheme: str, chains: dict[str, str], covered: set[str]) -> None:
    kind = settings(scheme=scheme, chains=chains)
    chains_of = ("ethereum", "base-wallet", "all", "solana")
    assert {each for each in chains_of if kind.covers(Account("s", each, "x"))} == covered
    assert kind.named_chains == tuple(chains.values())
