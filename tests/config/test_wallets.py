"""What people say of a wallet beside what is watched: its label and its note."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.config.given import SOUND, line_of, load, mistakes
from watcher.config.cadences import cadences, demand_of
from watcher.config.configuration import build_source
from watcher.config.wallets import AccountsOf, WalletsByAccount
from watcher.domain.model import Account


def said(text: str) -> str:
    """The sound configuration with more lines in its first wallet."""
    return SOUND.replace("    tags: [treasury]\n", f"    tags: [treasury]\n{text}")


def test_a_wallet_has_a_label_and_a_note_of_several_lines(tmp_path: Path) -> None:
    text = said("    label: Treasury, cold\n    note: |\n      Keys are with Ann.\n      Ask her first.\n")
    first, second = load(tmp_path, text).wallets
    assert (first.label, first.note) == ("Treasury, cold", "Keys are with Ann.\nAsk her first.")
    assert (second.label, second.note) == ("", "")


@pytest.mark.parametrize(
    "label", ["Käse & Brot", "خزانة \N{ZERO WIDTH NON-JOINER}نقد", "👩\N{ZERO WIDTH JOINER}💻"]
)
def test_a_label_is_in_any_script(tmp_path: Path, label: str) -> None:
    assert load(tmp_path, said(f"    label: {label}\n")).wallets[0].label == label


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('    label: "two\\nlines"\n', "label has more than one line"),
        ('    label: "a \\u202E b"\n', "label has a character that cannot be seen (U+202E)"),
        ('    note: "a \\e[31m b"\n', "note has a character that cannot be seen (U+001B)"),
        (f"    note: {'x' * 501}\n", "note is longer than 500 characters"),
        ("    label: 12\n", "label must be text"),
    ],
)
def test_what_people_cannot_read_is_no_label_and_no_note(tmp_path: Path, line: str, what: str) -> None:
    text = said(line)
    (problem,) = mistakes(tmp_path, text)
    assert what in problem.what
    assert problem.place.line == line_of(text, line.strip())


def test_the_wallet_of_each_account_is_found_as_in_a_table_of_all_accounts(tmp_path: Path) -> None:
    text = SOUND.replace("chains: [ethereum, base-wallet]", "chains: [ethereum, base-wallet, polygon]")
    wallets = load(tmp_path, text).wallets
    table = {account: wallet for wallet in wallets for account in wallet.accounts}
    found = WalletsByAccount(wallets)
    assert dict(found) == table
    assert (list(found), list(found.values()), list(found.items())) == (
        list(table), list(table.values()), list(table.items()),
    )  # fmt: skip
    assert len(found) == len(table) > len(wallets)
    known = next(iter(table))
    others: list[Account | None] = [known._replace(source="other"), known._replace(address="0x1"), None]
    assert not any(other in found for other in others)


def test_accounts_of_wallets_are_as_a_list_of_them(tmp_path: Path) -> None:
    wallets = load(tmp_path, SOUND).wallets * 3
    listed, found = [account for wallet in wallets for account in wallet.accounts], AccountsOf(wallets)
    assert [*found] == listed
    assert len(found) == len(listed)
    assert [*reversed(found)] == listed[::-1]
    for start in range(-len(listed) - 1, len(listed) + 2):
        for step in (1, 2, -1):
            assert found[start::step] == listed[start::step]
            assert found[:start:step] == listed[:start:step]
    assert [found[place] for place in range(-len(listed), len(listed))] == listed * 2
    with pytest.raises(IndexError):
        found[len(listed)]
    assert all(account in found for account in listed)
    assert listed[0]._replace(chain="base") not in found
    assert [*AccountsOf(())] == AccountsOf(())[:] == []


def test_accounts_at_one_interval_are_together_if_they_cost_the_same(tmp_path: Path) -> None:
    text = SOUND.replace("    tags: [treasury]\n", "    every: 1h\n")
    whole = (
        text.replace("[ethereum, base-wallet]", "[all]").replace("treasury", "whole").split("wallets:\n")[1]
    )
    entry = whole.split("  - name: bonds")[0].replace(
        "0x9f114DA25b61b77606d47eAB414b9360f8783979", "0x" + "1" * 40
    )
    settings = load(tmp_path, text.replace("  - name: bonds", f"{entry}  - name: bonds"))
    source = build_source(settings, "coinstats")
    times, auto = cadences(settings, "coinstats", source)
    demand = demand_of(settings, source, times, auto, (), datetime(2026, 3, 1, tzinfo=UTC))
    assert {each.cost: [account.chain for account in each.accounts] for each in demand.fixed} == {
        40: ["ethereum", "base-wallet"],
        400: ["all"],
    }
