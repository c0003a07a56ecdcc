"""From the bytes of a CoinStats balance answer to one reading or miss for each account asked.

Shape of the answer (CoinStats docs): a list of groups `{blockchain, address, connectionId,
balances: [coin]}`. The schema calls most fields required; answers leave them out all the same.
Amounts go from the wire's digits into `Decimal`, never through a float.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from watcher.domain.chains import canonical
from watcher.domain.model import EMPTY, SWEEPS, Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.sources._coinstats_names import Known, Names, is_token, tidy
from watcher.sources._coinstats_wire import Group, Row, decode_groups
from watcher.sources._common import fold_evm

_TINY = Decimal("1e-60")
_HUGE = Decimal("1e60")
_ZERO = Decimal(0)


class _Part:
    """What one group says, before it is known to whom it belongs."""

    __slots__ = ("amounts", "complete", "notes", "prices", "symbols", "unclear")

    def __init__(self) -> None:
        self.amounts: dict[Asset, Decimal] = {}
        self.prices: dict[Asset, Decimal] = {}
        self.symbols: dict[Asset, str] = {}
        self.unclear: Mapping[Asset, str] = EMPTY
        self.notes: tuple[str, ...] = ()
        self.complete = True


def read_answer(data: bytes, accounts: Sequence[Account], names: Names) -> list[Outcome]:
    """One outcome for each account, in the order asked. UnusableAnswerError if nothing can be read."""
    return read_groups(decode_groups(data), accounts, names)


def read_groups(groups: list[Group | None], accounts: Sequence[Account], names: Names) -> list[Outcome]:
    """One outcome for each account out of decoded groups."""
    if accounts and accounts[0].chain in SWEEPS:
        return _read_sweeps(groups, accounts, names)
    return _read_named(groups, accounts, names)


def _address(group: Group, only: str | None) -> str | None:
    """Whose group it is; a group without an address belongs to the only one that was asked for."""
    return fold_evm(group.address) if group.address else only


def _only_address(accounts: Sequence[Account]) -> str | None:
    addresses = {account.address for account in accounts}
    return addresses.pop() if len(addresses) == 1 else None


def _read_named(groups: Iterable[Group | None], accounts: Sequence[Account], names: Names) -> list[Outcome]:
    wanted: dict[tuple[str, str], list[Account]] = {}
    direct: dict[tuple[str | None, str | None], list[Account]] = {}
    for account in accounts:
        asked = wanted.setdefault((account.address, canonical(account.chain)), [])
        asked.append(account)
        direct[account.address, account.chain] = asked
    only = _only_address(accounts)
    outcomes: dict[Account, Outcome] = {}
    strangers: list[str] = []
    for group in groups:
        if group is not None and group.blockchain == group.connection_id:
            found = direct.get((group.address, group.connection_id))  # nearly always as it was asked
        else:
            found = None
        if found is None and group is not None:
            found = _asked_for(group, only, wanted)
        if group is None or found is None:
            strangers.append(_label(group))
            continue
        for account in found:
            outcome = _outcome(account, group, names)
            before = outcomes.get(account)
            outcomes[account] = outcome if before is None else _agree(before, outcome)
    detail = "the answer does not mention it"
    if strangers:
        detail += f", but {_list(strangers)}"
    result = [outcomes.get(account) or Miss(account, MissReason.OMITTED, detail) for account in accounts]
    return _noted(result, strangers)


def _asked_for(
    group: Group, only: str | None, wanted: dict[tuple[str, str], list[Account]]
) -> list[Account] | None:
    """The accounts that a group answers: `connectionId` says what was asked, `blockchain` the network."""
    address = _address(group, only)
    if address is None:
        return None
    asked = wanted.get((address, canonical(group.connection_id))) if group.connection_id else None
    if group.blockchain is None or group.blockchain == group.connection_id:
        return asked
    network = wanted.get((address, canonical(group.blockchain)))
    if asked is None:
        return network
    # A group that names two chains, both asked for, could be either.
    return asked if network is None or network is asked else None


def _outcome(account: Account, group: Group, names: Names) -> Outcome:
    if group.balances is None:
        return Miss(account, MissReason.UNREADABLE, "its balances are not a list")
    chain = account.chain
    part = _read_rows(group.balances, chain, names, names.last.get(account))
    names.last[account] = part.amounts
    return Reading(
        account,
        part.amounts,
        part.prices,
        part.symbols,
        names.complete(chain) if part.complete else frozenset(),
        part.unclear,
        part.notes,
    )


def _agree(before: Outcome, now: Outcome) -> Outcome:
    """Two groups for one account are fine only if they say the same."""
    if isinstance(before, Miss) or isinstance(now, Miss):
        same = False
    else:
        same = before.amounts == now.amounts and before.unclear == now.unclear and before.chains == now.chains
    return before if same else Miss(now.account, MissReason.UNREADABLE, "it came twice, and not the same")


def _read_sweeps(groups: Iterable[Group | None], accounts: Sequence[Account], names: Names) -> list[Outcome]:
    only = _only_address(accounts)
    found: dict[str, list[Group]] = {account.address: [] for account in accounts}
    strangers: list[str] = []
    for group in groups:
        address = None if group is None else _address(group, only)
        if group is None or address not in found:
            strangers.append(_label(group))
        else:
            found[address].append(group)
    detail = "the answer does not mention it"
    if strangers:
        detail += f", but {_list(strangers)}"
    result: list[Outcome] = []
    for account in accounts:
        mine = found[account.address]
        omitted = Miss(account, MissReason.OMITTED, detail)
        result.append(_read_sweep(account, mine, names) if mine else omitted)
    return _noted(result, strangers)


def _read_sweep(account: Account, groups: Sequence[Group], names: Names) -> Outcome:
    parts: dict[str, _Part] = {}
    refused: set[str] = set()
    notes: list[str] = []
    for chain, rows in _by_chain(groups, notes):
        if rows is None:
            refused.add(chain)
            notes.append(f"{chain}: its balances are not a list")
            continue
        part = _read_rows(rows, chain, names)
        before = parts.setdefault(chain, part)
        if before.amounts != part.amounts or before.unclear != part.unclear:
            refused.add(chain)
            notes.append(f"{chain}: it came twice, and not the same")
    whole = _Part()
    unclear: dict[Asset, str] = {}
    chains: set[str] = set()
    for chain, part in parts.items():
        if chain in refused:
            continue
        if part.complete:
            chains.add(chain)
        whole.amounts.update(part.amounts)
        whole.prices.update(part.prices)
        whole.symbols.update(part.symbols)
        unclear.update(part.unclear)
        notes += (f"{chain}: {note}" for note in part.notes)
    if not chains and not whole.amounts and not unclear:
        return Miss(account, MissReason.UNREADABLE, _list(notes) or "no chain of it could be read")
    return Reading(
        account,
        whole.amounts,
        whole.prices,
        whole.symbols,
        frozenset(chains),
        unclear,
        tuple(notes),
    )


def _by_chain(groups: Sequence[Group], notes: list[str]) -> Iterable[tuple[str, Sequence[Row | None] | None]]:
    """Each chain with its rows. A group that does not name its chain is split by its rows' own."""
    for group in groups:
        chain = next((c for c in (group.blockchain, group.connection_id) if c and c not in SWEEPS), None)
        if chain is not None:
            yield canonical(chain), group.balances
            continue
        split: dict[str, list[Row | None]] = {}
        for row in group.balances or ():
            own = row.chain if row is not None else None
            if own and own not in SWEEPS:
                split.setdefault(canonical(own), []).append(row)
            else:
                notes.append("a row without a chain was left out")
        for own, rows in split.items():
            # Which of the chain's rows are missing here, nobody knows: None makes it incomplete.
            yield own, [*rows, None]


