"""Page of the chains: ids of CoinStats that are known, with how an address looks there and who shows it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from watcher.domain.model import SWEEPS
from watcher.domain.values import addresses
from watcher.domain.values.chain_names import chain_name
from watcher.domain.values.chains import EVM, canonical
from watcher.domain.values.explorers import SHIPPED, name_of
from watcher.sources.coinstats import chains as ids

_FORMS = {
    "_cash": "CashAddr, or `1…`, `3…`",
    "_kaspa": "`kaspa:…`",
    "_solana": "32 bytes in base 58",
    "_move": "`0x` and up to 64 hexadecimal digits",
    "_ton": "`EQ…`, `UQ…`, or `0:` and hexadecimal digits",
    "_substrate": "SS58",
    "_tron": "`T…`",
    "_ripple": "`r…`",
    "_stellar": "`G…`",
    "_algorand": "58 letters and digits",
    "_swept": "`0x` and 40 hexadecimal digits",
}
"""By the check of `addresses` what an address looks like."""


def chains() -> str:
    """A row a chain; of two ids of one chain the one to write."""
    return "\n".join(
        ("| id | chain | addresses | also called | explorer |", "|---|---|---|---|---|", *_rows())
    )


def _rows() -> Iterator[str]:
    spelt: dict[str, list[str]] = {}
    for each in sorted(ids.KNOWN - SWEEPS):
        spelt.setdefault(canonical(each), []).append(each)
    for name, known in spelt.items():
        *others, own = known
        called = [word for names in (ids._SHORT, ids._CALLED) for word, each in names.items() if each == own]
        also = ", ".join(f"`{each}`" for each in dict.fromkeys((*others, *called)))
        shown = name_of(SHIPPED[name]) if name in SHIPPED else ""
        yield f"| `{own}` | {chain_name(own)} | {form(name)} | {also} | {shown} |"


def form(name: str) -> str:
    """How an address looks on a chain, by its one spelling; empty if it is not checked."""
    if name in EVM:
        return _FORMS["_swept"]
    if name in addresses._PREFIXES:
        return f"`{addresses._PREFIXES[name]}1…`"
    check = addresses._CHECKS.get(name)
    if isinstance(check, partial):
        segwit, first = check.keywords.get("segwit"), check.keywords["first"]
        begins = [f"{segwit}1"] * bool(segwit) + (first.split() if " " in first else list(first))
        return ", ".join(f"`{each}…`" for each in begins)
    return _FORMS[check.__name__] if check is not None else ""
