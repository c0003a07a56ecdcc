"""Names of assets in rules: as identities are written."""

from __future__ import annotations

import pytest

from watcher.domain.rules.match import folded

TUSD = "0x0000000000085d4780B73119b644AE5ecd22b376"


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        (TUSD, TUSD.lower()),
        ("0x" + "0" * 39 + "1", "0x" + "0" * 39 + "1"),
        ("0x0FC6e610b23b09fae00e10001", "0xfc6e610b23b09fae00e10001"),
        ("0x000000001f", "0x1f"),
        ("ETH", "eth"),
    ],
)
def test_a_contract_keeps_its_zeros_and_a_teos_id_does_not(name: str, identity: str) -> None:
    assert folded(name) == identity
