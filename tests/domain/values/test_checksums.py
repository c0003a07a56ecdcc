"""The checksums of address formats, with the vectors that their documents publish."""
# ruff: noqa: SIM905 (the vectors stand as they are published)

from __future__ import annotations

import pytest

from watcher.domain.values import checksums

EIP_55 = """
0x52908400098527886E0F7030069857D2E4169EE7 0x8617E340B3D01FA5F11F306F4090FD50E238070D
0xde709f2102306220921060314715629080e2fb77 0x27b1fdb04752bbc536007a920d24acb045561c26
0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed 0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359
0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB 0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb
""".split()

BECH32 = """
A12UEL5L a12uel5l abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw ?1ezyfcl
an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs
11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j
split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w
""".split()

BECH32M = """
A1LQFN3A a1lqfn3a abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx ?1v759aa
split1checkupstagehandshakeupstreamerranterredcaperredlc445v
""".split()

SEGWIT = """
BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4 BC1SW50QGDZ25J bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs
bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y
bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0
""".split()

NO_SEGWIT = """
bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd
tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf
BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh
bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4 bc1pw5dgrnzv bc1gmk9yu
BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P
bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav
bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf bc1qW508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
""".split()

CASHADDR = """
bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq
BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A prefix:x64nx6hz p:gpf8m4h7
bitcoincash:qpzry9x8gf2tvdw0s3jn54khce6mua7lcw20ayyn
""".split()


def test_keccak_is_the_one_of_ethereum() -> None:
    for data, digest in (
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"),
    ):
        assert checksums.keccak256(data).hex() == digest
    lengths = {checksums.keccak256(b"a" * length) for length in (134, 135, 136, 137, 272)}
    assert len(lengths) == 5, "beyond one block"


@pytest.mark.parametrize("address", EIP_55)
def test_eip_55(address: str) -> None:
    assert checksums.eip55(address.lower()) == address


@pytest.mark.parametrize(
    ("text", "kind"), [*((text, "bech32") for text in BECH32), *((text, "bech32m") for text in BECH32M)]
)
def test_bech32(text: str, kind: str) -> None:
    assert checksums.bech32(text) == kind
    assert not checksums.bech32(text[:-1] + ("q" if text[-1].lower() != "q" else "p"))


@pytest.mark.parametrize("address", SEGWIT)
def test_segwit(address: str) -> None:
    assert checksums.segwit(address, "bc")


@pytest.mark.parametrize("address", NO_SEGWIT)
def test_no_segwit(address: str) -> None:
    assert not checksums.segwit(address, "bc")


@pytest.mark.parametrize("address", CASHADDR)
def test_cashaddr(address: str) -> None:
    assert checksums.cashaddr(address)
    assert not checksums.cashaddr(address[:-1] + ("q" if address[-1].lower() != "q" else "p"))


def test_base58check() -> None:
    sound = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    assert checksums.base58check(sound)
    assert checksums.base58check("1111111111111111111114oLvT2") == bytes(21), "leading zeros"
    for bad in (sound[:-1] + "3", sound.lower(), sound[1:], "0OIl", "", "1"):
        assert checksums.base58check(bad) is None


def test_ss58_knows_one_key_on_several_networks() -> None:
    one = checksums.ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY")
    assert one == checksums.ss58("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5")
    assert one is not None
    assert checksums.ss58("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ") is None


def test_ton_as_its_documents_have_it() -> None:
    raw = "0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e"
    for address in (
        "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF",
        "UQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPuwA",
        "kQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPgpP",
        "0QDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPleK",
    ):
        assert checksums.ton(address) == raw
        assert checksums.ton(address[:-1] + "_") == ""
