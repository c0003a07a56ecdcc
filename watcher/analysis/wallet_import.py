"""Wallets from a CSV file of another program → entries of a watch list, each checked, and their CSV.

Columns are found by likely names: those that rotki, Safe, Etherscan, Utila and others document for theirs.
Rows of one address are one wallet. What is watched already is left out and told.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from watcher.config.document import NO_KEYS, Document, Node
from watcher.config.settings import Settings
from watcher.config.wallet_table import BROKEN, SCIENTIFIC, UnreadableTableError, open_table
from watcher.domain.model import SWEEPS
from watcher.domain.records import Record, field
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import Place, Problem
from watcher.domain.values.normalization import address_key, one_form
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import clean
from watcher.sources.kind import SourceKind

LIKELY: Mapping[str, tuple[str, ...]] = {
    "address": (
        "address", "walletaddress", "accountaddress", "contactaddress", "publicaddress", "addr", "wallet",
        "account",
    ),
    "name": ("name", "walletname", "accountname", "contactname", "wallet", "account"),
    "label": (
        "label", "nametag", "privatenametag", "title", "name", "walletname", "accountname", "contactname",
        "username",
    ),
    "chains": ("chain", "chains", "blockchain", "blockchains", "network", "networks", "chainid"),
    "assets": ("assets", "asset"),
    "tags": ("tags", "tag", "group", "groups", "category", "labels", "contacttag"),
    "note": ("note", "notes", "comment", "comments", "description", "remark"),
}  # fmt: skip
"""Key of a wallet → names of columns that are likely to hold it, the likeliest first, in small letters and
without what is between words."""
WRITTEN = ("name", "source", "address", "chains", "assets", "tags", "label", "note")
EVERYWHERE = frozenset({"", "evm", "all", "any", "allchains", "multichain"})
"""What other programs say of an address that they look for on many chains: that is no chain."""

_NO_LETTER = re.compile(r"[\W_]+")
_APART = re.compile(r"[;,|\s]+")
_CHAINS_APART = re.compile(r"[;,|]+")
_VARIABLE = re.compile(r"\$+\{")
_UNDO = "'=+@-\t\r\n \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\ufeff"
"""What spreadsheets and copying leave before a text; = + - @ would make a formula of it."""


class FoundWallet(Record):
    """Wallet as a file says it. `line` and `cells`: where each part of it stands."""

    line: int
    address: str
    name: str = ""
    label: str = ""
    note: str = ""
    chains: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Id → line and cell that say it."""
    assets: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    cells: dict[str, int] = field(default_factory=dict)


class ImportWishes(Record, frozen=True):
    """What a person says beside the file."""

    source: str
    chains: tuple[str, ...] = ()
    """Chains of a wallet for which the file names none."""
    tags: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    """Key → name of the column that holds it."""


class WalletImport(Record):
    """What a file comes to: wallets, what was left out of it, and every mistake."""

    path: Path
    source: str
    columns: dict[str, str] = field(default_factory=dict)
    """Key → column it is taken from."""
    ignored: tuple[str, ...] = ()
    wallets: list[FoundWallet] = field(default_factory=list)
    left_out: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def report(self, line: int, cell: int, what: str, remedy: str = "") -> None:
        self.problems.append(Problem(Place(str(self.path), line, cell), what, remedy))

    def leave_out(self, line: int, what: str, remedy: str = "") -> None:
        self.left_out.append(Problem(Place(str(self.path), line), what, remedy))

    def entries(self) -> Document:
        """The wallets as a part of a configuration; each value stands where the file says it."""
        root = Node(1, 0, [_entry(self, each) for each in self.wallets], "", NO_KEYS)
        return Document(self.path, root)

    def text(self) -> str:
        """The wallets as a CSV file that a configuration may name."""
        rows = [_row(self, wallet) for wallet in self.wallets]
        used = [key for key in WRITTEN if key in WRITTEN[:3] or any(row[key] for row in rows)]
        # A line that begins with # is a comment, unless it begins with a quote.
        odd = any(row["name"].startswith(("#", "sep=")) for row in rows)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
        writer.writerow(used)
        writer.writerows([row[key] for key in used] for row in rows)
        return out.getvalue()


