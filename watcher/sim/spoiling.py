"""Faults of the content: each changes a sound answer in the way its name says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from watcher.sim.chains import chain_of
from watcher.sim.faults import Fault, Faults
from watcher.sim.wire import Number

Row = dict[str, Any]


def spoil_coinstats(groups: Any, fault: Fault, faults: Faults) -> Any:
    """Apply one fault to the groups of an answer; one that fits nothing in it does not strike."""
    if not isinstance(groups, list):
        return groups
    aimed = [group for group in groups if _fits_group(group, fault)]
    whole = fault.name in {"empty-list", "not-a-list"}
    if (not aimed and not whole) or not faults.strike(fault):
        return groups
    match fault.name:
        case "empty-list":
            return []
        case "not-a-list":
            return {"result": groups}
        case "omit-chain":
            gone = aimed if fault.options else aimed[:1]
            return [group for group in groups if not any(group is one for one in gone)]
        case "omit-wallet":
            wallet = aimed[0]["address"].lower()
            return [group for group in groups if group["address"].lower() != wallet]
    for group in aimed:
        _spoil_group(group, fault)
    return groups


def _fits_group(group: Row, fault: Fault) -> bool:
    chain, address, token = (fault.options.get(key) for key in ("chain", "address", "token"))
    if chain is not None and chain_of(chain).chain != group["blockchain"]:
        return False
    if address is not None and address.lower() != group["address"].lower():
        return False
    return token is None or any(_fits_coin(coin, fault) for coin in group["balances"])


def _fits_coin(coin: Row, fault: Fault) -> bool:
    token = fault.options.get("token")
    return token is None or token in {coin["symbol"], coin["coinId"], coin["contractAddress"]}


def _spoil_group(group: Row, fault: Fault) -> None:
    match fault.name:
        case "empty-balances":
            group["balances"] = []
        case "address-case":
            group["address"] = _other_case(group["address"])
        case "chain-spelling":
            group["connectionId"] = group["blockchain"] = _other_spelling(group["connectionId"])
        case "sweep-connection":
            group["connectionId"] = "all"
        case "unknown-fields":
            group["labels"] = {"risk": [1, None]}
    coins: list[Row] = []
    for coin in group["balances"]:
        coins.append(coin)
        if _fits_coin(coin, fault):
            _COINS.get(fault.name, _leave)(coin)
            if fault.name in _TIMES:
                _multiply(coin, _TIMES[fault.name], Decimal(fault.options.get("factor", "1000")))
            if fault.name == "token-twice":
                coins.append(dict(coin))
    group["balances"] = coins


def _leave(coin: Row) -> None:
    """Nothing in a coin is changed by this fault."""


def _setting(**fields: Any) -> Callable[[Row], None]:
    return lambda coin: coin.update(fields)


def _without(*names: str) -> Callable[[Row], None]:
    def apply(coin: Row) -> None:
        for name in names:
            coin.pop(name, None)

    return apply


_TIMES = {"price-times": "price", "amount-times": "amount"}


def _multiply(coin: Row, field: str, factor: Decimal) -> None:
    if coin[field] is not None:
        coin[field] = Number(f"{Decimal(coin[field]) * factor:f}")


def _sentinel(coin: Row) -> None:
    if coin["contractAddress"] is None:
        coin["contractAddress"] = "0x" + "e" * 40


def _checksum(coin: Row) -> None:
    if coin["contractAddress"]:
        coin["contractAddress"] = _other_case(coin["contractAddress"])


def _scientific(coin: Row) -> None:
    coin["amount"] = Number(f"{Decimal(coin['amount']):E}")


def _seventeen(coin: Row) -> None:
    """The noise of a double in the 17th digit: 1.25 becomes 1.2500000000000001."""
    amount = Decimal(coin["amount"])
    if amount:
        coin["amount"] = Number(f"{amount + Decimal(1).scaleb(amount.adjusted() - 16):f}")


def _negate(coin: Row) -> None:
    coin["amount"] = Number("-" + coin["amount"].removeprefix("-"))


def _other_case(text: str) -> str:
    """Hex in mixed case, as a checksum writes it; other texts as they are."""
    if not text.startswith("0x"):
        return text
    return "0x" + "".join(c.upper() if place % 2 else c.lower() for place, c in enumerate(text[2:]))


def _other_spelling(connection: str) -> str:
    twins = {"binancesmartchain": "binacesmartchain", "binacesmartchain": "binancesmartchain"}
    other = chain_of(connection).chain
    return twins.get(connection) or (other if other != connection else connection.title())


_COINS: dict[str, Callable[[Row], None]] = {
    "price-null": _setting(price=None, priceBtc=None),
    "price-zero": _setting(price=Number("0"), priceBtc=Number("0")),
    "missing-symbol": _without("symbol"),
    "missing-chain": _without("chain", "connectionId"),
    "contract-null": _setting(contractAddress=None),
    "contract-sentinel": _sentinel,
    "contract-checksum": _checksum,
    "scientific": _scientific,
    "digits-17": _seventeen,
    "negative": _negate,
    "nan": _setting(amount=Number("NaN")),
    "amount-null": _setting(amount=None),
    "unknown-fields": _setting(isFake=False, tags=["new", {"deep": None}]),
}


def spoil_teos(rows: Any, fault: Fault, faults: Faults) -> Any:
    """Apply one fault to the balance rows of an answer; one that fits nothing in it does not strike."""
    if not isinstance(rows, list):
        return rows
    aimed = [row for row in rows if _fits_pair(row, fault)]
    whole = fault.name in {"empty-list", "not-a-list"}
    if (not aimed and not whole) or not faults.strike(fault):
        return rows
    match fault.name:
        case "empty-list":
            return []
        case "not-a-list":
            return {"result": rows}
        case "omit-pair":
            gone = aimed if fault.options else aimed[:1]
            return [row for row in rows if not any(row is one for one in gone)]
        case "duplicate-pair":
            return rows + [dict(row) for row in aimed]
        case "foreign-pair":
            stranger = {
                "Address": "0x" + "7" * 40,
                "UniqueAssetId": "0x7bc575105b40df19721a0001",
                "Amount": "25000",
            }
            return [*rows, stranger]
    for row in aimed:
        _PAIRS.get(fault.name, _leave)(row)
    return rows


def _fits_pair(row: Row, fault: Fault) -> bool:
    address, asset = fault.options.get("address"), fault.options.get("asset")
    if address is not None and address.lower() != row["Address"].lower():
        return False
    return asset is None or int(asset, 16) == int(row["UniqueAssetId"], 16)


def _toggle_zero(row: Row) -> None:
    digits = row["UniqueAssetId"].removeprefix("0x")
    row["UniqueAssetId"] = "0x" + (digits.lstrip("0") if digits.startswith("0") else "0" + digits)


def _mix_address(row: Row) -> None:
    row["Address"] = _other_case(row["Address"])


def _as_number(row: Row) -> None:
    row["Amount"] = Number(row["Amount"])


def _minus(row: Row) -> None:
    row["Amount"] = "-" + row["Amount"]


_PAIRS: dict[str, Callable[[Row], None]] = {
    "negative": _minus,
    "nan": _setting(Amount="NaN"),
    "fraction": _setting(Amount="1.5"),
    "amount-null": _setting(Amount=None),
    "amount-number": _as_number,
    "leading-zero": _toggle_zero,
    "address-case": _mix_address,
    "unknown-fields": _setting(LedgerId="0001", Extra={"deep": [1]}),
}
