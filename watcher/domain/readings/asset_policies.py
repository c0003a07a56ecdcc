"""Asset policies: what the operator says of assets. Which are wanted, which pay interest, which may jump.

Rebasing tokens have balances that grow (or shrink) a little by themselves, without a transfer. The operator
names them (`rebasing` under `assets`). A change that is small enough for the time that passed is interest:
history keeps it, marked, and no rule about changes hears of it. Levels and sums see the amount as it is. A
transfer as small as interest cannot be told from it, and is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from watcher.domain.model import Asset, Change, Wallet
from watcher.domain.readings.plausibility import JUMP, SMALLEST_JUMP
from watcher.domain.rules import Match
from watcher.domain.rules.base import parse_decimal
from watcher.domain.values.decimals import minus, times
from watcher.domain.values.errors import InputError

INTEREST = Decimal("0.001")
"""A tenth of a per cent a day: ten times what staking pays, and less than people move."""

FLOOR = Decimal(1)
"""US dollars. A newcomer that is worth less, or has no price, waits in quarantine."""

A_DAY = timedelta(days=1)

_MILLISECOND = timedelta(milliseconds=1)


def _dollars(value: object) -> object:
    number = parse_decimal(value.strip().removeprefix("$") if isinstance(value, str) else value)
    if isinstance(number, Decimal) and number < 0:
        raise InputError("must not be negative", '"0" lets everything in')
    return number


def _interest(value: object) -> object:
    """The share a day that is interest: `true`, `false`, or a percentage such as "0.5%"."""
    if isinstance(value, bool):
        return INTEREST if value else None
    if not isinstance(value, str) or not value.strip().endswith("%"):
        raise InputError('must be true, false, or a percentage a day, as in "0.5%"')
    number = parse_decimal(value.strip().removesuffix("%"))
    if not isinstance(number, Decimal) or not 0 < number <= 20:
        raise InputError("must be above 0% and at most 20% a day")
    return number.scaleb(-2)


def _factor(value: object) -> object:
    if value == "off":
        return None
    number = parse_decimal(value)
    if isinstance(number, Decimal) and number < SMALLEST_JUMP:
        raise InputError(f"must be at least {SMALLEST_JUMP}, or off", "less would hold ordinary transfers")
    return number


class AssetEntry(BaseModel):
    """One entry of `assets:` in the configuration: what is said of all assets that it selects.

    The first entry that selects an asset and says something decides, key by key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # Described for editors. (To take docstrings for it, pydantic would read this very file at each start.)
    match: Annotated[Match, Field(description="As in rules: wallets, tags, sources, chains, assets.")] = (
        Match()
    )
    allow: Annotated[bool | None, Field(description="true: never in quarantine, whatever it is worth.")] = (
        None
    )
    floor_usd: Annotated[
        Decimal | None,
        BeforeValidator(_dollars),
        Field(
            description="Newcomers that are worth less than this, or have no price, wait in quarantine; "
            '"0": none does.'
        ),
    ] = None
    jump: Annotated[
        Decimal | None,
        BeforeValidator(_factor, json_schema_input_type=float | str | None),
        Field(
            description="The factor from which a jump of the amount waits for a second reading; "
            "off: no jump does."
        ),
    ] = None
    rebasing: Annotated[
        Decimal | None,
        BeforeValidator(_interest, json_schema_input_type=bool | str | None),
        Field(
            description="true: changes of at most 0.1% a day are interest and no transfer; "
            "or another percentage a day."
        ),
    ] = None

    @model_validator(mode="after")
    def _says_something(self) -> AssetEntry:
        if not self.model_fields_set - {"match"}:
            raise InputError("says nothing", "add allow, floor_usd, jump or rebasing")
        return self


class Policy(NamedTuple):
    """What holds of one asset of one wallet."""

    allow: bool | None = False
    floor_usd: Decimal = FLOOR
    jump: Decimal | None = JUMP
    rebasing: Decimal | None = None


class Policies:
    """The entries in force. Configured once."""

    def __init__(self, entries: Sequence[AssetEntry] = ()) -> None:
        self._entries = tuple(entries)

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def matches(self) -> tuple[Match, ...]:
        return tuple(entry.match for entry in self._entries)

    def of(self, wallet: Wallet, asset: Asset, symbol: str, also: Collection[str] = ()) -> Policy:
        """The first word on each key; what nobody speaks of is as usual. `also`: other names of the asset."""
        said: dict[str, Any] = {}
        for entry in self._entries:
            new = entry.model_fields_set - {"match"} - said.keys()
            match = entry.match
            chosen = new and match.wallet(wallet) and match.chain(asset.chain)
            if chosen and match.asset(asset, symbol, also):
                said.update({key: getattr(entry, key) for key in new})
        return _DEFAULT._replace(**said) if said else _DEFAULT


_DEFAULT = Policy()
USUAL = Policies()
"""Those of a configuration that says nothing of assets."""


def marked(
    changes: Sequence[Change], wallet: Wallet, policy: Callable[[Wallet, Asset, str], Policy]
) -> list[Change]:
    """The same changes; those that are interest are marked."""
    return [
        change._replace(drift=True)
        if is_drift(change, policy(wallet, change.asset, change.symbol).rebasing)
        else change
        for change in changes
    ]


def is_drift(change: Change, a_day: Decimal | None) -> bool:
    """Whether a change is at most so large a share of the amount before, for each day since that reading.

    A whole day counts even if less has passed: tokens pay a day's interest in one step.
    """
    if a_day is None or not change.before or not change.after or change.before_at is None:
        return False
    passed = max(change.after_at - change.before_at, A_DAY)
    share = times(a_day, Decimal(passed // _MILLISECOND))
    moved = times(minus(change.after, change.before).copy_abs(), Decimal(A_DAY // _MILLISECOND))
    return moved <= times(change.before, share)
