"""Answers of CoinStats: from the bytes to one reading or miss for each account asked.

Shape of the answer (CoinStats docs): a list of groups `{blockchain, address, connectionId,
balances: [coin]}`. The schema calls most fields required; answers leave them out all the same.
What its rows say is read in `rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from watcher.domain.model import SWEEPS, Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.domain.values.addresses import same_form
from watcher.domain.values.chains import canonical
from watcher.domain.values.normalization import address_key
from watcher.sources.coinstats.names import RowNames, complete
from watcher.sources.coinstats.rows import read_again, read_rows
from watcher.sources.coinstats.wire import BalanceGroup, BalanceRow, decode_groups


def read_answer(data: bytes, accounts: Sequence[Account], names: RowNames) -> list[Outcome]:
    """Outcomes, one for each account in the order asked. UnusableAnswerError if nothing can be read."""
    groups = decode_groups(data)
    names.learn()
    if accounts and accounts[0].chain in SWEEPS:
        return _read_sweeps(groups, accounts, names)
    return _read_named(groups, accounts, names)


def _address(group: BalanceGroup, only: str | None) -> str | None:
    """Whose group it is, as a key to compare by; one without an address belongs to the only one asked for."""
    return address_key(group.address.strip()) if group.address else only


def _only_address(accounts: Sequence[Account]) -> str | None:
    addresses = {address_key(account.address) for account in accounts}
    return addresses.pop() if len(addresses) == 1 else None


def _read_named(
    groups: Iterable[BalanceGroup | None], accounts: Sequence[Account], names: RowNames
) -> list[Outcome]:
    only: str | None = None
    wanted: dict[tuple[str, str], list[Account]] = {}
    outcomes: dict[Account, Outcome] = {}
    left: list[BalanceGroup | None] = []
    for place, group in enumerate(groups):
        if _is_next(group, accounts, place):
            found: Sequence[Account] | None = (accounts[place],)
        else:
            if not wanted:
                only, wanted = _only_address(accounts), _wanted(accounts, names)
            found = None if group is None else _asked_for(group, only, wanted)
        if group is None or found is None:
            left.append(group)
            continue
        for account in found:
            outcome = _outcome(account, group, names)
            before = outcomes.get(account)
            outcomes[account] = outcome if before is None else _agree(before, outcome)
    if left:
        _take_alone(left, accounts, outcomes, names)
    strangers = list(map(_label, left))
    detail = "the answer does not mention it"
    if strangers:
        detail += f", but {_list(strangers)}"
    result = [outcomes.get(account) or Miss(account, MissReason.OMITTED, detail) for account in accounts]
    return _noted(result, strangers)


def _take_alone(
    left: list[BalanceGroup | None],
    accounts: Sequence[Account],
    outcomes: dict[Account, Outcome],
    names: RowNames,
) -> None:
    """Give groups that nobody asked for in those words to those whom they can only be for."""
    for account, group in _by_chain_alone(left, accounts, outcomes):
        left.remove(group)
        if len(accounts) == 1:
            names.spelled[address_key(str(group.address)), canonical(account.chain)] = account
        outcome = _outcome(account, group, names)
        if isinstance(outcome, Reading):
            note = f"the answer writes its address as {str(group.address)[:200]}"
            outcome = outcome._replace(notes=(*outcome.notes, note))
        outcomes[account] = outcome


def _wanted(accounts: Sequence[Account], names: RowNames) -> dict[tuple[str, str], list[Account]]:
    """The accounts by what answers and questions are compared by, and by how answers write it."""
    wanted: dict[tuple[str, str], list[Account]] = {}
    for account in accounts:
        wanted.setdefault(_place(account), []).append(account)
    return {**{key: [each] for key, each in names.spelled.items() if each in accounts}, **wanted}


def _place(account: Account) -> tuple[str, str]:
    """What answers and questions are compared by."""
    return address_key(account.address), canonical(account.chain)


def _by_chain_alone(
    left: Sequence[BalanceGroup | None], accounts: Sequence[Account], read: Mapping[Account, Outcome]
) -> list[tuple[Account, BalanceGroup]]:
    """Groups that nobody asked for by that address, each the only one of its chain, where one pair was asked
    on that chain and not answered: the same, in a spelling that is not known here (a name, say).

    Not where both are whole addresses of one form: then they are two.
    """
    asked: dict[str, list[Account]] = {}
    for account in accounts:
        asked.setdefault(canonical(account.chain), []).append(account)
    addresses = {address_key(account.address) for account in accounts}
    came: dict[str, list[BalanceGroup]] = {}
    for group in left:
        chain = canonical(group.connection_id or group.blockchain or "") if group is not None else ""
        if group is not None and group.address and address_key(group.address) not in addresses:
            came.setdefault(chain, []).append(group)
    return [
        (mine[0], came[chain][0])
        for chain, mine in asked.items()
        if len(mine) == len(came.get(chain, ())) == 1
        and mine[0] not in read
        and not same_form(mine[0].address, str(came[chain][0].address))
    ]


def _is_next(group: BalanceGroup | None, accounts: Sequence[Account], place: int) -> bool:
    """Whether a group answers the account in its place, in the very words of the question; mostly it does."""
    if group is None or place >= len(accounts):
        return False
    _, chain, address = accounts[place]
    return group.address == address and group.connection_id == chain and group.blockchain == chain


def _asked_for(
    group: BalanceGroup, only: str | None, wanted: dict[tuple[str, str], list[Account]]
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


def _outcome(account: Account, group: BalanceGroup, names: RowNames) -> Outcome:
    if group.balances is None:
        return Miss(account, MissReason.UNREADABLE, "its balances are not a list")
    chain, last = account.chain, names.last.get(account)
    again = read_again(group.balances, last) if last is not None else None
    if again is not None:
        said, prices = again
        names.keep(account, said)
        called, natives = names.called(chain), said.natives
        return Reading(account, said.amounts, prices, called, complete(chain), natives=natives)
    found, new = read_rows(group.balances, account, chain, names)
    names.keep(account, new)
    return found


def _agree(before: Outcome, now: Outcome) -> Outcome:
    """Two groups for one account are fine only if they say the same."""
    if isinstance(before, Miss) or isinstance(now, Miss):
        same = False
    else:
        same = before.amounts == now.amounts and before.unclear == now.unclear and before.chains == now.chains
    return before if same else Miss(now.account, MissReason.UNREADABLE, "it came twice, and not the same")


def _read_sweeps(
    groups: Iterable[BalanceGroup | None], accounts: Sequence[Account], names: RowNames
) -> list[Outcome]:
    only = _only_address(accounts)
    found: dict[str, list[BalanceGroup]] = {address_key(account.address): [] for account in accounts}
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
        mine = found[address_key(account.address)]
        omitted = Miss(account, MissReason.OMITTED, detail)
        result.append(_read_sweep(account, mine, names) if mine else omitted)
    return _noted(result, strangers)


def _read_sweep(account: Account, groups: Sequence[BalanceGroup], names: RowNames) -> Outcome:
    parts: dict[str, Reading] = {}
    refused: set[str] = set()
    notes: list[str] = []
    for chain, rows in _by_chain(groups, notes):
        if rows is None:
            refused.add(chain)
            notes.append(f"{chain}: its balances are not a list")
            continue
        part, _ = read_rows(rows, account, chain, names)
        before = parts.setdefault(chain, part)
        if before.amounts != part.amounts or before.unclear != part.unclear:
            refused.add(chain)
            notes.append(f"{chain}: it came twice, and not the same")
    amounts: dict[Asset, Decimal] = {}
    prices: dict[Asset, Decimal] = {}
    symbols: dict[Asset, str] = {}
    unclear: dict[Asset, str] = {}
    chains: set[str] = set()
    for chain, part in parts.items():
        if chain in refused:
            continue
        chains |= part.chains
        amounts.update(part.amounts)
        prices.update(part.prices)
        symbols.update(part.symbols)
        unclear.update(part.unclear)
        notes += (f"{chain}: {note}" for note in part.notes)
    if not chains and not amounts and not unclear:
        return Miss(account, MissReason.UNREADABLE, _list(notes) or "no chain of it could be read")
    found = Reading(account, amounts, prices, symbols, frozenset(chains), unclear, tuple(notes))
    return found._replace(natives=frozenset().union(*(part.natives for part in parts.values())))


def _by_chain(
    groups: Sequence[BalanceGroup], notes: list[str]
) -> Iterable[tuple[str, Sequence[BalanceRow | None] | None]]:
    """Each chain with its rows. A group that does not name its chain is split by its rows' own."""
    for group in groups:
        chain = next((c for c in (group.blockchain, group.connection_id) if c and c not in SWEEPS), None)
        if chain is not None:
            yield canonical(chain), group.balances
            continue
        split: dict[str, list[BalanceRow | None]] = {}
        for row in group.balances or ():
            own = row.chain if row is not None else None
            if own and own not in SWEEPS:
                split.setdefault(canonical(own), []).append(row)
            else:
                notes.append("a row without a chain was left out")
        for own, rows in split.items():
            # Which of the chain's rows are missing here, nobody knows: None makes it incomplete.
            yield own, [*rows, None]


def _label(group: BalanceGroup | None) -> str:
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
            outcomes[index] = outcome._replace(notes=(*outcome.notes, note))
            break
    return outcomes
