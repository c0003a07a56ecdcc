"""The wallets of a configuration: each one sound, and all of them together."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate, chain, islice, repeat
from typing import NamedTuple, overload

from pydantic import ValidationError

from watcher.config.document import Document, Node
from watcher.config.models import Cron, WalletEntry
from watcher.config.problems import checked
from watcher.domain.model import Account, Asset, Wallet
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import InputError
from watcher.domain.values.normalization import address_key
from watcher.domain.values.spelling import nearest
from watcher.sources.kind import Discovery, OnChains, SourceKind, WatchedWallet

DISCOVER = {"daily": timedelta(days=1), "weekly": timedelta(days=7), "monthly": timedelta(days=30)}


class WalletSettings(Wallet, frozen=True, kw_only=True):
    """Wallet with the accounts that it stands for, and when they are polled.

    Not a model: there may be ten thousand, and a model is eight times as large.
    """

    chains: tuple[str, ...]
    assets: tuple[str, ...]
    every: str | timedelta | Cron
    at_least_every: timedelta | None
    discover: str | None
    weight: float
    hints: bool
    account_address: str
    """The address as its accounts have it."""
    account_chains: tuple[str, ...]
    """The chain of each of its accounts; none if the wallet is not sound."""
    label: str = ""
    """What people read beside the name; one line."""
    note: str = ""
    """What they should know of it; lines apart by newlines."""

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Made anew each time: kept they are 100 bytes each, and a wallet may be on a hundred chains."""
        places = zip(repeat(self.source), self.account_chains, repeat(self.account_address), strict=False)
        return tuple(map(Account._make, places))

    @property
    def discover_every(self) -> timedelta | None:
        return DISCOVER[self.discover] if self.discover is not None else None

    @property
    def watched(self) -> WatchedWallet:
        """The wallet as its source wants it."""
        return WatchedWallet(self.name, self.address, self.chains, self.assets)


class AccountsOf(Sequence[Account]):
    """Accounts of wallets, in their order. Each is made when it is asked for: there may be a million."""

    __slots__ = ("_ends", "_found", "wallets")

    def __init__(self, wallets: Iterable[WalletSettings]) -> None:
        self.wallets = tuple(wallets)
        self._ends = tuple(accumulate(len(each.account_chains) for each in self.wallets))
        self._found: WalletsByAccount | None = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Account]:
        for wallet in self.wallets:
            yield from wallet.accounts

    def __contains__(self, account: object) -> bool:
        if self._found is None:
            self._found = WalletsByAccount(self.wallets)
        return account in self._found

    @overload
    def __getitem__(self, place: int) -> Account: ...
    @overload
    def __getitem__(self, place: slice) -> list[Account]: ...
    def __getitem__(self, place: int | slice) -> Account | list[Account]:
        chosen = range(len(self))[place]
        if isinstance(chosen, int):
            return self._of(range(chosen, chosen + 1))[0]
        return self._of(chosen) if chosen.step > 0 else self._of(chosen[::-1])[::-1]

    def _of(self, places: range) -> list[Account]:
        first, last = bisect_right(self._ends, places.start), bisect_left(self._ends, places.stop)
        before = self._ends[first - 1] if first else 0
        there = (account for wallet in self.wallets[first : last + 1] for account in wallet.accounts)
        return list(islice(there, places.start - before, places.stop - before, places.step))


class WalletsByAccount(Mapping[Account, WalletSettings]):
    """The wallet of each account, in the order of the file. A million accounts take what their wallets do."""

    __slots__ = ("_at", "_wallets")

    def __init__(self, wallets: Iterable[WalletSettings]) -> None:
        self._wallets = tuple(wallets)
        self._at: dict[str, list[tuple[frozenset[str], WalletSettings]]] = {}
        for wallet in self._wallets:
            at = self._at.setdefault(wallet.account_address, [])
            at.append((_as_set(wallet.account_chains), wallet))

    def __getitem__(self, account: Account) -> WalletSettings:
        known = self._at.get(account.address, ()) if isinstance(account, Account) else ()
        for chains, wallet in known:
            if account.chain in chains and account.source == wallet.source:
                return wallet
        raise KeyError(account)

    def __len__(self) -> int:
        return sum(len(wallet.account_chains) for wallet in self._wallets)

    def __iter__(self) -> Iterator[Account]:
        for wallet in self._wallets:
            yield from wallet.accounts

    def values(self) -> ValuesView[WalletSettings]:
        return _Values(self)

    def items(self) -> ItemsView[Account, WalletSettings]:
        return _Items(self)

    def each(self) -> Iterator[tuple[Account, WalletSettings]]:
        return ((account, wallet) for wallet in self._wallets for account in wallet.accounts)

    def by_account(self) -> Iterator[WalletSettings]:
        """The wallet of each account: no account is made for it."""
        return chain.from_iterable(repeat(each, len(each.account_chains)) for each in self._wallets)


