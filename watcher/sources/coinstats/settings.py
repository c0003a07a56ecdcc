"""Settings of a CoinStats access: the key, the plan that was bought, and what its wallets may ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.addresses import doubt, one_of_each_form
from watcher.domain.values.chains import canonical
from watcher.domain.values.decimals import count_in
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import PERCENTAGE, percentage
from watcher.sources.coinstats import BASE_URL, CREDITS_PER_SWEEP
from watcher.sources.coinstats.chains import called, stranger
from watcher.sources.kind import Discovery, OnChains, WatchedWallet
from watcher.sources.settings import ApiSettings, SettingsModel, Timeout, check_address, fold_evm
from watcher.system.addresses import BaseUrl

if TYPE_CHECKING:
    from watcher.sources.coinstats.setup import CoinStatsSetup
    from watcher.sources.coinstats.source import CoinStatsSource

_CHAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def _percent(value: Any) -> Any:
    share = percentage(value)
    if share is None or share == 1:
        raise InputError("must be a percentage below 100%, in quotes or not: 10%")
    return share


def _count(value: Any) -> Any:
    return count_in(value) if isinstance(value, str) else value


class Credits(SettingsModel):
    """The plan that was bought."""

    limit: Annotated[int, BeforeValidator(_count, json_schema_input_type=int | str)] = Field(
        default=20_000, gt=0, strict=True
    )
    """Credits of one period; `20k` and `2M` are welcome."""
    period: Literal["month", "day"] = "month"
    """Time after which the credits are renewed."""
    resets_on: int = Field(default=1, ge=1, le=31, strict=True)
    """Day of the month on which they are renewed, at 00:00 UTC; the last day where a month is shorter."""
    reserve: Annotated[Decimal, BeforeValidator(_percent), WithJsonSchema(PERCENTAGE)] = Decimal("0.1")
    """Share that the schedule leaves for second looks and polls by hand, as in `10%`."""


class CoinStatsSettings(ApiSettings):
    """A CoinStats access as configured."""

    sells_credits: ClassVar = True
    tells_rates: ClassVar = True
    takes_chains: ClassVar = True

    kind: Literal["coinstats"]
    base_url: BaseUrl = BASE_URL
    """Where the API is. `http://` is for this machine only."""
    credits: Credits = Credits()
    """The plan that was bought."""
    requests_per_second: float = Field(default=0.5, gt=0, le=1000)
    """Most requests in a second."""
    batch: int = Field(default=100, ge=1, le=1000)
    """Most accounts in one request."""
    timeout: Timeout = timedelta(seconds=120)
    """How long one answer may take."""

    def accounts(self, name: str, wallet: WatchedWallet) -> OnChains:
        """The accounts of a wallet on the source `name`; InputError says what is wrong with the wallet."""
        chains = one_of_each_form(wallet.chains) if not _fault(wallet.chains) else ()
        address = fold_evm(check_address(wallet, chains))
        if wallet.assets:
            what = f"wallet {wallet.name}: 'assets' is for TEOS"
            raise InputError(what, "CoinStats reports every asset", ("assets",))
        if not wallet.chains:
            raise InputError(
                f"wallet {wallet.name} needs 'chains': CoinStats ids such as ethereum or base-wallet, or all"
            )
        if fault := _fault(wallet.chains):
            number, what = fault
            raise InputError(f"wallet {wallet.name}: {what}", place=("chains", number))
        return OnChains(name, wallet.chains, address)

    def address_warning(self, wallet: WatchedWallet) -> Advice | None:
        address = wallet.address.strip()
        doubts = (doubt(address, chain) for chain in one_of_each_form(wallet.chains))
        found = next(filter(None, doubts), None)
        return Advice(f"'{address[:80]}' {found.what}", found.remedy) if found else None

    def chain_warning(self, chain: str) -> Advice | None:
        return stranger(chain)

    def chain_called(self, name: str) -> str:
        return called(name)

    def discovery(self, name: str, wallet: WatchedWallet) -> Discovery:
        if SWEEPS.intersection(wallet.chains):
            raise InputError(f"'chains: {wallet.chains[0]}' brings every chain anyway", "leave discover out")
        address = fold_evm(wallet.address.strip())
        return Discovery(Account(name, "all", address), _canonical(wallet.chains), CREDITS_PER_SWEEP)

    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> CoinStatsSource:  # noqa: ARG002
        """The source. It needs no wallets beforehand: what to ask is in each account."""
        from watcher.sources.coinstats.source import CoinStatsSource
        from watcher.sources.http import Http, Limits

        key = self.access_key()
        limits = Limits(self.timeout, self.connect_timeout, self.concurrency, sells_credits=True)
        return CoinStatsSource(
            name,
            self.base_url,
            Http({"X-API-KEY": key}, key, limits, self.proxy),
            self.credit_plan,
            spacing=1 / self.requests_per_second,
            batch=self.batch,
            max_url_bytes=self.max_url_bytes,
        )

    @property
    def credit_plan(self) -> CreditPlan:
        bought = self.credits
        return CreditPlan(bought.limit, bought.period, bought.resets_on, bought.reserve)

    @classmethod
    def setup(cls) -> CoinStatsSetup:
        from watcher.sources.coinstats.setup import CoinStatsSetup

        return CoinStatsSetup()


@lru_cache(maxsize=256)
def _fault(chains: tuple[str, ...]) -> tuple[int, str] | None:
    """Which of a wallet's chains is wrong, and why; None if they are sound. Many wallets have the same."""
    named: dict[str, str] = {}
    for number, chain in enumerate(chains):
        if not _CHAIN.fullmatch(chain):
            return number, f"{chain[:80]!r} is not a chain id (lower case, no spaces)"
        if canonical(chain) in named:
            return number, f"{named[canonical(chain)]} and {chain} are the same chain"
        named[canonical(chain)] = chain
        if chain in SWEEPS and len(chains) > 1:
            return number, "all and forceall stand alone, they bring every other chain with them"
    return None


@lru_cache(maxsize=256)
def _canonical(chains: tuple[str, ...]) -> frozenset[str]:
    """One set for all wallets on the same chains."""
    return frozenset(map(canonical, chains))