def _read_rows(
    rows: Sequence[Row | None], chain: str, names: Names, last: dict[Asset, Decimal] | None = None
) -> _Part:
    """The rows of one group. The straight way first; whatever is odd takes the careful one.

    `last`: the amounts of the answer before; the very same mapping is given again where nothing moved, so
    that whoever compares two answers sees it at once.
    This is most of what a poll costs; hence whole columns at once, and no call that can be spared.
    """
    by_contract, by_coin = names.of(chain)
    part = _Part()
    if not rows:
        return part
    prices = part.prices
    try:
        known = [
            by_coin[row.coin_id] if row.contract_address is None else by_contract[row.contract_address]  # type: ignore[union-attr]
            for row in rows
        ]
        amounts = [row.amount for row in rows]  # type: ignore[union-attr]
        symbols = [row.symbol for row in rows]  # type: ignore[union-attr]
        if not (min(amounts) > _TINY and max(amounts) < _HUGE):  # type: ignore[type-var,operator]
            return _read_carefully(rows, chain, names)
        for each, row in zip(known, rows, strict=True):
            price = row.price  # type: ignore[union-attr]
            if price == each.price:
                prices[each.asset] = each.price
            elif price is not None and _TINY < price < _HUGE:
                prices[each.asset] = each.price = price
    except (KeyError, AttributeError, TypeError, InvalidOperation):
        # An asset seen for the first time, a row that is null, no amount, an amount that is no number.
        return _read_carefully(rows, chain, names)
    assets = [each.asset for each in known]
    if last is not None and list(last.values()) == amounts and list(last) == assets:
        part.amounts = last
    else:
        part.amounts = dict(zip(assets, amounts, strict=True))  # type: ignore[arg-type]
    if all(symbols) and symbols == [each.symbol for each in known]:
        part.symbols = dict(zip(assets, [each.symbol for each in known], strict=True))
    else:
        part.symbols = _named(known, symbols)
    return part if len(part.amounts) == len(rows) else _read_carefully(rows, chain, names)


