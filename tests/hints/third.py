"""A hint source of nobody's, as small as one can be: it tells what a test puts into its loft."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, SecretStr

from watcher.domain.model import Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import InputError
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.hints import Alive, Told


def _a_ring(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("ring-"):
        raise InputError("must begin with ring-")
    return secret


Ring = Annotated[SecretStr, AfterValidator(_a_ring)]


class PigeonPost(HintKind):
    """Settings: the chains whose pigeons come here. `loft` is what they bring, in order."""

    kind: Literal["pigeon"]
    ring: Ring
    spare: tuple[SecretStr, ...] = ()
    chains: tuple[str, ...] = ()
    stand_in: ClassVar[str] = "ring-unknown/"
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
