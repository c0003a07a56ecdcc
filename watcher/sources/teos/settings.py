"""The parts of the TEOS settings: what is known of assets, and how often one may call."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from watcher.domain.values.decimals import number_in
from watcher.sources.settings import SettingsModel
from watcher.sources.teos.assets import Stated
from watcher.sources.teos.wire import asset_number, is_factor


def _exact_text(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise ValueError("must be written in quotes: a number with a point loses digits")  # noqa: TRY004
    return str(value) if isinstance(value, int) else value


def _spark_factor(text: str) -> str:
    if not is_factor(text):
        raise ValueError("must be a whole number above zero, in quotes")
    return text


def _price(text: str) -> str:
    try:
        price = number_in(text)
    except ValueError:
        raise ValueError('must be a price in US dollars, in quotes: "99.50"') from None
    if not price.is_finite() or price <= 0 or abs(price.adjusted()) > 30:
        raise ValueError("must be a price above zero")
    return text


def _unit_ids(found: dict[str, Unit]) -> dict[str, Unit]:
    numbers = [asset_number(text) for text in found]
    if len(set(numbers)) < len(numbers):
        raise ValueError("names one asset twice (leading zeros and case do not count)")
    return found


class Unit(SettingsModel):
    """What the configuration knows of an asset better than TEOS does."""

    symbol: str | None = Field(default=None, min_length=1, max_length=64)
    spark_factor: Annotated[str, AfterValidator(_spark_factor), BeforeValidator(_exact_text)] | None = None
    price_usd: Annotated[str, AfterValidator(_price), BeforeValidator(_exact_text)] | None = None

    def stated(self) -> Stated:
        return Stated(
            self.symbol,
            int(self.spark_factor) if self.spark_factor is not None else None,
            Decimal(self.price_usd) if self.price_usd is not None else None,
        )


class CallLimits(SettingsModel):
    """Calls that the tenant may make."""

    per_minute: int = Field(default=300, gt=0, strict=True)
    per_day: int = Field(default=30_000, gt=0, strict=True)


Units = Annotated[dict[str, Unit], AfterValidator(_unit_ids)]
"""UniqueAssetId → what is stated of it."""
