"""Hint sources of kind `evm` as tests build them: two watched addresses, and little patience."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from tests.anvil import ALICE, BOB
from watcher.hints.evm.asking import EvmPlan
from watcher.hints.evm.source import EvmHints
from watcher.hints.web_socket import NodeAddress, NodeLimits
from watcher.ports.hints import Where
from watcher.service.clock import SystemClock

QUICK = NodeLimits(connect=2.0, call=2.0, heartbeat=0.4)


def evm_source(url: str, limits: NodeLimits = QUICK, **changed: Any) -> EvmHints:
    """A source for Alice and Bob on Ethereum; `changed`: what is not as usual in its plan."""
    plan: dict[str, Any] = {
        "chain": "ethereum",
        "chain_id": 1,
        "accounts": {each: Where("ethereum", each) for each in (ALICE, BOB)},
        "native": "blocks",
        "addresses_per_filter": 500,
        "catch_up": 1000,
        "silent_after": timedelta(minutes=5),
    }
    return EvmHints(
        "mainnet", EvmPlan(**(plan | changed)), NodeAddress(SecretStr(url), None), SystemClock(), limits
    )
