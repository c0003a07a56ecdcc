"""A hint source of nobody's, as small as one can be: it tells what a test puts into its loft."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import ClassVar, Literal

from pydantic import SecretStr

from watcher.domain.model import Account
from watcher.domain.values.chains import canonical
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.hints import Alive, Told


class PigeonPost(HintKind):
    """Settings: the chains whose pigeons come here. `loft` is what they bring, in order."""

    kind: Literal["pigeon"]
    ring: SecretStr
    chains: tuple[str, ...] = ()
    loft: ClassVar[list[Told]] = []

    @property
    def named_chains(self) -> tuple[str, ...]:
        return self.chains

    def covers(self, account: Account) -> bool:
        return not self.chains or canonical(account.chain) in map(canonical, self.chains)

    def build(self, context: HintContext) -> PigeonLoft:
        return PigeonLoft(context.name, self.loft)


class PigeonLoft:
    """One flight of pigeons, and no network."""

    def __init__(self, name: str, loft: list[Told]) -> None:
        self.name, self._loft = name, loft

    def remember(self, facts: Mapping[str, str]) -> None:
        """It learns nothing."""

    async def listen(self) -> AsyncIterator[Told]:
        yield Alive()
        for told in self._loft:
            yield told

    async def close(self) -> None:
        """Nothing is open."""
