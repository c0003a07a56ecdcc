"""Names of chains that people know."""

from __future__ import annotations

import pytest

from watcher.domain.values.chain_names import chain_name


@pytest.mark.parametrize(
    ("chain", "name"),
    [
        ("binancesmartchain", "BNB Smart Chain"),
        ("binance_smart", "BNB Smart Chain"),
        ("base-wallet", "Base"),
        ("base", "Base"),
        ("polygon-pos", "Polygon"),
        ("Ethereum", "Ethereum"),
        ("xyz-wallet", "xyz-wallet"),
    ],
)
def test_a_chain_has_one_name_however_it_is_spelled_and_one_that_is_not_known_stays(
    chain: str, name: str
) -> None:
    assert chain_name(chain) == name
