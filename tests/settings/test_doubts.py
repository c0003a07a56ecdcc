"""What stands in a configuration twice: a key would be spent twice, money counted twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.given import ENV, KEY, SOUND, load, mistakes

ADDRESS = "0x9f114DA25b61b77606d47eab414b9360f8783979"
"""That of the wallet `treasury`, in other letters."""


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
        ("chains: [bitcoin]", "coinstats", None),
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


@pytest.mark.parametrize(("address", "told"), [(ADDRESS, 0), (ADDRESS[:-1], 1), ("treasury.eth", 1)])
def test_an_address_that_its_chain_cannot_have_is_told(tmp_path: Path, address: str, told: int) -> None:
    text = SOUND.replace("0x9F114da25b61b77606d47eab414b9360f8783979", address)
    found = [each for each in load(tmp_path, text).warnings if "is no address on ethereum" in each.what]
    assert len(found) == told
    assert all(":11:" in each.where for each in found)


def test_addresses_of_other_chains_are_not_held_against_those_of_ethereum(tmp_path: Path) -> None:
    text = SOUND.replace("0x9F114da25b61b77606d47eab414b9360f8783979", "0x1")
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
