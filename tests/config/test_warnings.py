"""What stands in a configuration twice: a key would be spent twice, money counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import ENV, KEY, SOUND, load, mistakes
from watcher.domain.rules import Match
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.normalization import in_one_form

ADDRESS = "0x9f114da25b61b77606d47eab414b9360f8783979"
"""That of the wallet `treasury`, in other letters."""
CHECKED = "0x9f114DA25b61b77606d47eAB414b9360f8783979"


def sources(more: str) -> str:
    return SOUND.replace("wallets:\n", f"{more}\nwallets:\n", 1)


def wallets(*more: str, source: str = "") -> str:
    return sources(source).replace("channels:\n", "".join(f"  - {each}\n" for each in more) + "channels:\n")


def test_a_key_that_sells_credits_belongs_to_one_source(tmp_path: Path) -> None:
    (problem,) = mistakes(tmp_path, sources('  spare: {kind: coinstats, api_key: "${COINSTATS_API_KEY}"}'))
    assert problem.what == "'spare' and 'coinstats' have the same key, and limits belong to the key"
    assert problem.remedy == "put the wallets of 'spare' under 'coinstats'"
    assert KEY not in str(problem)


def test_two_keys_are_two_plans(tmp_path: Path) -> None:
    assert not load(tmp_path, sources("  spare: {kind: coinstats, api_key: another}")).warnings[1:]


@pytest.mark.parametrize(("limits", "told"), [("", 1), (", limits: {per_day: 9000}", 1)])
def test_a_key_whose_calls_are_not_divided_is_told(tmp_path: Path, limits: str, told: int) -> None:
    text = sources(f'  next: {{kind: teos, api_key: key-for-teos, api_version: "1.1"{limits}}}')
    found = [each for each in load(tmp_path, text).warnings if "same key" in each.what]
    assert len(found) == told


def test_a_key_whose_calls_are_divided_may_serve_two_sources(tmp_path: Path) -> None:
    text = sources("  next: {kind: teos, api_key: key-for-teos, limits: {per_day: 9000}}")
    text = text.replace("api_key: key-for-teos}", "api_key: key-for-teos, limits: {per_day: 21000}}")
    assert not [each for each in load(tmp_path, text).warnings if "same key" in each.what]


@pytest.mark.parametrize(
    ("wallet", "source", "said"),
    [
        ("chains: all", "coinstats", "'twin' and 'treasury'"),
        ("chains: [ethereum]", "spare", "same address, and the same money on ethereum"),
        ("chains: [celo-wallet]", "coinstats", None),
    ],
)
def test_money_that_two_wallets_hold_is_told(
    tmp_path: Path, wallet: str, source: str, said: str | None
) -> None:
    twin = f'{{name: twin, source: {source}, address: "{ADDRESS}", {wallet}}}'
    text = wallets(twin, source="  spare: {kind: coinstats, api_key: another}")
    found = [str(each) for each in load(tmp_path, text, ENV).warnings if "same money" in each.what]
    assert bool(found) == (said is not None)
    assert said is None or said in found[0]


@pytest.mark.parametrize(("address", "told"), [(ADDRESS, 0), (CHECKED, 0), ("treasury.eth", 1)])
def test_a_name_in_place_of_an_address_is_told(tmp_path: Path, address: str, told: int) -> None:
    text = SOUND.replace(CHECKED, address)
    found = [each for each in load(tmp_path, text).warnings if "can point it elsewhere" in each.what]
    assert len(found) == told
    assert all(":11:" in each.where for each in found)
    assert all(each.remedy == "write the address that it stands for" for each in found)


@pytest.mark.parametrize(
    ("address", "chain", "why"),
    [
        (ADDRESS[:-1], "ethereum", "there it is 0x and 40 hexadecimal digits"),
        (CHECKED[:-1] + "8", "ethereum", "its capitals do not fit its digits (EIP-55): a digit is mistyped"),
        (CHECKED[:-1] + "8", "all", "its capitals do not fit its digits (EIP-55): a digit is mistyped"),
        ("hello-not-an-address", "base-wallet", "there it is 0x and 40 hexadecimal digits"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", "bitcoin", "its checksum is wrong"),
        ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", "bitcoin", "its checksum is wrong"),
        ("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u", "tron", "its checksum is wrong"),
        ("EQDKHZ7e70CzqdvZCC83Z4WVR8POC_ZB0J1Y4zo88G-zCXmD", "ton-wallet", "its checksum is wrong"),
    ],
)
def test_an_address_that_its_chain_cannot_have_is_a_mistake(
    tmp_path: Path, address: str, chain: str, why: str
) -> None:
    text = SOUND.replace(CHECKED, address)
    text = text.replace("[ethereum, base-wallet]", f"[{chain}]")
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.what.startswith(f"wallet treasury: {address} is no address on {chain}: {why}")
    assert ":11:14" in problem.where
    assert problem.remedy.startswith("copy it again")


def test_a_teos_address_is_held_against_its_checksum_as_well(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="EIP-55"):
        load(tmp_path, SOUND.replace("0xd9d18f", "0xD9d18f"))


@pytest.mark.parametrize(
    ("address", "chain"),
    [("hello-not-an-address", "bitcoin"), (CHECKED[:-1] + "8", "celo-wallet"), ("osmo1xyz", "cosmos")],
)
def test_an_address_that_is_probably_mistyped_is_told(tmp_path: Path, address: str, chain: str) -> None:
    text = SOUND.replace(CHECKED, address)
    found = load(tmp_path, text.replace("[ethereum, base-wallet]", f"[{chain}]")).warnings
    assert ["copy it again" in each.remedy for each in found if address in each.what] == [True]


def test_addresses_of_other_chains_are_not_held_against_those_of_ethereum(tmp_path: Path) -> None:
    text = SOUND.replace("0x9f114DA25b61b77606d47eAB414b9360f8783979", "0x1")
    text = text.replace("[ethereum, base-wallet]", "[sui-wallet]")
    assert not [each for each in load(tmp_path, text).warnings if "no address" in each.what]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("api_key: key-for-teos", "api_key: $TEOS_API_KEY", "sources.teos.api_key"),
        ("channels:\n", "channels:\n  two: {url: $SLACK_URL}\n", "channels.two.url"),
    ],
)
def test_a_variable_written_as_in_a_shell_is_told(tmp_path: Path, old: str, new: str, key: str) -> None:
    (found,) = [each for each in load(tmp_path, SOUND.replace(old, new, 1)).warnings if "'$'" in each.what]
    assert found.what == f"{key} is taken as it stands, '$' and all"
    assert "${…}" in found.remedy


def test_a_dollar_sign_elsewhere_is_nobody_s_mistake(tmp_path: Path) -> None:
    units = 'api_key: $$KEY, units: {"0x0fc6e610b23b09fae00e10001": {symbol: $BOND}}'
    text = SOUND.replace("api_key: key-for-teos", units, 1)
    assert not [each for each in load(tmp_path, text).warnings if "'$'" in each.what]


def test_a_short_token_is_told_where_only_this_machine_can_try_it(tmp_path: Path) -> None:
    def found(token: str) -> list[str]:
        text = SOUND + f'web: {{listen: "127.0.0.1:8787", token: {token}}}\n'
        return [str(each) for each in load(tmp_path, text).warnings if "token" in each.what]

    assert found("sixteen-of-them-") == []
    (told,) = found("fourteen-of-it")
    assert "only 14 characters" in told
    assert "fourteen" not in told


@pytest.mark.parametrize(
    ("one", "other", "chain", "twin"),
    [
        (
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bitcoin",
            "bitcoin",
        ),
        (
            "EQDKbjIcfM6ezt8KjKJJLshZJJSqX7XOA4ff-W72r5gqPrHF",
            "0:ca6e321c7cce9ecedf0a8ca2492ec8592494aa5fb5ce0387dff96ef6af982a3e",
            "ton-wallet",
            "ton-wallet",
        ),
        ("0x" + "0" * 60 + "00aB", "0xab", "sui-wallet", "sui-wallet"),
        (ADDRESS, "0X" + ADDRESS[2:].upper(), "polygon-wallet", "matic"),
    ],
)
def test_two_spellings_of_one_address_are_the_same_account(
    tmp_path: Path, one: str, other: str, chain: str, twin: str
) -> None:
    first = f'{{name: first, source: coinstats, address: "{one}", chains: [{chain}]}}'
    second = f'{{name: second, source: coinstats, address: "{other}", chains: [{twin}]}}'
    (problem,) = mistakes(tmp_path, wallets(first, second))
    assert problem.what == f"'second' and 'first' are the same account on {twin}"


def test_a_name_is_the_same_composed_or_not(tmp_path: Path) -> None:
    composed, apart = "z\u00fcrich", "zu\u0308rich"
    text = SOUND.replace("name: treasury", f"name: {apart}").replace("[treasury]", f"[{apart}]")
    settings = load(tmp_path, text)
    assert settings.wallets[0].name == composed
    assert settings.wallets[0].tags == (composed,)
    assert Match(wallets=(apart,)).wallet(settings.wallets[0])
    assert Match(tags=(composed,)).wallet(settings.wallets[0])
    assert in_one_form([apart]) == [composed]
