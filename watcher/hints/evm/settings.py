"""Settings of a hint source of kind `evm`: the node's address, its chain, and how native coins are seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import EVM, canonical
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration, Words
from watcher.domain.values.normalization import address_key
from watcher.hints.kind import HintContext, HintKind
from watcher.hints.web_socket import SocketUrl
from watcher.ports.hints import Where
from watcher.system.addresses import Proxy, check_tunnel

if TYPE_CHECKING:
    from watcher.hints.evm.source import EvmHints
    from watcher.hints.setup import HintSetup

CHAIN_IDS = {
    "arbitrum": 42161, "avalanche": 43114, "base": 8453, "binance_smart": 56, "celo": 42220, "cronos": 25,
    "ethereum": 1, "fantom": 250, "gnosis": 100, "linea": 59144, "mantle": 5000, "optimism": 10,
    "polygon": 137, "scroll": 534352,
}  # fmt: skip
"""Chain, by its one spelling → its id (EIP-155). A chain that is not among them is not checked."""

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_SHORTEST_SILENCE = timedelta(seconds=30)


def _one_chain(chains: tuple[str, ...]) -> tuple[str, ...]:
    named = dict.fromkeys(canonical(chain) for chain in chains if chain.strip())
    if not named:
        raise InputError("names no chain", "name the chain of the node as the wallets do, as in [ethereum]")
    if sweep := next((each for each in named if each in SWEEPS), ""):
        raise InputError(f"'{sweep}' is no chain", "name the chain of the node, as in [ethereum]")
    if len(named) > 1:
        words = " and ".join(list(named)[:3])
        remedy = "give each chain a source of hints of its own, with the url of its node"
        raise InputError(f"names {words}, and a node knows one chain", remedy)
    return chains


def _long_enough(silence: timedelta) -> timedelta:
    if silence < _SHORTEST_SILENCE:
        raise InputError("is too short", "some blocks take half a minute; write 30s or more")
    return silence


class EvmHintKind(HintKind):
    """A node of an EVM chain, as configured."""

    stand_in: ClassVar[str] = "wss://unset.invalid/not-known-here/"

    kind: Literal["evm"]
    url: SocketUrl
    """Web socket of the node, as in `wss://node.example/KEY`. A secret."""
    chains: Annotated[Words, AfterValidator(_one_chain)]
    """The node's chain as the wallets name it; more than one word only if they name it differently."""
    native: Literal["blocks", "balances", "none"] = "blocks"
    """How native coins are seen: `blocks` reads every block with its transactions; `balances` asks for every
    balance after every block, for a node of one's own; `none` sees tokens only."""
    addresses_per_filter: int = Field(default=500, ge=1, le=10_000, strict=True)
    """Addresses of one subscription. Providers have limits of their own."""
    catch_up: int = Field(default=1000, ge=1, le=100_000, strict=True)
    """Blocks that are read after a time without connection; what is older is told as a gap."""
    silent_after: Annotated[Duration, AfterValidator(_long_enough)] = timedelta(minutes=5)
    """How long no block may come before the node is taken for one that stands still. Ethereum has one each 12
    seconds, most others have more. A chain that makes blocks on demand needs a long time here."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> EvmHintKind:
        check_tunnel("url", self.url.get_secret_value(), self.proxy)
        return self

    @property
    def named_chains(self) -> tuple[str, ...]:
        return self.chains

    def covers(self, account: Account) -> bool:
        chain = canonical(account.chain)
        return _ADDRESS.fullmatch(account.address) is not None and (chain in SWEEPS or chain == self._chain)

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.evm.setup import setup_for

        here = [each for each in accounts if _ADDRESS.fullmatch(each.address)]
        chains = [each.chain for each in here if canonical(each.chain) in EVM]
        if any(each.chain in SWEEPS for each in here):
            chains.append("ethereum")
        one_each = {canonical(chain): chain for chain in chains}
        return setup_for(list(one_each.values())) if one_each else None

    def build(self, context: HintContext) -> EvmHints:
        from watcher.hints.evm.asking import EvmPlan
        from watcher.hints.evm.source import EvmHints
        from watcher.hints.web_socket import NodeAddress, NodeLimits

        addresses = {address_key(account.address) for account in context.accounts}
        plan = EvmPlan(
            chain=self._chain,
            chain_id=CHAIN_IDS.get(self._chain),
            accounts={address: Where(self._chain, address) for address in addresses},
            native=self.native,
            addresses_per_filter=self.addresses_per_filter,
            catch_up=self.catch_up,
            silent_after=self.silent_after,
        )
        address = NodeAddress(self.url, self.proxy)
        return EvmHints(context.name, plan, address, context.clock, NodeLimits())

    @property
    def _chain(self) -> str:
        return canonical(self.chains[0])
