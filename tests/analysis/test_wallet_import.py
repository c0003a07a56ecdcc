"""A watch list out of another program's CSV file: columns, chains, duplicates, names, and its own CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.config.given import ENV, KINDS, write
from tests.configured import load_settings
from watcher.analysis.wallet_import import LIKELY, ImportWishes, WalletImport, read_import
from watcher.config.settings import Settings, read_settings
from watcher.domain.model import SWEEPS
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.errors import ConfigurationError
from watcher.sources.coinstats.chains import KNOWN, called

EVM = "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
OTHER = "0x52908400098527886e0f7030069857d2e4169ee7"
HOT = "0x9f114da25b61b77606d47eab414b9360f8783979"
CONFIG = f"""\
version: 1
sources:
  cs: {{kind: coinstats, api_key: k}}
  te: {{kind: teos, api_key: k}}
wallets:
  - {{name: hot, source: cs, address: "{HOT}", chains: [ethereum]}}
"""


def configured(folder: Path) -> Settings:
    return load_settings(write(folder, CONFIG), ENV, KINDS)


def read(folder: Path, text: str | bytes, wishes: ImportWishes | None = None) -> WalletImport:
    path = folder / "theirs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_import(path, configured(folder), wishes or ImportWishes("cs"))


def said(found: WalletImport) -> list[str]:
    return [str(each).rpartition("/")[2] for each in found.problems]


DOCUMENTED = {
    "rotki's accounts": (
        "address,address extras,chain,label,tags\n"
        f"{EVM},,eth,Gas Tank,gas;hot\n{EVM},,binance_sc,Gas Tank,gas\n{OTHER},,polygon_pos,,\n"
    ),
    "rotki's address book": (
        f"address,name,blockchain,location\n{EVM},Gas Tank,eth,private\n{OTHER},Cold,base,global\n"
    ),
    "Safe's address book": f"address,name,chainId\n{EVM},Gas Tank,1\n{OTHER},Cold,8453\n",
    "Etherscan's tags": f'"address";"nametag";"labels"\n"{EVM}";"Gas Tank";"exchange"\n"{OTHER}";"Cold";""\n',
    "Utila's address book": (
        f"Name,Address,Blockchain,Note\nGas Tank,{EVM},Ethereum,ask Ann\nCold,{OTHER},Arbitrum One,\n"
    ),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_files_of_other_programs_are_taken_as_they_document_them(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, DOCUMENTED[name], ImportWishes("cs", chains=("ethereum",)))
    assert found.problems == []
    assert [each.address for each in found.wallets] == [EVM, OTHER]
    assert found.wallets[0].name == "Gas Tank"
    assert "ethereum" in found.wallets[0].chains


def test_rows_of_one_address_are_one_wallet(tmp_path: Path) -> None:
    (gas, cold) = read(tmp_path, DOCUMENTED["rotki's accounts"]).wallets
    assert (list(gas.chains), gas.tags) == (["ethereum", "binancesmartchain"], ["gas", "hot"])
    assert (cold.name, list(cold.chains)) == ("0x5290-9ee7", ["polygon-wallet"])


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("Ethereum", "ethereum"), ("ETH", "ethereum"), ("Ethereum Mainnet", "ethereum"), ("1", "ethereum"),
        ("BNB Chain", "binancesmartchain"), ("Binance Smart Chain", "binancesmartchain"),
        ("BSC", "binancesmartchain"), ("56", "binancesmartchain"), ("Base", "base-wallet"),
        ("base-wallet", "base-wallet"), ("Arbitrum One", "arbitrum-wallet"),
        ("OP Mainnet", "optimism-wallet"), ("Polygon zkEVM", "zkevm-polygon-wallet"),
        ("Polygon PoS", "polygon-wallet"), ("Avalanche C-Chain", "avalanche-wallet"), ("Bitcoin", "bitcoin"),
        ("Bitcoin Cash", "bitcoin_cash"), ("SOL", "solana"), ("TRON", "tron"),
        ("Etherium", ""), ("", ""), ("2", ""), ("Moonbeam", ""),
    ],
)  # fmt: skip
def test_chains_are_known_by_what_people_call_them_and_never_guessed(name: str, chain: str) -> None:
    assert called(name) == chain


def test_every_chain_is_known_by_the_name_that_people_are_shown() -> None:
    for chain in KNOWN - SWEEPS:
        assert chain_name(called(chain_name(chain))) == chain_name(chain)
        assert called(chain) == chain


def test_an_unknown_chain_is_told_by_its_cell_with_the_one_that_was_meant(tmp_path: Path) -> None:
    found = read(tmp_path, f"address,chain\n{EVM},Etherium\n{OTHER},ethereum base\n")
    assert said(found) == [
        "theirs.csv:2:2: 'Etherium' is no chain that is known here; did you mean 'ethereum'?"
    ]
    assert [list(each.chains) for each in found.wallets] == [["ethereum", "base-wallet"]]


@pytest.mark.parametrize("chain", ["", "evm", "All Chains"])
def test_a_row_without_a_chain_asks_for_one(tmp_path: Path, chain: str) -> None:
    text = f"address,chain,name\n{EVM},{chain},a\n"
    assert "say which with --chains" in said(read(tmp_path, text))[0]
    (wallet,) = read(tmp_path, text, ImportWishes("cs", chains=("base-wallet",))).wallets
    assert list(wallet.chains) == ["base-wallet"]


def test_what_is_watched_already_is_left_out_and_told(tmp_path: Path) -> None:
    shouted = "0x" + HOT[2:].upper()
    found = read(tmp_path, f"address,chain\n{shouted},ethereum\n{HOT},base\n{EVM},base\n{EVM},Base\n")
    assert [(each.address, list(each.chains)) for each in found.wallets] == [
        (shouted, ["base-wallet"]),
        (EVM, ["base-wallet"]),
    ]
    assert [str(each).rpartition("/")[2] for each in found.left_out] == [
        "theirs.csv:5: the same account as in line 4",
        f"theirs.csv:2: {shouted} on ethereum is watched already as 'hot'",
    ]


def test_each_wallet_has_a_name_of_its_own_and_keeps_its_label(tmp_path: Path) -> None:
    rows = f"{EVM},hot\n{OTHER},Cold\n0x{7:040x},Cold\n0x{8:040x},\n"
    found = read(tmp_path, "address,label\n" + rows, ImportWishes("cs", chains=("ethereum",)))
    assert [(each.name, each.label) for each in found.wallets] == [
        ("hot 070d", "hot"), ("Cold", ""), ("Cold 0007", "Cold"), ("0x0000-0008", ""),
    ]  # fmt: skip


def test_a_person_may_say_which_column_is_which(tmp_path: Path) -> None:
    text = f"Wer;Wo;Adresse\nGas;ethereum;{EVM}\n"
    assert said(read(tmp_path, text)) == [
        (
            "theirs.csv:1: no column looks like one of addresses: there are 'Wer', 'Wo', 'Adresse'; "
            "say which one it is with --column address=NAME; its first line must name it"
        )
    ]
    columns = {"address": "Adresse", "name": "Wer", "chains": "Wo"}
    found = read(tmp_path, text, ImportWishes("cs", columns=columns))
    assert found.columns == columns
    assert [each.name for each in found.wallets] == ["Gas"]
    wrong = read(tmp_path, text, ImportWishes("cs", columns={**columns, "chains": "Adrese"}))
    assert said(wrong) == ["theirs.csv:1: there is no column 'Adrese' for chains; did you mean 'Adresse'?"]


def test_columns_of_no_use_are_named(tmp_path: Path) -> None:
    found = read(tmp_path, f"address,chain,balance\n{EVM},base,7\n")
    assert found.ignored == ("balance",)


def test_assets_are_what_teos_needs(tmp_path: Path) -> None:
    found = read(tmp_path, f"wallet,name,assets\n{EVM},desk,0x1;0x2\n", ImportWishes("te"))
    (wallet,) = found.wallets
    assert (wallet.assets, wallet.chains, found.problems) == (["0x1", "0x2"], {}, [])


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        ("9.08E+47", "its last digits are lost"),
        ("", "there is no address in this row"),
        ("0x12\x1b[m", "has characters that no address has"),
    ],
)
def test_an_address_that_is_none_is_told_by_its_cell(tmp_path: Path, cell: str, what: str) -> None:
    (problem,) = said(read(tmp_path, f"chain,address\nbase,{cell}\nbase,{EVM}\n"))
    assert problem.startswith("theirs.csv:2:2: ")
    assert what in problem


def test_what_would_be_a_formula_is_text(tmp_path: Path) -> None:
    text = f"address,chain,name,label,tags,note\n'{EVM},base,=1+1,@x,+y,-z\n"
    (wallet,) = read(tmp_path, text).wallets
    assert (wallet.address, wallet.name, wallet.label, wallet.tags, wallet.note) == (
        EVM,
        "1+1",
        "x",
        ["y"],
        "z",
    )


CELLS = st.text(
    st.sampled_from(["a", "#", '"', ",", ";", "=", "'", " ", "\n", "E", "ü", "$", "{", "}"]), max_size=8
)


@settings(max_examples=100, deadline=None)
@example(rows=[("", "", "", "$${")])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_what_is_written_says_what_was_found(
    rows: list[tuple[str, str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The file is read by the configuration as the wallets that were checked."""
    folder, out = tmp_path_factory.getbasetemp(), io.StringIO()
    csv.writer(out).writerows(
        [("address", "chain", "name", "label", "note", "tags")]
        + [(f"0x{number:040x}", "base", *row) for number, row in enumerate(rows, 1)]
    )
    found = read(folder, out.getvalue())
    partial = read_settings(folder / "watcher.yaml", ENV, KINDS, more=found.entries())
    if partial.settings is None:
        assert all("theirs.csv" in each.place.file for each in partial.problems)
        return
    (folder / "ours.csv").write_text(found.text(), newline="")
    both = load_settings(write(folder, CONFIG + "  - ours.csv\n"), ENV, KINDS)
    assert both.wallets == partial.settings.wallets


COLUMNS = ("address", "name", "chain", "tags")
PIECES = st.sampled_from(
    [*COLUMNS, ",", ";", "\t", "\n", "\r\n", '"', "'", "#", "=", EVM, "eth", "1E+9", "\x00"]
)


@settings(max_examples=300, deadline=None)
@given(
    text=st.binary(max_size=200) | st.lists(PIECES, max_size=60).map(lambda parts: "".join(parts).encode())
)
def test_no_bytes_bring_anything_but_mistakes_of_the_file(
    text: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for start in (b"", b"address,chain,name\n"):
        found = read(folder, start + text)
        assert found.wallets or found.problems or found.left_out
        assert all(str(each).isprintable() for each in (*found.problems, *found.left_out))


def test_every_key_that_columns_are_sought_for_is_one_of_a_wallet(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(",".join(LIKELY) + ",source\n")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(write(tmp_path, CONFIG.partition("wallets:")[0] + "wallets: [w.csv]\n"), ENV, KINDS)
    assert ["there are no wallets" in str(each) for each in caught.value.problems] == [True]
