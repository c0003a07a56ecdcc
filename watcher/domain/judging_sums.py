"""Judge rules over sums: those to which this decision brings news, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from watcher.domain.display import amount, money, plain
from watcher.domain.exact import times, total
from watcher.domain.knowledge import Learned
from watcher.domain.message import Whole
from watcher.domain.parts import View
from watcher.domain.summing import Sums
from watcher.domain.sums import Sum, Summed

SHOWN = 5
"""Parts that a message lists."""


def news(sums: Sums, view: View, read: Sequence[Learned]) -> Iterable[Summed]:
    """The subjects of which at least one part was read; a reading that does not speak of it is no news."""
    found: dict[int, Summed] = {}
    for learned in read:
        account = learned.state.account
        for each in sums.of(account):
            chains = each.part(account, view).chains
            if not chains or not learned.chains.isdisjoint(chains):
                found.update((id(summed), summed) for summed in each.concerns)
    return found.values()


def whole(summed: Summed) -> Whole:
    """What a message about this subject says first."""
    accounts = sum(len(each.accounts) for each in summed.sums)
    return Whole(summed.subject.label, summed.subject.wallet, summed.subject.key, accounts)


def facts(summed: Summed, view: View) -> list[tuple[str, str]]:
    """What the sums come to, and the largest parts of them."""
    found: list[tuple[str, str]] = []
    for each in summed.sums:
        side, chosen = each.total(view), each.selection.side
        if side.amount is not None and chosen.amounts:
            found.append(("Amount", f"{amount(side.amount)} {side.symbol}".rstrip()))
        if side.value is not None:
            found.append(("Value", money(side.value)))
        if side.amount is None and side.value is None:
            found.append(("Sum", f"not known: {side.why_no_amount}"))
            continue
        found += _parts(each, view, side.symbol, valued=side.value is not None)
    return found


def values(summed: Summed, view: View) -> dict[str, str]:
    """The variables of templates that a sum gives: those of its first side."""
    first = summed.sums[0].total(view)
    found = {"symbol": first.symbol}
    if first.amount is not None and summed.sums[0].selection.side.amounts:
        found["amount"] = plain(first.amount)
    if first.value is not None:
        found["value"] = money(first.value)
    return found


def _parts(each: Sum, view: View, symbol: str, *, valued: bool) -> list[tuple[str, str]]:
    sizes: list[tuple[Decimal, str]] = []
    for account in each.accounts:
        part = each.part(account, view)
        if valued:
            priced = ((held, view.price(asset)) for asset, held in part.amounts.items())
            size = total(times(held, price) for held, price in priced if price is not None)
        else:
            size = total(part.amounts.values())
        sizes.append((size, f"{each.selection.wallets[account].name} on {account.chain}"))
    sizes.sort(key=lambda pair: pair[0], reverse=True)
    lines = [("Part", f"{where}: {money(size) if valued else f'{amount(size)} {symbol}'.rstrip()}")
             for size, where in sizes[:SHOWN]]  # fmt: skip
    if len(sizes) > SHOWN:
        rest = total(size for size, _ in sizes[SHOWN:])
        text = money(rest) if valued else f"{amount(rest)} {symbol}".rstrip()
        lines.append(("Part", f"{len(sizes) - SHOWN} more accounts: {text}"))
    return lines
