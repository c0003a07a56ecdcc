"""Wire format of TEOS: from the bytes of answers to balances and facts about assets.

TEOS answers in OData: a bare array in its documents, `{"value": […], "@odata.nextLink": …}` in
its test collection. Both are read, and keys without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from watcher.domain.model import Asset
from watcher.domain.records import Record, field
from watcher.domain.values.text import named
from watcher.sources.json_repair import NotJsonError, UnusableAnswerError
from watcher.sources.settings import crowded

TEOS_CHAIN = "teos"
"""The chain of every account on a TEOS source."""

AT_ONCE = 256 * 1024
"""Bytes that are read on the event loop, in 20 ms at worst; more is read in a thread."""

_SPARKS = re.compile(r"[0-9]{1,300}")
_MOST_SPARKS = 10**300
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,64})")

Pair = tuple[str, int]
"""An address (see `address_key`) and an asset id as a number."""


def asset_number(text: str) -> int:
    """A UniqueAssetId as a number: TEOS prints the same id with and without a leading zero, or `0x`."""
    found = _HEX.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:80]!r} is not an asset id in hexadecimal")
    return int(found[1], 16)


def asset_of(number: int) -> Asset:
    """Asset with this number."""
    return Asset(TEOS_CHAIN, hex(number))


def address_key(address: str) -> str:
    """Address in the form that two spellings of it have in common: no case, no `0x`."""
    return address.strip().lower().removeprefix("0x")


class BalancePage(Record):
    """One page of balances: sparks by pair, or why a pair's amount is not to be acted on."""

    sparks: dict[Pair, int] = field(default_factory=dict)
    unclear: dict[Pair, str] = field(default_factory=dict)
    strangers: int = 0
    """Rows that cannot be understood."""
    next_link: str = ""


def _decode(data: bytes) -> Any:
    import msgspec

    if crowded(data, 8):
        raise UnusableAnswerError("the answer is not a list of balances")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJsonError("the answer is not valid JSON") from None
    except RecursionError:
        raise UnusableAnswerError("the answer is nested too deeply") from None


def _folded(row: Any) -> dict[str, Any]:
    return {key.lower(): value for key, value in row.items()} if isinstance(row, dict) else {}


def _rows(answer: Any, *, one: bool) -> tuple[list[Any], str]:
    """The rows of a collection and the link to its next page. With `one`, a single object is a row too."""
    if isinstance(answer, list):
        return answer, ""
    folded = _folded(answer)
    value = folded.get("value")
    if isinstance(value, list):
        link = folded.get("@odata.nextlink")
        return value, link if isinstance(link, str) else ""
    if one and isinstance(answer, dict):
        return [value if isinstance(value, dict) else answer], ""
    raise UnusableAnswerError("the answer is not a list of balances")


def read_balances(data: bytes, only: Pair | None = None) -> BalancePage:
    """Balances of one page. With `only`, of an answer for one pair, which need not repeat the pair."""
    answer = _decode(data)
    page = BalancePage()
    rows, page.next_link = _rows(answer, one=only is not None)
    for row in rows:
        folded = _folded(row)
        if "amount" not in folded and only is not None and isinstance(folded.get("value"), str | int):
            folded["amount"] = folded["value"]
        pair = _pair(folded, only)
        if pair is None or "amount" not in folded:
            page.strangers += 1
            continue
        _take(page, pair, folded["amount"])
    return page


def _pair(row: dict[str, Any], only: Pair | None) -> Pair | None:
    address, asset = row.get("address"), row.get("uniqueassetid")
    try:
        key = address_key(address) if isinstance(address, str) else None
        number = asset_number(asset) if isinstance(asset, str) else None
    except ValueError:
        return None
    if only is not None:
        key, number = (only[0] if address is None else key), (only[1] if asset is None else number)
    return None if key is None or number is None else (key, number)


def _take(page: BalancePage, pair: Pair, amount: Any) -> None:
    sparks = _sparks(amount)
    if sparks is None:
        page.sparks.pop(pair, None)
        page.unclear[pair] = "its amount is not a whole number of sparks"
    elif pair in page.unclear or page.sparks.get(pair, sparks) != sparks:
        page.sparks.pop(pair, None)
        page.unclear[pair] = "it came twice, and not the same"
    else:
        page.sparks[pair] = sparks


def _sparks(amount: Any) -> int | None:
    """A text of digits as documented; or a whole number, which OData servers write unless asked for texts: it
    is as exact. One with a point or an exponent is not, it came through a float."""
    if isinstance(amount, str):
        return int(amount) if _SPARKS.fullmatch(amount) else None
    whole = isinstance(amount, int) and not isinstance(amount, bool)
    return amount if whole and 0 <= amount < _MOST_SPARKS else None


class AssetFacts(Record, frozen=True):
    """Facts of TEOS about an asset. `spark_factor` is empty if it is nothing that one can divide by, and 1 by
    default (TEOS docs): then it is not `stated`."""

    spark_factor: str
    name: str = ""
    unit: str = ""
    stated: bool = True


def read_assets(data: bytes) -> Iterator[tuple[int, AssetFacts]]:
    """Facts of the assets in an answer, whether it is a list or one asset."""
    for row in _rows(_decode(data), one=True)[0]:
        folded = _folded(row)
        number = next(
            (n for key in ("id", "uniqueassetid") if (n := _number(folded.get(key))) is not None), None
        )
        if number is not None and "sparkfactor" in folded:
            yield (
                number,
                AssetFacts(
                    _factor(folded["sparkfactor"]),
                    _line(folded.get("name")),
                    _line(folded.get("unitofmeasurecode")) or _line(folded.get("currencycode")),
                    folded["sparkfactor"] is not None,
                ),
            )


def _number(value: Any) -> int | None:
    try:
        return asset_number(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _factor(value: Any) -> str:
    # TEOS docs: nullable, default "1".
    text = "1" if value is None else str(value) if isinstance(value, str | int) else ""
    return text if is_factor(text) else ""


def is_factor(text: str) -> bool:
    """Whether a text is a spark factor: a whole number above zero."""
    return re.fullmatch(r"[0-9]{1,60}", text) is not None and int(text) > 0


def _line(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    return named(value)
