"""What the operator says of assets: which are wanted, which pay interest, which may jump."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from watcher.domain.exact import ZERO
from watcher.domain.model import Asset, Wallet
from watcher.domain.rules import Match
from watcher.domain.rules._base import parse_decimal
from watcher.domain.trust import JUMP, SMALLEST_JUMP

FLOOR = Decimal(1)
"""US dollars. A newcomer that is worth less, or has no price, waits in quarantine."""


def _dollars(value: object) -> object:
    number = parse_decimal(value.strip().removeprefix("$") if isinstance(value, str) else value)
    if isinstance(number, Decimal) and number < 0:
        raise ValueError('must not be negative; "0" lets everything in')
    return number


def _factor(value: object) -> object:
    if value == "off":
        return None
    number = parse_decimal(value)
    if isinstance(number, Decimal) and number < SMALLEST_JUMP:
        raise ValueError(f"must be at least {SMALLEST_JUMP}, or off; less would hold ordinary transfers")
    return number


class AssetEntry(BaseModel):
    """One entry of `assets:` in the configuration: what is said of all assets that it selects.

    The first entry that selects an asset and says something decides, key by key.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    match: Match = Match()
    """As in rules: wallets, tags, sources, chains, assets."""
    allow: bool | None = None
    """true: never in quarantine, whatever it is worth."""
    floor_usd: Annotated[Decimal | None, BeforeValidator(_dollars)] = None
    """Newcomers that are worth less than this, or have no price, wait in quarantine; "0": none does."""
    jump: Annotated[Decimal | None, BeforeValidator(_factor)] = None
    """The factor from which a jump of the amount waits for a second reading; off: no jump does."""

    @model_validator(mode="after")
    def _says_something(self) -> AssetEntry:
        if not self.model_fields_set - {"match"}:
            raise ValueError("says nothing; add allow, floor_usd or jump")
        return self


class Policy(NamedTuple):
    """What holds of one asset of one wallet."""

    allow: bool | None = False
    floor_usd: Decimal = FLOOR
    jump: Decimal | None = JUMP


class Policies:
    """The entries in force. Configured once."""

    def __init__(self, entries: Sequence[AssetEntry] = (), *, floor: Decimal = FLOOR) -> None:
        self._entries = tuple(entries)
        self._default = Policy(floor_usd=floor)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def of(self, wallet: Wallet, asset: Asset, symbol: str) -> Policy:
        """The first word on each key; what nobody speaks of is as usual."""
        said: dict[str, Any] = {}
        for entry in self._entries:
            new = entry.model_fields_set - {"match"} - said.keys()
            match = entry.match
            if new and match.wallet(wallet) and match.chain(asset.chain) and match.asset(asset, symbol):
                said.update({key: getattr(entry, key) for key in new})
        return self._default._replace(**said) if said else self._default


LENIENT = Policies(floor=ZERO)
"""Nothing waits in quarantine."""
