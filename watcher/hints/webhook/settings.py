"""Settings of a webhook: who posts to it, how that is proved, and what the networks are called there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import words_of
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.hints import HintSource

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup

Scheme = Literal["alchemy", "quicknode", "helius", "generic"]

SHORTEST_KEY = 16
SHORTEST_WORD = 32
"""Characters of what proves a request where nothing is signed: it goes over the wire with each."""


def _key(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if len(text) < SHORTEST_KEY:
        raise InputError(
            f"has only {len(text)} characters",
            f"a key has {SHORTEST_KEY} or more, that of helius {SHORTEST_WORD} (openssl rand -hex 32)",
        )
    if not text.isascii() or not text.isprintable():
        raise InputError("has characters that a key cannot have (line breaks, quotes of a word processor)")
    return SecretStr(text)


Keys = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_key)], ...],
    BeforeValidator(words_of),
    Field(min_length=1, max_length=10),
]
"""One key, or several while an old one is being replaced by a new one."""


class WebhookSettings(HintKind):
    """Posts of one provider, or of a script."""

    posted: ClassVar[bool] = True

    kind: Literal["webhook"]
    scheme: Scheme
    """Whose posts these are, and so how they are signed; `generic` for a script of yours."""
    signing_key: Keys
    """What requests are signed with. `helius` signs none: what it sends as `Authorization`."""
    chains: dict[str, str] = Field(default_factory=dict)
    """What the provider calls a network → what the wallets call the chain."""

    @model_validator(mode="after")
    def _it_can_be_used(self) -> WebhookSettings:
        if self.scheme == "alchemy" and not self.chains:
            raise InputError(
                "needs 'chains': which network of Alchemy is which chain of the wallets",
                "as in chains: {ETH_MAINNET: ethereum}",
            )
        if self.scheme == "helius" and any(len(each) < SHORTEST_WORD for each in self._keys):
            raise InputError(
                f"Helius signs nothing, so 'signing_key' needs {SHORTEST_WORD} random characters or more",
                "make one (openssl rand -hex 32), and give it to Helius as the webhook's authHeader",
                ("signing_key",),
            )
        return self

    @property
    def _keys(self) -> tuple[str, ...]:
        return tuple(each.get_secret_value() for each in self.signing_key)

    @property
    def named_chains(self) -> tuple[str, ...]:
        return tuple(self.chains.values())

    def covers(self, account: Account) -> bool:
        if self.scheme == "generic" or account.chain in SWEEPS:
            return True
        named = [canonical(each) for each in self.chains.values()]
        if self.scheme == "helius" and not named:
            named = ["solana"]
        return not named or canonical(account.chain) in named

    @property
    def from_afar(self) -> bool:
        return self.scheme != "generic"

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup:  # noqa: ARG003
        from watcher.hints.webhook.setup import SETUP

        return SETUP

    def build(self, context: HintContext) -> HintSource:
        from watcher.hints.webhook.source import Webhook

        return Webhook(context, self.scheme, self._keys, self.chains)
