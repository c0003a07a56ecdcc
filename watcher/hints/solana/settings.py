"""Settings of a Solana node: its two addresses, and how sure it must be of what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.checksums import base58
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Duration, Words
from watcher.domain.values.formatting import counted
from watcher.domain.values.normalization import address_key
from watcher.hints.kind import HintContext, HintKind
from watcher.hints.web_socket import SocketUrl, an_address
from watcher.ports.hints import Where
from watcher.system.addresses import Proxy, check_tunnel

if TYPE_CHECKING:
    from watcher.hints.setup import HintSetup
    from watcher.hints.solana.source import SolanaSource

CHAIN = "solana"


def _only_solana(chains: tuple[str, ...]) -> tuple[str, ...]:
    if other := next((chain for chain in chains if canonical(chain) != CHAIN), ""):
        raise InputError(f"'{other[:60]}' is not {CHAIN}", "leave chains out")
    return chains


def _an_rpc(url: SecretStr) -> SecretStr:
    """The address for calls over HTTP. That of the WebSocket is taken for it: many have one for both."""
    text = url.get_secret_value().strip()
    found = SecretStr(text.replace("ws", "http", 1) if text.startswith("ws") else text)
    return an_address(found, "http", "it is where the node answers calls over HTTP")


def _not_often(interval: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= interval <= timedelta(days=1):
        raise InputError("must be 1m to 1d")
    return interval


class SolanaHintKind(HintKind):
    """A Solana node, as configured."""

    stand_in: ClassVar[str] = "wss://unset.invalid/not-known-here/"

    kind: Literal["solana"]
    url: SocketUrl
    """Web socket of the node, as in `wss://node.example/KEY`. A secret."""
    rpc_url: Annotated[SecretStr, AfterValidator(_an_rpc)] | None = None
    """Where the same node is asked over HTTP. None named: `url` with https for wss, and if it names a port,
    the one before it, as a node has them (RPC 8899, WebSocket 8900)."""
    chains: Annotated[Words, AfterValidator(_only_solana)] = (CHAIN,)
    """The chain, as the wallets name it."""
    commitment: Literal["confirmed", "finalized"] = "confirmed"
    """When a change counts: voted for by most, within a second or two; or final, some 13 seconds later."""
    look_every: Annotated[Duration, AfterValidator(_not_often)] = timedelta(minutes=30)
    """How often everything is read and compared: it finds new token accounts, and what was never told. It
    takes two calls a wallet, and one for each hundred."""
    most: int = Field(default=1000, ge=1, le=100_000, strict=True)
    """Accounts that are subscribed to: first the wallets, then their token accounts."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> SolanaHintKind:
        check_tunnel("url", self.url.get_secret_value(), self.proxy)
        return self

    @property
    def named_chains(self) -> tuple[str, ...]:
        return self.chains if "chains" in self.model_fields_set else ()

    def covers(self, account: Account) -> bool:
        here = canonical(account.chain) in {CHAIN, *SWEEPS}
        return here and _is_key(account.address)

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:  # noqa: ARG002
        if (many := len(_wallets(accounts))) > self.most:
            yield Advice(f"of its {counted(many, 'wallet')} only {self.most} are subscribed to", "raise most")

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.solana.setup import setup_for

        return setup_for() if any(canonical(each.chain) == CHAIN for each in accounts) else None

    def build(self, context: HintContext) -> SolanaSource:
        from watcher.hints.solana.node import SolanaNode
        from watcher.hints.solana.source import SolanaSource
        from watcher.hints.web_socket import NodeAddress, NodeLimits

        rpc = self.rpc_url or rpc_beside(self.url)
        node = SolanaNode(
            NodeAddress(self.url, self.proxy), NodeAddress(rpc, self.proxy), NodeLimits(), self.commitment
        )
        wallets = _wallets(context.accounts)
        return SolanaSource(
            context.name, node, wallets, context.clock, look_every=self.look_every, most=self.most
        )


def rpc_beside(url: SecretStr) -> SecretStr:
    """The HTTP address of the node with this WebSocket, as web3.js has it the other way round."""
    parts = urlsplit(url.get_secret_value())
    place = parts.netloc
    if parts.port:
        place = f"{place.rpartition(':')[0]}:{parts.port - 1}"
    found = SplitResult(parts.scheme.replace("ws", "http"), place, parts.path, parts.query, "")
    return SecretStr(found.geturl())


def _wallets(accounts: Sequence[Account]) -> dict[str, Where]:
    """Address → its place, each once."""
    return {each.address: Where(CHAIN, address_key(each.address)) for each in accounts}


def _is_key(address: str) -> bool:
    data = base58(address) if 32 <= len(address) <= 44 else None
    return data is not None and len(data) == 32
