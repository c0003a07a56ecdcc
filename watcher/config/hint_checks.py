"""Checks of `hints:` against the rest of the file: what it names is there, and whoever posts gets in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from watcher.config.document import Document, Loc
from watcher.config.wallets import WalletSettings
from watcher.config.web import WebSettings
from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import InputError, Problem
from watcher.domain.values.spelling import nearest
from watcher.sources.kind import SourceKind
from watcher.system.addresses import is_loopback

if TYPE_CHECKING:
    from watcher.hints.kind import HintKind


def covered(kind: HintKind, wallets: Iterable[WalletSettings]) -> tuple[Account, ...]:
    """The accounts that a hint source is listened to about, in the order of the file."""
    source = kind.only_source
    return tuple(
        account
        for wallet in wallets
        if wallet.hints and source in (None, wallet.source)
        for account in wallet.accounts
        if kind.covers(account)
    )


def check_hints(
    document: Document,
    hints: Mapping[str, HintKind],
    sources: Mapping[str, SourceKind],
    wallets: Sequence[WalletSettings],
    web: WebSettings | None,
) -> list[Problem]:
    """Report what hint sources name and is not there; return what is allowed and probably not meant."""
    warnings: list[Problem] = []
    for name, kind in hints.items():
        loc = ("hints", name)
        if kind.only_source is not None:
            _check_source(document, name, kind, kind.only_source)
        if not wallets or document.problems:
            continue  # what they cover is not known yet
        accounts = covered(kind, wallets)
        unwatched = list(_unwatched(document, loc, kind, wallets))
        warnings += unwatched
        if not accounts and not unwatched:
            what, remedy = f"hints {name}: they concern no wallet", "take this entry out, or add a wallet"
            warnings.append(Problem(document.place(loc, key=True), what, remedy))
        asked = sources.get(kind.only_source or "")
        limits = asked.build(str(kind.only_source), ()).allowance if asked is not None else Allowance()
        for said in kind.warnings(accounts, limits) if accounts else ():
            warnings.append(Problem(document.place(loc, key=True), f"hints {name}: {said.what}", said.remedy))
    warnings += _told_twice(document, hints)
    warnings += _out_of_reach(document, hints, web)
    return warnings


def check_builds(
    document: Document, hints: Mapping[str, HintKind], wallets: Sequence[WalletSettings]
) -> None:
    """Add the hint sources that cannot be built to the mistakes."""
    from watcher.hints.kind import HintContext
    from watcher.service.clock import SystemClock

    for name, kind in hints.items():
        if any(each.faulty for _, each in document.at(("hints", name)).children()):
            continue  # what is wrong with it, a secret that may not be read say, is told already
        try:
            kind.build(HintContext(name, covered(kind, wallets), SystemClock(), _NoApi()))
        except InputError as error:
            # Its words hold no secret. To take out what is hidden would take out whole words of the advice.
            loc = ("hints", name, *error.place)
            place, what = document.place(loc, key=not error.place), f"hints {name}: {error.what}"
            document.problems.append(Problem(place, what, error.remedy, way=document.way(loc)))


class _NoApi:
    """Access to no API, for hint sources that are built to see whether they can be."""

    async def call(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        cost: int = 0,
    ) -> bytes:
        raise NotImplementedError


def _check_source(document: Document, name: str, kind: HintKind, source: str) -> None:
    """The source whose API is asked is there, and of the kind that can be asked."""
    section = document.root.get("sources")
    kinds = {
        each: str(written.value) if (written := node.get("kind")) else ""
        for each, node in (section.children() if section is not None else ())
    }
    able = [str(each) for each, word in kinds.items() if kind.source_kind in ("", word)]
    loc = ("hints", name, "source")
    if source not in kinds:
        document.report(loc, f"there is no source '{source}'", nearest(source, able))
    elif source not in able:
        what = f"source '{source}' is of kind {kinds[source]}, and these hints come from one of kind"
        remedy = f"name one of them: {', '.join(able)}" if able else "there is none"
        document.report(loc, f"{what} {kind.source_kind}", remedy)


def _unwatched(
    document: Document, loc: tuple[str, ...], kind: HintKind, wallets: Sequence[WalletSettings]
) -> Iterator[Problem]:
    """Chains that are named, and that no wallet is on: their hints would come for nobody."""
    chains = {chain for wallet in wallets if wallet.hints for chain in wallet.account_chains}
    known = {canonical(chain) for chain in chains}
    for chain in () if known & SWEEPS else kind.named_chains:
        if canonical(chain) not in known:
            place = document.place(_where(document, loc, chain), key=False)
            yield Problem(place, f"hints {loc[-1]}: no wallet is on {chain}", nearest(chain, chains))


def _where(document: Document, loc: Loc, word: str) -> Loc:
    """The way to the first value that is `word`, in what stands at `loc`; `loc` itself if there is none."""
    for part, node in document.at(loc).children():
        below = (*loc, part)
        if node.value == word:
            return below
        if (found := _where(document, below, word)) != below:
            return found
    return loc


def _told_twice(document: Document, hints: Mapping[str, HintKind]) -> Iterator[Problem]:
    """Hint sources that hear the same: each hint comes twice, and nothing is safer for it."""
    first: dict[tuple[type, str], str] = {}
    for name, kind in hints.items():
        same = first.setdefault((type(kind), kind.destination), name)
        if kind.destination and same != name:
            what = f"hints {same} and {name} hear the same: each hint comes twice"
            yield Problem(document.place(("hints", name), key=True), what, "keep one of them")


def _out_of_reach(
    document: Document, hints: Mapping[str, HintKind], web: WebSettings | None
) -> Iterator[Problem]:
    """Hint sources that are posted to where nobody, or only this machine, can post."""
    node = document.root.get("web")
    off = node is not None and node.value is None
    for name, kind in hints.items():
        place = document.place(("hints", name), key=True)
        if kind.posted and off:
            remedy = "write 'web: {listen: \"127.0.0.1:8787\"}'"
            # Not by `report`: a word of the entry's secret that is in its name would hide the sentence.
            what = f"hints {name}: nobody can post to it without a web server"
            document.problems.append(Problem(place, what, remedy, way=document.way(("web",))))
        elif kind.from_afar and web is not None and is_loopback(web.host) and not web.proxies:
            what = f"hints {name}: who posts must reach the web server, and it listens on {web.host} only"
            remedy = "put a reverse proxy with TLS in front of it, and name that under web.proxies"
            yield Problem(place, what, remedy)
