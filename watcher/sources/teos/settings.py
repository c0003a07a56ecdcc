"""Settings of a TEOS access: the key, what is known of assets, and how often one may call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from watcher.domain.credits.allowance import Window
from watcher.domain.model import Account, Asset
from watcher.domain.values.addresses import fault
from watcher.domain.values.decimals import number_in
from watcher.domain.values.errors import InputError
from watcher.sources.kind import WatchedWallet
from watcher.sources.settings import ApiSettings, SettingsModel, Timeout, check_address
from watcher.sources.teos import BASE_URL, VERSION
from watcher.sources.teos.wire import TEOS_CHAIN, address_key, asset_number, asset_of, is_factor
from watcher.system.addresses import BaseUrl

if TYPE_CHECKING:
    from watcher.sources.teos.assets import Stated
    from watcher.sources.teos.setup import TeosSetup
    from watcher.sources.teos.source import TeosSource


def _exact_text(value: Any) -> Any:
    if isinstance(value, bool | float):
        raise InputError("must be written in quotes: a number with a point loses digits")
    return str(value) if isinstance(value, int) else value


def _spark_factor(text: str) -> str:
    if not is_factor(text):
        raise InputError("must be a whole number above zero, in quotes")
    return text


def _price(text: str) -> str:
    try:
        price = number_in(text)
    except ValueError:
        raise InputError('must be a price in US dollars, in quotes: "99.50"') from None
    if not price.is_finite() or price <= 0 or abs(price.adjusted()) > 30:
        raise InputError("must be a price above zero")
    return text


def _unit_ids(found: dict[str, Unit]) -> dict[str, Unit]:
    numbers: set[int] = set()
    for text in found:
        if asset_number(text) in numbers:
            what = "names one asset twice (leading zeros and case do not count)"
            raise InputError(what, place=(text,))
        numbers.add(asset_number(text))
    return found


class Unit(SettingsModel):
    """What the configuration knows of an asset better than TEOS does."""

    symbol: str | None = Field(default=None, min_length=1, max_length=64)
    """What people call the asset."""
    spark_factor: Annotated[str, AfterValidator(_spark_factor), BeforeValidator(_exact_text)] | None = None
    """How many sparks make one unit: a whole number, in quotes."""
    price_usd: Annotated[str, AfterValidator(_price), BeforeValidator(_exact_text)] | None = None
    """Price of one unit in US dollars, in quotes. TEOS tells no prices."""

    def stated(self) -> Stated:
        from watcher.sources.teos.assets import Stated

        return Stated(
            self.symbol,
            int(self.spark_factor) if self.spark_factor is not None else None,
            Decimal(self.price_usd) if self.price_usd is not None else None,
        )


class CallLimits(SettingsModel):
    """Calls that the tenant may make."""

    per_minute: int = Field(default=300, gt=0, strict=True)
    """Most calls in a minute."""
    per_day: int = Field(default=30_000, gt=0, strict=True)
    """Most calls in a day."""


Units = Annotated[dict[str, Unit], AfterValidator(_unit_ids)]
"""UniqueAssetId → what is stated of it."""


def _version(value: Any) -> Any:
    if isinstance(value, float | int):
        raise InputError('must be written in quotes, as in "1.0"')
    return value


ApiVersion = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$"), BeforeValidator(_version)]


class TeosSettings(ApiSettings):
    """A TEOS access as configured."""

    states_units: ClassVar[bool] = True

    kind: Literal["teos"]
    base_url: BaseUrl = BASE_URL
    """Where the API is. `http://` is for this machine only."""
    api_version: ApiVersion = VERSION
    """Version of the API that is asked, in quotes."""
    limits: CallLimits = CallLimits()
    """Calls that the tenant may make."""
    units: Units = Field(default_factory=dict)
    """What TEOS does not tell: UniqueAssetId → symbol, factor and price."""
    timeout: Timeout = timedelta(seconds=30)
    """How long one answer may take."""

    def accounts(self, name: str, wallet: WatchedWallet) -> list[Account]:
        """The one account of a wallet on the source `name`; InputError says what is wrong with the wallet."""
        address = check_address(wallet, (TEOS_CHAIN,), _form)
        if wallet.chains:
            what = f"wallet {wallet.name}: 'chains' is for CoinStats"
            raise InputError(what, "TEOS needs 'assets'", ("chains",))
        if not wallet.assets:
            raise InputError(f"wallet {wallet.name} needs 'assets': the UniqueAssetIds to watch, as 0x…")
        for number, asset in enumerate(wallet.assets):
            try:
                asset_number(asset)
            except ValueError as error:
                raise InputError(f"wallet {wallet.name}: {error}", place=("assets", number)) from None
        return [Account(name, TEOS_CHAIN, _normal(address))]

    def asked(self, wallet: WatchedWallet) -> tuple[Asset, ...]:
        """The assets of a sound wallet, each once."""
        return tuple(dict.fromkeys(asset_of(asset_number(text)) for text in wallet.assets))

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> TeosSource:
        """The source. Of the wallets it takes which assets each address is watched for."""
        from watcher.sources.http import Http, Limits
        from watcher.sources.teos.source import TeosSource

        key, calls = self.access_key(), self.limits
        limits = Limits(
            self.timeout,
            self.connect_timeout,
            self.concurrency,
            max_body=2 * 1024 * 1024,
            # Calls made while TEOS blocks lengthen the block (TEOS docs).
            throttle_pause=timedelta(minutes=1),
        )
        return TeosSource(
            name,
            self.base_url,
            f"/odata/v{self.api_version}",
            Http({"Authorization": f"Bearer {key}"}, key, limits, self.proxy),
            (Window(calls.per_minute, 60), Window(calls.per_day, 86_400)),
            {asset_number(text): unit.stated() for text, unit in self.units.items()},
            wallets,
            max_url_bytes=self.max_url_bytes,
        )

    @classmethod
    def setup(cls) -> TeosSetup:
        from watcher.sources.teos.setup import TeosSetup

        return TeosSetup()


def _normal(address: str) -> str:
    """Lower case with `0x` for an EVM address, however it is written; every other format as it is."""
    key = address_key(address)
    return f"0x{key}" if _is_evm(key) else address


def _form(address: str, _chain: str) -> str:
    """With or without 0x; what is no hexadecimal (Internet Computer) is not judged."""
    if not _is_evm(address_key(address)):
        return ""
    return fault(address if address[:2].lower() == "0x" else f"0x{address}", "ethereum")


def _is_evm(key: str) -> bool:
    return len(key) == 40 and not key.strip("0123456789abcdef")
