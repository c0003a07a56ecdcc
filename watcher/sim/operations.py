"""What TEOS tells of the past: transfers of sparks, and the transactions of the tenant (TEOS docs)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from watcher.sim.world import Operation, fold

_CALL = re.compile(r"sparkoperations/search(?:\((?P<arguments>.*)\))?", re.IGNORECASE)
_ADDRESSES = re.compile(r"addresses=\[(?P<list>[^\]]*)\]", re.IGNORECASE)
_DIRECTION = re.compile(
    r"direction=(?:Teos\.Api\.Model\.Enums\.SparkOperationDirection)?'?(All|Received|Sent)'?", re.IGNORECASE
)
_NUMBER = re.compile(r"\b(pagenumber|pagesize)=(\d+)", re.IGNORECASE)
_UPDATED = re.compile(r"OnUpdated gt (?P<at>[0-9TZ:.+-]+)")
_PAGE, _ROWS = 25, 50
"""Rows of a page, by default: of operations, and of all other collections."""


def is_search(call: str) -> bool:
    return _CALL.fullmatch(call) is not None


def search(
    operations: Iterable[Operation], call: str, query: Mapping[str, str], form: str, *, newest_first: bool
) -> list[dict[str, Any]] | None:
    """The page that is asked for; None if it is asked for in a form that is not served.

    `form`: "call", as in TEOS' test collection; "query", as in its guide.
    """
    found = _CALL.fullmatch(call)
    inline = found["arguments"] if found else None
    if inline is None:
        inline = ",".join(f"{key}={value}" for key, value in query.items()) if form == "query" else ""
    elif form != "call":
        return None
    asked, direction = _ADDRESSES.search(inline), _DIRECTION.search(inline)
    if not asked or not direction:
        return None
    addresses = {fold(each.strip().strip("'")) for each in asked["list"].split(",") if each.strip()}
    numbers = {name.lower(): int(value) for name, value in _NUMBER.findall(inline)}
    size = numbers.get("pagesize", _PAGE)
    start = (numbers.get("pagenumber", 1) - 1) * size
    sides = {"all": (0, 1), "sent": (0,), "received": (1,)}[direction[1].lower()]
    rows = [each for each in operations if addresses & {(each.sender, each.receiver)[side] for side in sides}]
    rows.sort(key=lambda each: each.at, reverse=newest_first)
    return [_operation(each) for each in rows[start : start + size]]


def transactions(operations: Iterable[Operation], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """The oldest of those that were updated after what `$filter` says."""
    found = _UPDATED.search(query.get("$filter", ""))
    after = datetime.fromisoformat(found["at"]).timestamp() if found else 0.0
    return [_transaction(each) for each in operations if each.at > after][:_ROWS]


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"


def _operation(each: Operation) -> dict[str, Any]:
    return {
        "Sender": each.sender,
        "Receiver": each.receiver,
        "SignedBy": each.sender,
        "Sparks": each.sparks,
        "Units": each.sparks,
        "BlockchainTransactionId": each.transaction,
        "UniqueAssetId": each.asset,
        "AssetName": "",
        "UnitsOfMeasure": "",
        "DateTime": _moment(each.at),
    }


def _transaction(each: Operation) -> dict[str, Any]:
    at = f"{_moment(each.at)}Z"
    data = f'{{"To":"{each.receiver}","AssetId":"{each.asset}","Sparks":"{each.sparks}"}}'
    times = {"OnCreated": at, "OnUpdated": at, "OnSubmitted": at, "OnCommitted": at, "OnConfirmed": at}
    return {
        "Id": f"{each.transaction[-8:]}-0000-0000-0000-000000000000",
        "State": "Confirmed",
        "BlockchainTransactionId": each.transaction,
        "Type": "Transfer",
        **times,
        "SignedBy": each.sender,
        "DataAsJson": data,
    }
