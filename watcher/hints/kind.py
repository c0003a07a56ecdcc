"""Kind of hint source: one origin of hints as the configuration names it, and what the house asks of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import Account
from watcher.domain.records import Record
from watcher.domain.values.errors import Advice
from watcher.ports.clock import Clock
from watcher.ports.hints import ApiAccess, HintSource

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup


class HintContext(Record, frozen=True):
    """What a hint source is built with. `accounts` are those that it covers; `api` is there if the kind names
    a source."""

    name: str
    accounts: Sequence[Account]
    clock: Clock
    api: ApiAccess | None = None


class HintKind(BaseModel):
    """Settings of one source of hints, which say what it covers and build it.

    The base of every kind: what a kind leaves out is as it stands here. It is a model and no Protocol, since
    pydantic reads it from the configuration, and a model cannot inherit from a Protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    source_kind: ClassVar[str] = ""
    """The kind of source whose API it asks, under the key that `source` names; empty if it asks none."""

    posted: ClassVar[bool] = False
    """Whether it is posted to (`ports.hints.Posting`), so that a web server is needed."""

    stand_in: ClassVar[str] = "https://unset.invalid/not-known-here/"
    """How a text begins that stands for a secret, and that the kind takes for one, where it is not known: for
    who only looks."""

    @property
    def only_source(self) -> str | None:
        """The source whose accounts alone it covers; None: accounts of all. A kind has a field `source` for
        it, which is why this is not called so: a field cannot stand in for a property."""
        return None

    @property
    def named_chains(self) -> tuple[str, ...]:
        """The chains that the configuration names for it, as written there; empty where it names none."""
        return ()

    @property
    def destination(self) -> str:
        """What it is connected to, a secret; empty if to nothing, or unknown. Two hint sources of one kind
        with the same hear the same."""
        url = getattr(self, "url", None)
        return url.get_secret_value() if isinstance(url, SecretStr) else str(url or "")

    @property
    def from_afar(self) -> bool:
        """Whether those who post are no programs on this machine, so that they must reach the web server."""
        return self.posted

    @abstractmethod
    def covers(self, account: Account) -> bool:
        """Whether hints about this account can be expected of it."""

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterable[Advice]:  # noqa: ARG002
        """Warnings about what is allowed and probably not meant.

        `accounts`: those that it covers; `asked`: the credits and calls of the source that it asks, if any.
        """
        return ()

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:  # noqa: ARG003
        """What `watcher init` asks to set up hints about some of these accounts; None if it offers none."""
        return None

    @abstractmethod
    def build(self, context: HintContext) -> HintSource:
        """The hint source. Opens nothing, and imports what is heavy only now.

        InputError says, without a secret, what is wrong, and under which key.
        """


class AskingHintKind(HintKind):
    """Base of the kinds that ask the API of one source, under its key, and cover its accounts alone."""

    source: str = Field(min_length=1)
    """The name of that source."""

    @property
    def only_source(self) -> str:
        return self.source

    @property
    def destination(self) -> str:
        return super().destination or self.source

    def covers(self, account: Account) -> bool:
        return account.source == self.source
