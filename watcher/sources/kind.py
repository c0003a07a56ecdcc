"""Kind of source: one API as the configuration names it, and what the house asks of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, overload

from pydantic import BaseModel, ConfigDict, Field

from watcher.domain.model import Account, Asset
from watcher.domain.records import Record
from watcher.domain.values.errors import Advice
from watcher.domain.values.fields import Share

if TYPE_CHECKING:
    from watcher.domain.credits.allowance import CreditPlan
    from watcher.ports.source import Source
    from watcher.sources.setup import SourceSetup

Fairness = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""What accounts on `auto` are polled for: 1, the mean delay of all changes, so busy accounts go first; 0, all
accounts alike. At 0.5 most of the gain remains, and the average account waits no longer than if all were
polled evenly."""

Concurrency = Annotated[int, Field(ge=1, le=64)]


class WatchedWallet(Record, frozen=True):
    """Wallet of the configuration, as far as a source needs to know it."""

    name: str
    address: str
    chains: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnChains(Sequence[Account]):
    """One address on many chains; the account of each is made when it is asked for."""

    source: str
    chains: tuple[str, ...]
    address: str

    def __len__(self) -> int:
        return len(self.chains)

    @overload
    def __getitem__(self, place: int) -> Account: ...
    @overload
    def __getitem__(self, place: slice) -> OnChains: ...
    def __getitem__(self, place: int | slice) -> Account | OnChains:
        if isinstance(place, slice):
            return OnChains(self.source, self.chains[place], self.address)
        return Account(self.source, self.chains[place], self.address)


class Discovery(Record, frozen=True):
    """Discovery of a wallet's other chains: what is asked, for all chains at once.

    `account` is what to ask for, `chains` those of the wallet as the answer will spell them.
    """

    account: Account
    chains: frozenset[str]
    cost: int


class SourceKind(BaseModel):
    """Settings of one API access, which say what it can do and build its source.

    The base of every kind: what a kind leaves out is as it stands here. It is a model and no Protocol, since
    pydantic reads it from the configuration, and a model cannot inherit from a Protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    sells_credits: ClassVar[bool] = False
    """Whether requests are paid in credits; else calls are all that is limited."""

    states_units: ClassVar[bool] = False
    """Whether prices of its assets can be stated under its `units:`."""

    tells_rates: ClassVar[bool] = False
    """Whether it has a list of exchange rates."""

    takes_chains: ClassVar[bool] = False
    """Whether a wallet says on which chains it is read."""

    fairness: Fairness = 1.0
    """What `every: auto` makes least: 1 the mean delay of all changes, 0 the same interval for all
    accounts, between them a mixture."""
    concurrency: Concurrency = 1
    """Requests that may be under way at once."""
    hint_waste: Share = Decimal("0.4")
    """Of the pace at which credits last until the period ends, what polls that a hint caused and that find
    nothing may take."""

    @abstractmethod
    def accounts(self, name: str, wallet: WatchedWallet) -> Sequence[Account]:
        """Accounts of a wallet on the source `name`. InputError says what is wrong with the wallet."""

    def asked(self, wallet: WatchedWallet) -> tuple[Asset, ...] | None:  # noqa: ARG002
        """The assets of a sound wallet that are asked for by name, each once; None if the API tells of all
        that an account holds. The readings of a source that is asked for names say so (`names_all`)."""
        return None

    @abstractmethod
    def build(self, name: str, wallets: Iterable[WatchedWallet]) -> Source:
        """The source. Opens nothing; `wallets` are those that it watches."""

    @classmethod
    def setup(cls) -> SourceSetup | None:
        """What `watcher init` asks to set up such an access; None if it offers none."""
        return None

    def address_warning(self, wallet: WatchedWallet) -> Advice | None:  # noqa: ARG002
        """Warning about an address that can be asked for and is probably a slip of the pen, if it is."""
        return None

    def chain_warning(self, chain: str) -> Advice | None:  # noqa: ARG002
        """Warning about the id of a chain that can be asked for and is probably wrong, if there is one."""
        return None

    def chain_called(self, name: str) -> str:  # noqa: ARG002
        """The id of the chain that people or other programs call so; empty if it knows none."""
        return ""

    def discovery(self, name: str, wallet: WatchedWallet) -> Discovery | None:  # noqa: ARG002
        """What `discover` asks for; None if the API has one chain only.

        InputError if the wallet's chains make it pointless.
        """
        return None

    def access_key(self) -> str:
        """The secret whose limits this access uses up, and shares with whoever has it too; empty if none."""
        return ""

    @property
    def credit_plan(self) -> CreditPlan | None:
        """The plan that its requests are paid from, where they are paid in credits."""
        return None

    @property
    def states_limits(self) -> bool:
        """Whether the configuration says how many calls this access may make."""
        return "limits" in self.model_fields_set
