"""Assets on TEOS: spark factors, names, prices, as TEOS, the store and the configuration know them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from watcher.domain.model import Account, Asset, Miss, MissReason, Outcome, Reading
from watcher.domain.readings.fault_isolation import Isolation, farther
from watcher.domain.records import Record
from watcher.domain.values.decimals import units
from watcher.sources.teos.steps import TeosPoll
from watcher.sources.teos.wire import AssetFacts, Pair, address_key, asset_number, asset_of, is_factor

_KEEP = timedelta(days=1)
_CONFIRM = timedelta(minutes=1)
"""After so long a spark factor that differs from the known one is looked up again."""

_PREFIX = "asset:"
_UNKNOWN_UNITS = "how many sparks make one unit is not known"


class Stated(Record, frozen=True):
    """Facts that the configuration states of an asset; they win over TEOS."""

    symbol: str | None = None
    spark_factor: int | None = None
    price: Decimal | None = None


def _unknown(account: Account) -> str:
    return f"{_UNKNOWN_UNITS}; state its `spark_factor` in `sources.{account.source}.units`"


def _nothing(
    unclear: Mapping[Asset, str], reasons: Sequence[tuple[MissReason, str]]
) -> tuple[MissReason, str]:
    """Why an answer that came holds no amount."""
    odd = [why for why in unclear.values() if not why.startswith(_UNKNOWN_UNITS)]
    if odd:
        return MissReason.UNREADABLE, odd[0]
    if unclear:
        return MissReason.UNITS_UNKNOWN, next(iter(unclear.values()))
    return reasons[0] if reasons else (MissReason.OMITTED, "no asset is watched")


class Assets:
    """Facts about assets; TEOS is asked for them once a day."""

    def __init__(self, stated: Mapping[int, Stated]) -> None:
        self._stated = stated
        self._told: dict[int, tuple[AssetFacts, datetime]] = {}
        self._asked: dict[int, Isolation] = {}
        """Asked for and not told since."""
        self._differing: dict[int, tuple[str, datetime]] = {}
        """Another spark factor than the one known, until it is told again."""
        self._news: dict[int, str] = {}
        """What happened to spark factors, in words that are yet to be noted with a reading."""

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
        """The look-up goes out. What was only planned may never be sent, and stays due. An asset that is not
        told is asked for ever more rarely."""
        for number in numbers:
            self._asked[number] = farther(self._asked.get(number), now)

    def doubtful(self, number: int) -> bool:
        """Whether it was asked for and not told: it may be what spoils a look-up of many."""
        return number in self._asked

    def _is_due(self, number: int, now: datetime) -> bool:
        stated = self._stated.get(number)
        if stated is not None and stated.spark_factor is not None:
            return False
        asked, differing, told = self._asked.get(number), self._differing.get(number), self._told.get(number)
        if asked is not None and asked.waits(now):
            return False
        if differing is not None:
            return now - differing[1] >= _CONFIRM
        return told is None or now - told[1] >= _KEEP

    def learn(self, told: Mapping[int, AssetFacts], now: datetime) -> dict[str, str]:
        """Take what TEOS says; returns it in the form that `remember` reads."""
        kept: dict[str, str] = {}
        for number, said in told.items():
            facts = self._believed(number, said, now)
            if facts is None:
                continue
            self._asked.pop(number, None)
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

    def _believed(self, number: int, said: AssetFacts, now: datetime) -> AssetFacts | None:
        """What is taken over; None if that is nothing yet. A factor that is known and goes missing is no
        default: it stays. Another one is believed once it is told twice."""
        if not said.spark_factor:
            return None
        known = self._told.get(number)
        before = known[0].spark_factor if known is not None else said.spark_factor
        differing = self._differing.pop(number, None)
        if said.spark_factor == before:
            return said
        if not said.stated:
            self._news[number] = f"TEOS states no spark factor of {self.symbol(number)} now; {before} is kept"
            return AssetFacts(before, said.name, said.unit)
        if differing is None or differing[0] != said.spark_factor:
            self._differing[number] = (said.spark_factor, now)
            self._asked.pop(number, None)
            return None
        self._news[number] = (
            f"one unit of {self.symbol(number)} is {said.spark_factor} sparks now, and was {before}"
        )
        return said

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

    def outcome(self, account: Account, watched: Iterable[int], poll: TeosPoll) -> Outcome:
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
            if number in self._news:
                notes.append(self._news.pop(number))
            if pair in poll.sparks:
                amount = self._amount(number, poll.sparks[pair])
                if amount is None:
                    unclear[asset_of(number)] = _unknown(account)
                else:
                    amounts[asset_of(number)] = amount
                    scales[asset_of(number)] = self.factor(number) or 1
            elif pair in poll.unclear:
                unclear[asset_of(number)] = poll.unclear[pair]
            else:
                reason = poll.failed.get(pair, (MissReason.REJECTED, "TEOS refused it lately"))
                reasons.append(reason)
                notes.append(f"{self.symbol(number)} is not in this reading: {reason[0]}: {reason[1]}")
        if not amounts:
            return Miss(account, *_nothing(unclear, reasons))
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
            names_all=False,
        )

    def _amount(self, number: int, sparks: int) -> Decimal | None:
        factor = self.factor(number)
        if factor is not None:
            return units(sparks, factor)
        # Nothing is nothing in any unit.
        return Decimal(0) if sparks == 0 else None
