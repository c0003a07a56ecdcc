"""Cross-checks: what sections of a configuration say of one another, and what is probably not meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from watcher.config.document import Document
from watcher.config.problems import checked, spelled
from watcher.config.wallets import WalletSettings
from watcher.domain.alerts.fallback import circles
from watcher.domain.model import SWEEPS, Wallet
from watcher.domain.readings.asset_policies import AssetEntry
from watcher.domain.values.chains import canonical
from watcher.domain.values.currencies import DOLLAR
from watcher.domain.values.errors import Problem
from watcher.domain.values.normalization import address_key, one_form
from watcher.domain.values.spelling import nearest
from watcher.notify.display import ChannelDisplay, DisplaySettings
from watcher.notify.kind import ChannelKind
from watcher.sources.kind import SourceKind

_SECRETS = frozenset({"api_key", "app_token", "link_key", "secret", "token", "url"})
_SHELL = re.compile(r"\$[A-Z][A-Z0-9_]*")


def read_assets(
    document: Document, wallets: Sequence[Wallet], sources: Collection[str]
) -> tuple[AssetEntry, ...]:
    """The sound entries; what is wrong with the others is reported in the document."""
    node = document.root.get("assets")
    if node is None or node.value is None:
        return ()
    if not isinstance(node.value, list):
        document.report(("assets",), "assets must be a list", "begin each entry with '- match: {assets: …}'")
        return ()
    names = {wallet.name for wallet in wallets}
    tags = {tag for wallet in wallets for tag in wallet.tags}
    found = []
    for index in range(len(node.value)):
        entry = checked(document, ("assets", index), AssetEntry)
        if entry is None:
            continue
        found.append(entry)
        for key, patterns, known in (
            ("wallets", entry.match.wallets, names),
            ("tags", entry.match.tags, tags),
            ("sources", entry.match.sources, sources),
        ):
            for number, pattern in enumerate(patterns):
                if not any(fnmatchcase(one_form(name), pattern) for name in known):
                    what = f"no {key.removesuffix('s')} is called '{pattern}'"
                    document.report(("assets", index, "match", key, number), what, nearest(pattern, known))
    return tuple(found)


def check_fallbacks(document: Document, channels: Mapping[str, ChannelKind]) -> None:
    """Report fallbacks that are no channel, or that lead back to where they come from."""
    written = {name: kind.fallback for name, kind in channels.items() if kind.fallback is not None}
    section = document.root.get("channels")
    known = set(section.plain_keys()) if section is not None else set()
    for name, fallback in written.items():
        place = ("channels", name, "fallback")
        if fallback not in known:
            document.report(place, f"there is no channel '{fallback}'", nearest(fallback, known - {name}))
    for name in circles(written):
        remedy = "name a channel that does not fall back on this one"
        document.report(("channels", name, "fallback"), "the fallback leads back to this channel", remedy)


def check_rates(
    document: Document,
    display: DisplaySettings,
    channels: Mapping[str, ChannelKind],
    sources: Mapping[str, SourceKind],
) -> Iterator[Problem]:
    """Report a source of rates that is none; return what leaves dollars alone, or rates unused."""
    section = document.root.get("display")  # which may have a mistake elsewhere as well
    node = section.get("rates") if section is not None else None
    name = node.value if node is not None and isinstance(node.value, str) else None
    if name is not None:
        offering = [each for each, kind in sources.items() if kind.tells_rates]
        there = document.root.get("sources")
        if name not in (there.plain_keys() if there is not None else ()):
            document.report(("display", "rates"), f"there is no source '{name}'", nearest(name, offering))
        elif name in sources and name not in offering:
            remedy = f"write '{offering[0]}', or the rates themselves" if offering else "write the rates"
            document.report(("display", "rates"), f"source '{name}' tells no exchange rates", remedy)
    shown: dict[tuple[str, ...], ChannelDisplay | None] = {("display",): display}
    shown |= {("channels", name, "display"): kind.display for name, kind in channels.items()}
    codes = {loc: each.currency for loc, each in shown.items() if each is not None}
    codes = {loc: code for loc, code in codes.items() if code not in (None, DOLLAR)}
    if name is not None and not codes:
        what = f"display.rates: no currency is shown, so source '{name}' is not asked for rates"
        yield Problem(document.place(("display", "rates")), what, "add 'currency: …'")
    known = display.written.per_dollar if display.written is not None else {}
    for loc, code in codes.items() if name is None else ():
        if code not in known:
            what = f"there is no rate of {code}: only US dollars will be shown"
            remedy = f"add 'rates: {{{code}: …}}' and 'rates_of: …' under 'display:'"
            yield Problem(document.place((*loc, "currency")), what, remedy)


def check_channels(document: Document, channels: Mapping[str, ChannelKind]) -> list[Problem]:
    """Report fallbacks that lead nowhere; return what is allowed and probably not meant."""
    check_fallbacks(document, channels)
    return [
        Problem(document.place(("channels", name, key)), f"channel {name}: '{key}' {what}", remedy)
        for name, kind in channels.items()
        for key, what, remedy in kind.doubts
    ]


def check_twice(
    document: Document, sources: Mapping[str, SourceKind], wallets: Sequence[WalletSettings]
) -> list[Problem]:
    """Report keys that two sources share; return what is allowed and probably not meant."""
    return [
        *_shared_keys(document, sources),
        *_counted_twice(document, wallets),
        *_misspelt(document, sources, wallets),
        *_unexpanded(document),
    ]


def _unexpanded(document: Document) -> Iterator[Problem]:
    """`$NAME`, as shells have it, in place of a secret: it would be sent as the key. It is not shown."""
    waiting: list[tuple[str | int, ...]] = [("sources",), ("channels",), ("heartbeat",), ("web",), ("hints",)]
    for loc in waiting:
        node = document.at(loc)
        if loc[0] not in document.root.plain_keys():
            continue
        waiting += [(*loc, part) for part, _ in node.children()]
        secret = loc[-1] in _SECRETS or loc[0] == "hints"
        if secret and isinstance(node.value, str) and _SHELL.fullmatch(node.text):
            what = f"{spelled(document, loc)} is taken as it stands, '$' and all"
            yield Problem(document.place(loc), what, "write ${…} around the name of a variable")


def _misspelt(
    document: Document, sources: Mapping[str, SourceKind], wallets: Sequence[WalletSettings]
) -> Iterator[Problem]:
    """Addresses that no wallet can have on its chain: their source would be paid to find nothing."""
    for index, wallet in enumerate(wallets):
        source = sources.get(wallet.source)
        said = source.address_warning(wallet.watched) if source is not None else None
        if said:
            place = document.place(("wallets", index, "address"))
            yield Problem(place, f"wallet {wallet.name}: {said.what}", said.remedy)


def _shared_keys(document: Document, sources: Mapping[str, SourceKind]) -> Iterator[Problem]:
    """Limits are the key's: two sources that share one would each spend all of it."""
    first: dict[tuple[type[SourceKind], str], str] = {}
    for name, source in sources.items():
        key = source.access_key()
        owner = first.setdefault((type(source), key), name)
        if not key or owner == name:
            continue
        what = f"'{name}' and '{owner}' have the same key, and limits belong to the key"
        if source.sells_credits:
            document.report(("sources", name), what, f"put the wallets of '{name}' under '{owner}'", key=True)
        elif not (source.states_limits and sources[owner].states_limits):
            place = document.place(("sources", name), key=True)
            yield Problem(place, what, "give each of them its share of the calls in 'limits:'")