def read_import(path: Path, settings: Settings, wishes: ImportWishes) -> WalletImport:
    """Read a file of another program. Nothing is written; what is wrong is in `problems`."""
    found = WalletImport(path, wishes.source)
    try:
        known = {
            *(each for names in LIKELY.values() for each in names),
            *map(_plain, wishes.columns.values()),
        }
        table = open_table(path, lambda name: _plain(name) in known)
        cells = _columns(found, table.header, wishes.columns)
        if "address" in cells and not found.problems:
            _gather(found, table.rows, cells, settings.sources[wishes.source], wishes)
    except UnreadableTableError as error:
        found.report(error.line, 0, error.what, error.remedy)
    _leave_out_known(found, settings)
    _name(found, {wallet.name for wallet in settings.wallets})
    return found


def _plain(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())


def _columns(found: WalletImport, header: Sequence[str], chosen: Mapping[str, str]) -> dict[str, int]:
    """Key → number of its column, from 0; those that a person named are believed."""
    plain = [_plain(name) for name in header]
    cells: dict[str, int] = {}
    for key, name in chosen.items():
        if _plain(name) in plain:
            cells[key] = plain.index(_plain(name))
        else:
            what = f"there is no column '{clean(name)}' for {key}"
            found.report(1, 0, what, nearest(clean(name), [clean(each) for each in header if each]))
    for key, likely in LIKELY.items():
        free = [name for name in likely if name in plain and plain.index(name) not in cells.values()]
        if key not in cells and free:
            cells[key] = plain.index(free[0])
    if "address" not in cells and not found.problems:
        names = ", ".join(f"'{clean(name)}'" for name in header if name)
        what = f"no column looks like one of addresses: there are {names}"
        found.report(
            1, 0, what, "say which one it is with --column address=NAME; its first line must name it"
        )
    found.columns = {key: clean(header[number]) for key, number in cells.items()}
    used = set(cells.values())
    found.ignored = tuple(clean(name) for number, name in enumerate(header) if name and number not in used)
    return cells


def _gather(
    found: WalletImport,
    rows: Iterator[tuple[int, list[str]]],
    cells: Mapping[str, int],
    source: SourceKind,
    wishes: ImportWishes,
) -> None:
    """The wallets of all rows; those of one address are one."""
    wallets: dict[str, FoundWallet] = {}
    for line, row in rows:
        said = {key: _undone(row[number]) for key, number in cells.items() if number < len(row)}
        if not any(said.values()):
            continue
        address = said.get("address", "")
        if not address or not address.isprintable() or SCIENTIFIC.fullmatch(address):
            _report_address(found, line, cells["address"] + 1, address)
            continue
        key = address_key(address)
        new = key not in wallets
        wallet = wallets.setdefault(
            key, FoundWallet(line, address, cells={k: n + 1 for k, n in cells.items()})
        )
        before = len(wallet.chains)
        _take_chains(found, wallet, (line, said.get("chains", "")), source, wishes)
        _take_words(wallet, said, wishes)
        if not new and len(wallet.chains) == before:
            found.leave_out(line, f"the same account as in line {wallet.line}")
    found.wallets = list(wallets.values())
    if not wallets and not found.problems:
        found.report(0, 0, "there is no row in this file")


def _undone(text: str) -> str:
    """A cell without what spreadsheets and copying put before and after it, and without any variable."""
    if BROKEN.match(text):
        return ""
    text = _VARIABLE.sub("{", text)
    return one_form(text.lstrip(_UNDO).rstrip(" \t\r\n\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\ufeff"))


def _report_address(found: WalletImport, line: int, cell: int, address: str) -> None:
    if not address:
        found.report(line, cell, "there is no address in this row", "fill it in, or take the row out")
    elif address.isprintable():
        what = f"'{address[:40]}' is what a spreadsheet made of a long number: its last digits are lost"
        found.report(line, cell, what, "format the column as text, and copy it again from where it came")
    else:
        found.report(
            line, cell, f"'{clean(address)[:80]}' has characters that no address has", "copy it again"
        )


def _take_chains(
    found: WalletImport,
    wallet: FoundWallet,
    said: tuple[int, str],
    source: SourceKind,
    wishes: ImportWishes,
) -> None:
    line, text = said
    cell = wallet.cells.get("chains", 0)
    for chain in wishes.chains if _plain(text) in EVERYWHERE else ():
        wallet.chains.setdefault(chain, (line, cell))
    if _plain(text) in EVERYWHERE:
        if not wishes.chains and source.takes_chains:
            which = f"'{clean(text)}' is no single chain" if text else "this row names no chain"
            found.report(line, cell, which, "say which with --chains, as in --chains ethereum,base-wallet")
        return
    for name in _chain_names(text, source):
        chain = source.chain_called(name) if source.takes_chains else ""
        if chain:
            wallet.chains.setdefault(chain, (line, cell))
        elif source.takes_chains:
            advice = source.chain_warning(name.lower())
            remedy = advice.remedy if advice is not None else ""
            found.report(line, cell, f"'{clean(name)[:60]}' is no chain that is known here", remedy)


