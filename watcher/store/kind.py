"""Kind of store: where state is kept as the configuration names it, and what the house asks of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from watcher.domain.values.errors import Advice
    from watcher.ports.store import StoreBackend


class StoreKind(BaseModel):
    """Settings of the store, which say where it is.

    It is a model and no Protocol, because pydantic reads kinds from the configuration, and its models can
    inherit from no Protocol.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    shared: ClassVar[bool] = False
    """Whether daemons on several machines may work on it at once."""

    def refusals(self) -> Sequence[Advice]:
        """What keeps it from being used as it stands, each with a remedy. A server is asked, if there is one,
        and nothing is written. StoreBusyError if it is away for now, StoreError if it lets nobody in."""
        return ()

    @abstractmethod
    def backend(self, config: Path, member: str = "") -> StoreBackend:
        """The store of the configuration that stands at `config`. Opens nothing and makes nothing.

        `member`: the name of this machine, for a store that several share."""
