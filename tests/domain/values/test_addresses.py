"""Addresses that chains have are let through, mistyped ones are not; and spellings of one are one."""

from __future__ import annotations

import pytest

from watcher.domain.values.addresses import doubt, fault, one_of_each_form
from watcher.domain.values.normalization import address_key, contract_key
from watcher.sources.coinstats.chains import meant, stranger

SOUND = """
doge-wallet DE5opaXjFgDhFBqL6tBDxTAQ56zkX6EToX
litecoin MQd1fJwqBJvwLuyhr17PhEFx1swiqDbPQS
bitcoin_cash bitcoincash:qrmfkegyf83zh5kauzwgygf82sdahd5a55x9wse7ve
bitcoin_sv 1A6ud3LrKkPqkwrbGmxu84YTsaJX51SmW
dash XnT33zjrFKjt3ymfyQZs2FPiKNer3WVj14
digibyte dgb1qnjf7e2a5ezft480kxzmhgg66pnzqk0aawxa06u
zcash-wallet t1RyCw14wRXrh3mp21uxgr9ynjem7cNUkMH
kaspa-wallet kaspa:qpzpfwcsqsxhxwup26r55fd0ghqlhyugz8cp6y3wxuddc02vcxtjg75pspnwz
ethereum 0x13CDee29cAd8e11523095900e2195088Ed6d02Ad
base-wallet 0x8F8526dbfd6E38E3D8307702cA8469Bae6C56C15
all 0xb32e9A84Ae0B55b8ab715e4Ac793a61B277bAFA3
xrp rhQADfs6UxfP7iUPwsU7b3uwDVQLLgFcu8
tron TNUC9Qb1rRpS5CbWLmNMxXBjyFoydXjWFR
stellar GABFQIK63R2NETJM7T673EAMZN4RJLLGP3OFUEJU5SZVTGWUKULZJNL6
polkadot 13UVJyLnbVp9RBZYFwFGyDvVd1y27Tt8tkntv6Q7JVPhFsTB
kusama-wallet F3opxRbN5ZbjJNU511Kj2TLuzFcDq9BGduA9TgiECafpg29
acala-wallet 23M5ttkmR6Kco7bReRDve6bQUSAcwqebatp3fWGJYb4hDSDJ
algorand N2C374IRX7HEX2YEQWJBTRSVRHRUV4ZSF76S54WV4COTHRUNYRCI47R3WU
tezos tz1gNjyzyT8L6WgNS4AdNMppsSFw76J4aDvT
zilliqa zil1xq6mh35lgr646hux0ys96q0f0hqv3hex80trpf
elrond-wallet erd1rf4hv70arudgzus0ymnnsnc4pml0jkywg2xjvzslg0mz4nn2tg7q7k0t6p
cosmos cosmos1jv65s3grqf6v6jl3dp4t6c9t9rk99cd88lyufl
thorchain-wallet thor1dheycdevq39qlkxs2a6wuuzyn4aqxhve4qxtxt
aleo-wallet aleo1tj0598jpstejk8yp7cldez3y4vekmzv482h8l6v59yqsw9kk6cxsc79p0f
ton-wallet EQDKHZ7e70CzqdvZCC83Z4WVR8POC_ZB0J1Y4zo88G-zCXmC
bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
bitcoin BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4
bitcoin 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2
"""
"""Chain and address; each with a checksum."""

FORMLESS = """
ethereum 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed
ethereum 0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED
near-wallet astro-stakers.poolv1.near
hedera-wallet 0.0.2
eos kjhbgvcfghfd
solana 7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU
sui-wallet 0x2
starknet-wallet 0x01176a1bd84444c89232ec27754698e5d2e7e1a7f1539f12027f28b23ec9f3d8
casper-wallet 011c74ebfcc1b19bc3e578bec3ecfa2d484f2a00d7e9e8152c4c70f519f6a89f6a
iota 0xeb8bc8b275fbc66500255f06de458ec5b6623b4171b17d8a26a47604860b3885
polkadot 0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d
rootstock-wallet 0x0000000000000000000000000000000001000006
"""


