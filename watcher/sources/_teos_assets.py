"""What is known of TEOS assets: spark factors, names, prices; from TEOS, the store and the configuration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.exact import units
from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.sources._teos_answer import (
    AssetFacts,
    Pair,
    address_key,
    asset_number,
    asset_of,
    is_factor,
)
from watcher.sources._teos_poll import Poll

_KEEP = timedelta(days=1)
_ASK_AGAIN = timedelta(minutes=10)
_PREFIX = "asset:"
_UNKNOWN_UNITS = "how many sparks make one unit is not known"


@dataclass(frozen=True, slots=True)
class Stated:
    """What the configuration states of an asset; it wins over TEOS."""

    symbol: str | None = None
    spark_factor: int | None = None
    price: Decimal | None = None


class Assets:
    """Facts about assets; TEOS is asked for them once a day."""

    def __init__(self, stated: Mapping[int, Stated]) -> None:
        self._stated = stated
        self._told: dict[int, tuple[AssetFacts, datetime]] = {}
        self._asked: dict[int, datetime] = {}
        self._rescaled: dict[int, str] = {}
        """Assets whose spark factor changed, in words that are yet to be noted with a reading."""

    def remember(self, facts: Mapping[str, str]) -> None:
        """Take back what `learn` returned in an earlier run; whatever is not that is ignored."""
        for key, text in facts.items():
            if not key.startswith(_PREFIX):
                continue
            try:
                told = json.loads(text)
                known = AssetFacts(str(told["spark_factor"]), str(told["name"]), str(told["unit"]))
                fetched = datetime.fromisoformat(told["fetched_at"])
                number = asset_number(key.removeprefix(_PREFIX))
            except (ValueError, KeyError, TypeError):
                continue
            if is_factor(known.spark_factor) and fetched.tzinfo is not None:
                self._told[number] = (known, fetched)

    def due(self, numbers: Iterable[int], now: datetime) -> list[int]:
        """The assets that TEOS should be asked about now."""
        return [number for number in sorted(set(numbers)) if self._is_due(number, now)]

    def asking(self, numbers: Iterable[int], now: datetime) -> None:
        """The look-up goes out. What was only planned may never be sent, and stays due."""
        self._asked.update(dict.fromkeys(numbers, now))

    def _is_due(self, number: int, now: datetime) -> bool:
        stated = self._stated.get(number)
        if stated is not None and stated.spark_factor is not None:
            return False
        told = self._told.get(number)
        if told is not None and now - told[1] < _KEEP:
            return False
        asked = self._asked.get(number)
        return asked is None or now - asked >= _ASK_AGAIN

    def not_answered(self, numbers: Iterable[int]) -> None:
        """The look-up failed for a reason that passes: the next plan asks again."""
        for number in numbers:
            self._asked.pop(number, None)

    def learn(self, told: Mapping[int, AssetFacts], now: datetime) -> dict[str, str]:
        """Take what TEOS says; returns it in the form that `remember` reads."""
        kept: dict[str, str] = {}
        for number, facts in told.items():
            if not facts.spark_factor:
                continue
            known = self._told.get(number)
            if known is not None and known[0].spark_factor != facts.spark_factor:
                self._rescaled[number] = (
                    f"one unit of {self.symbol(number)} is {facts.spark_factor} sparks now, "
                    f"and was {known[0].spark_factor}"
                )
            self._told[number] = (facts, now)
            kept[f"{_PREFIX}{number:#x}"] = json.dumps(
                {
                    "spark_factor": facts.spark_factor,
                    "name": facts.name,
                    "unit": facts.unit,
                    "fetched_at": now.isoformat(),
                }
            )
        return kept

    def factor(self, number: int) -> int | None:
        """Sparks in one natural unit; None if nobody said."""
        stated = self._stated.get(number)
        if stated is not None and stated.spark_factor is not None:
            return stated.spark_factor
        told = self._told.get(number)
        return int(told[0].spark_factor) if told is not None else None

    def symbol(self, number: int) -> str:
        """The configured symbol, else TEOS' name of the asset, else a short form of its id."""
        stated, told = self._stated.get(number), self._told.get(number)
        if stated is not None and stated.symbol:
            return stated.symbol
        if told is not None and told[0].name:
            return told[0].name
        text = f"{number:#x}"
        return text if len(text) <= 14 else f"{text[:6]}…{text[-4:]}"

    def price(self, number: int) -> Decimal | None:
        stated = self._stated.get(number)
        return stated.price if stated is not None else None

    def outcome(self, account: Account, watched: Iterable[int], poll: Poll) -> Outcome:
        """What a finished poll says of one account."""
        key = address_key(account.address)
        amounts: dict[Asset, Decimal] = {}
        scales: dict[Asset, int] = {}
        unclear: dict[Asset, str] = {}
        notes: list[str] = []
        reasons: list[tuple[MissReason, str]] = []
        numbers = sorted(watched)
        for number in numbers:
            pair: Pair = (key, number)
            if number in self._rescaled:
                notes.append(self._rescaled.pop(number))
            if pair in poll.sparks:
                amount = self._amount(number, poll.sparks[pair])
                if amount is None:
                    unclear[asset_of(number)] = _UNKNOWN_UNITS
                else:
                    amounts[asset_of(number)] = amount
                    scales[asset_of(number)] = self.factor(number) or 1
            elif pair in poll.unclear:
                unclear[asset_of(number)] = poll.unclear[pair]
            else:
                reason = poll.failed.get(pair, (MissReason.REJECTED, "TEOS refused it within the last hour"))
                reasons.append(reason)
                notes.append(f"{self.symbol(number)} is not in this reading: {reason[0]}: {reason[1]}")
        if not amounts and set(unclear.values()) == {_UNKNOWN_UNITS}:
            return Miss(account, MissReason.UNITS_UNKNOWN, _UNKNOWN_UNITS)
        if not amounts and not unclear:
            return Miss(account, *(reasons[0] if reasons else (MissReason.OMITTED, "no asset is watched")))
        return Reading(
            account,
            amounts,
            prices={
                asset_of(number): price for number in numbers if (price := self.price(number)) is not None
            },
            symbols={asset_of(number): self.symbol(number) for number in numbers},
            unclear=unclear,
            notes=tuple(notes),
            scales=scales,
        )

    def _amount(self, number: int, sparks: int) -> Decimal | None:
        factor = self.factor(number)
        if factor is not None:
            return units(sparks, factor)
        # Nothing is nothing in any unit.
        return Decimal(0) if sparks == 0 else None