@lru_cache(maxsize=1024)
def _as_set(chains: tuple[str, ...]) -> frozenset[str]:
    """Many wallets are on the same chains."""
    return frozenset(chains)


class _Values(ValuesView[WalletSettings]):
    _mapping: WalletsByAccount

    def __iter__(self) -> Iterator[WalletSettings]:
        return self._mapping.by_account()


class _Items(ItemsView[Account, WalletSettings]):
    _mapping: WalletsByAccount

    def __iter__(self) -> Iterator[tuple[Account, WalletSettings]]:
        return self._mapping.each()


def discovery_of(wallet: WalletSettings, sources: Mapping[str, SourceKind]) -> Discovery | None:
    """What `discover` asks for, or would: another wallet of the same address may ask for it."""
    try:
        return sources[wallet.source].discovery(wallet.source, wallet.watched)
    except ValueError:
        return None


def read_wallets(document: Document, sources: Mapping[str, SourceKind]) -> tuple[WalletSettings, ...]:
    """The sound wallets with their accounts; what is wrong with the others is reported in the document."""
    node = document.root.get("wallets")
    if node is None or not node.value:
        if document.whole:
            document.report(("wallets",), "there are no wallets", "add 'wallets:' with what to watch")
        return ()
    if not isinstance(node.value, list):
        remedy = "begin each wallet with '- name: …', or name a file of them: [wallets.csv]"
        document.report(("wallets",), "wallets must be a list", remedy)
        return ()
    found: list[WalletSettings] = []
    names: dict[str, int] = {}
    """Name → index of the first wallet that has it."""
    owners: dict[tuple[str, str], list[_Owner]] = {}
    """Source and address → the wallets that have it, the first one first."""
    for index, item in enumerate(node.value):
        entry = _entry(document, index, item)
        if entry is None or entry.source not in sources:
            _name_source(document, index)
        if entry is None:
            continue
        if entry.name in names:
            first = _where(document, names[entry.name], index)
            what = f"two wallets are named '{entry.name}' (first {first})"
            document.report(("wallets", index, "name"), what, "give each wallet a name of its own")
        names.setdefault(entry.name, index)
        wallet = _watched(entry)
        accounts = _accounts(document, index, item, entry, wallet, sources.get(entry.source))
        settled = _settled(entry, wallet, accounts, sources.get(entry.source))
        _report_shared(document, index, settled, owners)
        if entry.discover is not None and entry.source in sources:
            _check_discovery(document, index, entry, wallet, sources[entry.source])
        found.append(settled)
    return tuple(found)


class _Owner(NamedTuple):
    """A wallet of an address."""

    name: str
    place: int
    """Where it stands in the list."""
    chains: frozenset[str]
    """Its chains, by their one spelling."""


def _report_shared(
    document: Document,
    index: int,
    wallet: WalletSettings,
    owners: dict[tuple[str, str], list[_Owner]],
) -> None:
    """Accounts that another wallet has already: they would be paid for twice, and counted twice."""
    if not wallet.account_chains:
        return
    before = owners.setdefault((wallet.source, address_key(wallet.account_address)), [])
    for account in wallet.accounts if before else ():
        chain = canonical(account.chain)
        owner = next((each for each in before if chain in each.chains), None)
        if owner is not None and owner.name != wallet.name:
            there = _where(document, owner.place, index)
            other = f"'{owner.name}' ({there})" if there.startswith("at ") else f"'{owner.name}'"
            what = f"'{wallet.name}' and {other} are the same account on {account.chain}"
            document.report(("wallets", index), what, "keep one of them, or join their tags")
    before.append(_Owner(wallet.name, index, _spelled(wallet.account_chains)))


