"""What an address pays to, as the documents of its chain and of the Electrum protocol have it."""

from __future__ import annotations

import hashlib

import pytest

from watcher.domain.values.scripts import script_hash, script_of

DIGEST = bytes(range(20))
TO_KEY = b"\x76\xa9\x14" + DIGEST + b"\x88\xac"
TO_SCRIPT = b"\xa9\x14" + DIGEST + b"\x87"
SIGNS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58check(version: int, digest: bytes = DIGEST) -> str:
    body = bytes([version]) + digest
    data = body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, sign = divmod(number, 58)
        text = SIGNS[sign] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


@pytest.mark.parametrize(
    ("address", "script"),
    [
        # The Electrum protocol, protocol-basics.rst
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac"),
        # BIP-173 and BIP-350
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"),
        (
            "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
            "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
        ),
        ("BC1SW50QGDZ25J", "6002751e"),
        ("bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"),
        (
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        ),
    ],
)
def test_scripts_of_bitcoin(address: str, script: str) -> None:
    found = script_of(address, "bitcoin")
    assert found is not None
    assert found.hex() == script


def test_a_script_is_named_as_the_protocol_says() -> None:
    found = script_of("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin")
    assert found is not None
    assert script_hash(found) == "8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161"


@pytest.mark.parametrize(
    ("chain", "key", "scripts"),
    [
        ("bitcoin", 0, [5]),
        ("litecoin", 48, [50, 5]),
        ("doge", 30, [22]),
        ("dash", 76, [16]),
        ("bitcoin_cash", 0, [5]),
    ],
)
def test_each_chain_has_versions_of_its_own(chain: str, key: int, scripts: list[int]) -> None:
    assert script_of(base58check(key), chain) == TO_KEY
    for each in scripts:
        assert script_of(base58check(each), chain) == TO_SCRIPT
    assert script_of(base58check(255), chain) is None
    assert script_of(base58check(key, DIGEST + b"x"), chain) is None


@pytest.mark.parametrize(
    ("address", "script"),
    [
        # CashAddr specification, and what it pays to there
        (
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "76a91476a04053bda0a88bda5177b86a15c3b29f55987388ac",
        ),
        (
            "PPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVN0H829PQ",
            "a91476a04053bda0a88bda5177b86a15c3b29f55987387",
        ),
        # With the kind for which tokens are welcome, and with 32 bytes: CHIP-2022-02 and CHIP-2022-05
        (
            "bitcoincash:zr6m7j9njldwwzlg9v7v53unlr4jkmx6eycnjehshe",
            "76a914f5bf48b397dae70be82b3cca4793f8eb2b6cdac988ac",
        ),
        (
            "bitcoincash:pwqwzrf7z06m7nn58tkdjyxqfewanlhyrpxysack85xvf3mt0rv02l9dxc5uf",
            "aa2080e10d3e13f5bf4e743aecd910c04e5dd9fee4184c4877163d0cc4c76b78d8f587",
        ),
    ],
)
def test_scripts_of_bitcoin_cash(address: str, script: str) -> None:
    for chain in ("bitcoin_cash", "bitcoin-cash", "bitcoin_cash-wallet"):
        found = script_of(address, chain)
        assert found is not None
        assert found.hex() == script


@pytest.mark.parametrize(
    ("address", "chain"),
    [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bitcoin"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "litecoin"),
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "ethereum"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "litecoin"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin_cash"),
        ("bitcoincash:qpzry9x8gf2tvdw0s3jn54khce6mua7lcw20ayyn", "bitcoin_cash"),
        ("ecash:qpm2qsznhks23z7629mms6s4cwef74vcwvqcw003ap", "bitcoin_cash"),
        ("xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8Yt", "bitcoin"),
        ("0x52908400098527886E0F7030069857D2E4169EE7", "bitcoin"),
        ("", "bitcoin"),
    ],
)  # fmt: skip
def test_what_is_no_address_there_has_no_script(address: str, chain: str) -> None:
    assert script_of(address, chain) is None