def _named(known: Sequence[Known], symbols: Sequence[str | None]) -> dict[Asset, str]:
    """The symbols that can be shown."""
    found = {}
    for each, symbol in zip(known, symbols, strict=True):
        if symbol and (symbol := symbol if symbol == each.symbol else tidy(symbol)):
            found[each.asset] = each.symbol = symbol
    return found


def _read_carefully(rows: Sequence[Row | None], chain: str, names: Names) -> _Part:
    part = _Part()
    part.unclear = unclear = {}
    identified: list[tuple[Asset, Row]] = []
    without: list[Row] = []
    for row in rows:
        asset = None if row is None else names.contract(chain, row.contract_address, row.coin_id)
        if row is not None and asset is not None:
            identified.append((asset, row))
        elif row is not None and is_token(row.coin_id):
            without.append(row)
        else:
            part.complete = False
    if not part.complete:
        part.notes = ("a row that does not say which asset it is was left out",)
    present = {asset for asset, _ in identified}
    for row in without:
        coin_id = row.coin_id or ""
        lost = names.lost_contracts(chain, coin_id, present)
        unclear.update(dict.fromkeys(lost, "its contract is missing in the answer"))
        if not lost:
            identified.append((names.coin(chain, coin_id), row))
    seen: set[Asset] = set()
    for asset, row in identified:
        _take(part, unclear, asset, row, seen)
    return part


def _take(part: _Part, unclear: dict[Asset, str], asset: Asset, row: Row, seen: set[Asset]) -> None:
    problem = "it came twice" if asset in seen else amount_problem(row.amount)
    seen.add(asset)
    if problem:
        part.amounts.pop(asset, None)
        unclear[asset] = problem
    elif asset not in unclear and row.amount is not None:
        part.amounts[asset] = row.amount or _ZERO
    if row.price is not None and not amount_problem(row.price) and row.price:
        part.prices[asset] = row.price
    if row.symbol and (symbol := tidy(row.symbol)):
        part.symbols[asset] = symbol


def amount_problem(amount: Decimal | None) -> str:
    """Why nobody should act on this amount; empty if it is sound."""
    if amount is None:
        return "its amount is not a number"
    if not amount.is_finite():
        return "its amount is not a finite number"
    if abs(amount.adjusted()) > 60:
        return "its amount is beyond all measure"
    if amount < 0:
        return "its amount is negative"
    return ""


def _label(group: Group | None) -> str:
    if group is None:
        return "something that is not a wallet"
    return f"{group.connection_id or group.blockchain or 'no chain'}:{group.address or 'no address'}"[:80]


def _list(labels: Sequence[str]) -> str:
    shown = ", ".join(dict.fromkeys(labels[:3]))
    return f"{shown} and {len(labels) - 3} more" if len(labels) > 3 else shown


def _noted(outcomes: list[Outcome], strangers: Sequence[str]) -> list[Outcome]:
    """Tell of groups that nobody asked for with the first reading."""
    if not strangers:
        return outcomes
    note = f"the answer also has what nobody asked for: {_list(strangers)}"
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Reading):
            outcomes[index] = replace(outcome, notes=(*outcome.notes, note))
            break
    return outcomes