def rows(text: str) -> list[tuple[str, ...]]:
    return [tuple(line.split()) for line in text.strip().splitlines()]


@pytest.mark.parametrize(("chain", "address"), [*rows(SOUND), *rows(FORMLESS)])
def test_an_address_that_a_chain_has_is_let_through(chain: str, address: str) -> None:
    assert fault(address, chain) == ""
    assert doubt(address, chain) is None


@pytest.mark.parametrize(("chain", "address"), rows(SOUND))
def test_one_mistyped_character_is_seen(chain: str, address: str) -> None:
    place = len(address) - 3
    for other in ("2", "3"):
        wrong = address[:place] + other + address[place + 1 :]
        assert wrong == address or fault(wrong, chain)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0xABCDEF5f3f3e94c9b9a09f33669435e7ef1beaed", "0Xabcdef5f3f3e94c9b9a09f33669435e7ef1beaed"),
        ("0x00000000000000000000000000000000000000000000000000000000000000Ab", "0xab"),
        ("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("RRKAH-FQAAA-AAAAA-AAAAQ-CAI", "rrkah-fqaaa-aaaaa-aaaaq-cai"),
        ("Vitalik.eth", "vitalik.eth"),
    ],
)
def test_spellings_of_one_address_are_one(one: str, other: str) -> None:
    assert address_key(one) == address_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "tr7nhqjekqxgtci8q8zy4pl8otszgjlj6t"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2".upper()),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T5"),
        ("0x0000000000000000000000000000000000000001", "0x1"),
    ],
)
def test_what_may_be_two_addresses_stays_two(one: str, other: str) -> None:
    assert address_key(one) != address_key(other)


def test_spellings_of_one_contract_are_one() -> None:
    assert contract_key("0x2::sui::SUI") == contract_key("0x0000000000000000000000000002::sui::SUI")
    assert contract_key("0x2::sui::SUI") != contract_key("0x2::sui::sui"), "a module's name has its case"
    assert contract_key("ibc/27394fb0") == contract_key("ibc/27394FB0")
    assert contract_key("0X" + "A" * 40) == contract_key("0x" + "a" * 40)
    assert contract_key("EPjFWdd5") != contract_key("epjfwdd5")


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("eth", "ethereum"), ("bsc", "binancesmartchain"), ("matic", "polygon-wallet"), ("btc", "bitcoin"),
        ("polygon-pos", "polygon-wallet"), ("base", "base-wallet"), ("etherium", "ethereum"),
        ("solana-wallet", "solana"), ("ETH", "ethereum"),
    ],
)  # fmt: skip
def test_a_chain_id_that_is_not_known_is_told_with_the_one_that_is_meant(written: str, right: str) -> None:
    assert meant(written) == right
    what = f"'{written}' is no chain id that CoinStats is known to have"
    assert stranger(written) == (what, f"did you mean '{right}'?")


def test_chain_ids_that_are_known_are_no_news_and_new_ones_are_not_forbidden() -> None:
    known = ("ethereum", "all", "base-wallet", "binacesmartchain")
    assert [stranger(chain) for chain in known] == [None] * 4
    _, remedy = stranger("something-quite-new") or ("", "")
    assert remedy.startswith("see that it is in the list")


def test_to_ask_one_chain_of_each_form_is_to_ask_all_of_them() -> None:
    pairs = [line.split() for line in SOUND.splitlines() if line]
    pairs += [[chain, f"{address[:-2]}zz"] for chain, address in pairs] + [["ethereum", "ann.eth"]]
    chains = tuple(dict.fromkeys((*(chain for chain, _ in pairs), "polygon", "unheard-of")))
    assert len(one_of_each_form(chains)) < len(chains)
    for _, address in pairs:
        for check in (fault, doubt):
            first = next(((chain, said) for chain in chains if (said := check(address, chain))), None)
            among = ((chain, said) for chain in one_of_each_form(chains) if (said := check(address, chain)))
            assert next(among, None) == first