@lru_cache(maxsize=1024)
def _spelled(chains: tuple[str, ...]) -> frozenset[str]:
    """Chains by their one spelling; many wallets are on the same ones."""
    return frozenset(map(canonical, chains))


def _where(document: Document, index: int, beside: int) -> str:
    """Where a wallet stands, as one says it beside another one."""
    place = document.place(("wallets", index, "name"))
    same = place.file == document.place(("wallets", beside)).file
    return f"in line {place.line}" if same else f"at {place}"


def _entry(document: Document, index: int, node: Node) -> WalletEntry | None:
    try:
        return WalletEntry.model_validate(node.plain())
    except ValidationError:
        return checked(document, ("wallets", index), WalletEntry)  # says what is wrong with it


def _watched(entry: WalletEntry) -> WatchedWallet:
    """The wallet as its source wants it, with texts of its own.

    Those of the file lie scattered among what is thrown away with its tree, and would keep those
    pages in memory: 20 MiB of 10,000 wallets.
    """
    return WatchedWallet(_copied(entry.name), _copied(entry.address), entry.chains, entry.assets)


def _copied(text: str) -> str:
    return text[:1] + text[1:]


def _settled(
    entry: WalletEntry, watched: WatchedWallet, accounts: Sequence[Account], source: SourceKind | None
) -> WalletSettings:
    # A million accounts need not be made to know their chains.
    chains = accounts.chains if isinstance(accounts, OnChains) else tuple(each.chain for each in accounts)
    asked, units = None, ""
    if source is not None and accounts:  # else the wallet is not sound
        asked = source.asked(watched)
        units = _units(entry.source) if source.states_units else ""
    return WalletSettings(
        name=watched.name,
        source=entry.source,
        address=watched.address,
        tags=entry.tags,
        asked=_same_assets(asked) if asked is not None else None,
        units=units,
        promise=entry.every if isinstance(entry.every, timedelta) else entry.at_least_every,
        chains=_once(entry.chains),
        assets=_once(entry.assets),
        every=entry.every,
        at_least_every=entry.at_least_every,
        discover=entry.discover,
        weight=entry.weight,
        hints=entry.hints,
        account_address=accounts[0].address if accounts else watched.address,
        account_chains=_once(chains),
        label=_copied(entry.label),
        note=_copied(entry.note),
    )


@lru_cache(maxsize=64)
def _units(source: str) -> str:
    return f"sources.{source}.units"


@lru_cache(maxsize=1024)
def _same_assets(assets: tuple[Asset, ...]) -> tuple[Asset, ...]:
    """Many wallets are asked for the same assets."""
    return assets


@lru_cache(maxsize=1024)
def _once(words: tuple[str, ...]) -> tuple[str, ...]:
    """Many wallets are on the same chains, or hold the same assets."""
    return words


def _name_source(document: Document, index: int) -> None:
    """A source that does not exist is told even when the wallet has other mistakes."""
    node = document.at(("wallets", index)).get("source")
    section = document.root.get("sources")
    known = section.plain_keys() if section else []
    if node is not None and isinstance(node.value, str) and not node.faulty and node.value not in known:
        what = f"there is no source '{node.text}'"
        document.report(("wallets", index, "source"), what, nearest(node.value, known))


def _accounts(
    document: Document,
    index: int,
    node: Node,
    entry: WalletEntry,
    wallet: WatchedWallet,
    source: SourceKind | None,
) -> Sequence[Account]:
    if source is None or (document.problems and any(each.faulty for _, each in node.children())):
        return ()
    try:
        return source.accounts(entry.source, wallet)
    except InputError as error:
        document.report_error(("wallets", index), error)
        return ()


def _check_discovery(
    document: Document, index: int, entry: WalletEntry, wallet: WatchedWallet, source: SourceKind
) -> None:
    loc = ("wallets", index, "discover")
    try:
        if source.discovery(entry.source, wallet) is None:
            document.report(loc, f"the source '{entry.source}' has one chain only", "leave discover out")
    except InputError as error:
        document.report_error(loc, error)
