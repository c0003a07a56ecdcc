"""Lines of a message: of all its facts those that a telephone has room for, what matters most first. Pure.

The page and the store keep every fact. Here nothing is said twice: what the title says is left out, what
belongs together stands in one line, and where it is stands with the ids at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from watcher.domain.messages.message import Message
from watcher.domain.messages.presentation import Display, Ways
from watcher.domain.values.decimals import minus
from watcher.domain.values.durations import span
from watcher.domain.values.formatting import money, signed

SECOND = timedelta(seconds=1)

Lines = tuple[tuple[str, str], ...]

_PLACE = frozenset({"Wallet", "Chain", "Address", "Asset", "Tag", "Selection", "Subject"})
_FIRST = ("Moved", "Amount", "Value", "Because", "When")
_JOINED = frozenset({"Before", "After", "Since", "Read", "Resolved", "Withdrawn"})
"""What stands in a line with something else."""

_LONG = 24
"""Characters of a token's name from which on its ends are enough: it tells two tokens of one symbol apart."""


def lines_of(message: Message, display: Display) -> Lines:
    """The lines of a message: amount and reason first, then when, then the rest."""
    facts: dict[str, str] = {}
    more: list[tuple[str, str]] = []
    for label, value in message.facts:
        if label in _PLACE:
            continue
        if label in facts or label not in (*_FIRST, *_JOINED):
            more.append((label, value))
        else:
            facts[label] = value
    if not all(label in facts for label in ("Moved", "Before", "After")):
        more = [(label, facts.pop(label)) for label in ("Before", "After") if label in facts] + more
    found = {
        "Moved": _moved(facts, message),
        "Amount": _unsaid(facts.get("Amount", ""), message),
        "Value": _value(facts.get("Value", ""), message, display),
        "Because": _unsaid(facts.get("Because", ""), message),
        "When": _when(facts, message),
    }
    return (*((label, text) for label, text in found.items() if text), *more)


def place_of(message: Message, ways: Ways) -> str:
    """Where it is: wallet and asset if the title does not name them, chain, address. Of an address to which
    a link leads the ends are enough."""
    facts, seen = dict(message.facts), message.particulars
    asset = facts.get("Asset", "")
    if seen.symbol and seen.asset:
        known = seen.asset.lower() == seen.symbol.lower() or len(seen.asset) < _LONG
        asset = seen.symbol if known else f"{seen.symbol} ({_ends(seen.asset)})"
    chain = facts.get("Chain", seen.chain)
    what = f"{asset} on {chain}" if asset and chain else asset or chain
    about = [facts.get(label, "") for label in ("Wallet", "Tag", "Selection", "Subject")]
    parts = [*(each for each in about if each and not says(message.title, each)), what]
    address = facts.get("Address", "")
    linked = address and any(address in url for url in ways.explorers.values())
    parts.append(_ends(address) if linked else address)
    return ", ".join(part for part in parts if part)


def _ends(token: str) -> str:
    return f"{token[:6]}…{token[-4:]}"


def _unsaid(text: str, message: Message) -> str:
    """A text, unless the title says the same."""
    return "" if text and says(message.title, text) else text


def says(title: str, text: str) -> bool:
    """Whether a title says a text, and not a longer word that it is a part of."""
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", title) is not None


def _moved(facts: Mapping[str, str], message: Message) -> str:
    """`−25,500 USDC (−5.54 %): 459,942.67 → 434,442.67 USDC`."""
    moved, before, after = (facts.get(label, "") for label in ("Moved", "Before", "After"))
    if not before:
        return _unsaid(moved, message)
    symbol = message.particulars.symbol
    way = f"{before.removesuffix(f' {symbol}') if symbol else before} → {after}"
    much, _, share = moved.partition(" (")
    said = says(message.title, much) and says(message.title, share.rstrip(")"))
    return way if said else f"{moved}: {way}"


def _value(text: str, message: Message, display: Display) -> str:
    """The worth in dollars, and right beside what it is of, never beside a price, in the other currency."""
    if not text:
        return ""
    seen = message.particulars
    before, after = seen.value_before, seen.value_after
    if after is None:
        return text
    delta = minus(after, before) if before is not None else None
    beside = display.beside(after if delta is None else delta)
    if not beside:
        return text
    if delta is None:
        dollars, other = money(after), beside
    else:
        dollars, other = signed(money(delta), delta), signed(beside, delta)
    head, found, rest = text.rpartition(f": {dollars}") if delta is not None else text.partition(dollars)
    return f"{head}{found} ({other}){rest}" if found else f"{text} ({other})"


def _when(facts: Mapping[str, str], message: Message) -> str:
    """When it happened; of what is over, how long it lasted; else since when it is so."""
    since, when = facts.get("Since", ""), facts.get("When", "")
    over = facts.get("Resolved") or facts.get("Withdrawn") or ""
    began = message.particulars.since
    if over and since:
        lasted = f", {span((message.at - began) // SECOND)}" if began and began <= message.at else ""
        return f"from {since} to {over}{lasted}"
    if when and since and began is not None and began < message.at:
        return f"{when}; so since {since}"
    if since and not when:
        # A reason that says since when something is so began earlier: only later is it an alert.
        return f"alert since {since}" if says(message.title, "since") else f"since {since}"
    return when or facts.get("Read", over)