def _chain_names(text: str, source: SourceKind) -> Iterator[str]:
    """Names with spaces in them as well as several with spaces between."""
    for each in filter(None, (part.strip() for part in _CHAINS_APART.split(text))):
        words = each.split()
        apart = not source.chain_called(each) and all(map(source.chain_called, words))
        yield from words if apart else (each,)


def _take_words(wallet: FoundWallet, said: Mapping[str, str], wishes: ImportWishes) -> None:
    """What a row says for people; the first that says something is believed."""
    wallet.name = wallet.name or clean(said.get("name", ""))[:100]
    wallet.label = wallet.label or clean(said.get("label", ""))[:100]
    wallet.note = wallet.note or clean(said.get("note", ""))[:500]
    wallet.assets += [
        each for each in _APART.split(said.get("assets", "")) if each not in ("", *wallet.assets)
    ]
    tags = (clean(each).lstrip(_UNDO) for each in _APART.split(said.get("tags", "")))
    for tag in (*wishes.tags, *tags):
        if tag and tag not in wallet.tags:
            wallet.tags.append(tag)


def _leave_out_known(found: WalletImport, settings: Settings) -> None:
    """Take out what the configuration watches already."""
    owners: dict[tuple[str, str], str] = {}
    for wallet in settings.wallets:
        for account in wallet.accounts if wallet.source == found.source else ():
            owners[address_key(account.address), canonical(account.chain)] = wallet.name
    chainless = not settings.sources[found.source].takes_chains
    kept = []
    for each in found.wallets:
        key = address_key(each.address)
        mine = {name for (address, _), name in owners.items() if address == key} if chainless else set()
        whole = next((owners[key, chain] for chain in SWEEPS if (key, chain) in owners), next(iter(mine), ""))
        known = {chain: owners.get((key, canonical(chain)), whole) for chain in each.chains}
        for chain in [chain for chain, owner in known.items() if owner]:
            line, _ = each.chains.pop(chain)
            found.leave_out(line, f"{each.address} on {chain} is watched already as '{known[chain]}'")
        if chainless and whole:
            found.leave_out(each.line, f"{each.address} is watched already as '{whole}'")
        elif each.chains or chainless:
            kept.append(each)
    found.wallets = kept


def _name(found: WalletImport, taken: set[str]) -> None:
    """Give each wallet a name that no other one has."""
    for wallet in found.wallets:
        short = f"{wallet.address[:6]}-{wallet.address[-4:]}"
        wanted = wallet.name or wallet.label or short
        ends = (
            "",
            f" {wallet.address[-4:]}",
            f" {short}",
            *(f" {short} {number}" for number in range(2, 10_000)),
        )
        wallet.name = next(name for end in ends if (name := wanted[: 100 - len(end)] + end) not in taken)
        taken.add(wallet.name)
        if wallet.name not in (wanted, short):
            wallet.label = wallet.label or wanted
        if wallet.label == wallet.name:
            wallet.label = ""


def _row(found: WalletImport, wallet: FoundWallet) -> dict[str, str]:
    return {
        "name": wallet.name,
        "source": found.source,
        "address": wallet.address,
        "chains": " ".join(wallet.chains),
        "assets": " ".join(wallet.assets),
        "tags": " ".join(wallet.tags),
        "label": wallet.label,
        "note": wallet.note,
    }


def _entry(found: WalletImport, wallet: FoundWallet) -> Node:
    def node(key: str, text: str) -> Node:
        return Node(wallet.line, wallet.cells.get(key, 0), text, text, NO_KEYS)

    chains = [Node(line, cell, chain, chain, NO_KEYS) for chain, (line, cell) in wallet.chains.items()]
    values = {
        **{key: node(key, text) for key, text in _row(found, wallet).items() if text},
        "chains": Node(wallet.line, wallet.cells.get("chains", 0), chains, "", NO_KEYS),
        "assets": Node(wallet.line, 0, [node("assets", each) for each in wallet.assets], "", NO_KEYS),
        "tags": Node(wallet.line, 0, [node("tags", each) for each in wallet.tags], "", NO_KEYS),
    }
    return Node(wallet.line, 0, values, "", NO_KEYS, file=found.path)