def _counted_twice(document: Document, wallets: Sequence[WalletSettings]) -> Iterator[Problem]:
    """Wallets whose accounts hold the same money: a sum over both is too large, and both are paid for."""
    places: dict[str, list[tuple[int, str]]] = {}
    for index, wallet in enumerate(wallets):
        if wallet.account_chains and not wallet.assets:  # those with assets name what they hold
            places.setdefault(address_key(wallet.account_address), []).append((index, wallet.name))
    for shared in places.values():
        held: dict[str, str] = {}
        for index, name in shared if len(shared) > 1 else ():
            chains = [canonical(chain) for chain in wallets[index].account_chains]
            twice = {chain: other for chain in chains if (other := _same_money(chain, held))}
            held.update((chain, name) for chain in chains if chain not in twice)
            for chain, other in list(twice.items())[:1]:
                yield Problem(
                    document.place(("wallets", index)),
                    f"'{name}' and '{other}' are the same address, and the same money on {chain}",
                    "a sum over both counts it twice, and each is paid for; keep one of them",
                )
            held.update((chain, name) for chain in chains if chain in SWEEPS)


def _same_money(chain: str, held: Mapping[str, str]) -> str | None:
    """The wallet that holds the same already; `all` holds what any chain does."""
    if chain in SWEEPS:
        return next(iter(held.values()), None)
    return held.get(chain) or next((held[each] for each in SWEEPS if each in held), None)
