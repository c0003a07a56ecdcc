"""Settings that kinds of source have in common: keys, addresses, durations, URLs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from watcher.domain.values.addresses import fault
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.sources.kind import SourceKind, WatchedWallet
from watcher.system.addresses import ApiKey, BaseUrl, Proxy, check_tunnel

_EVM = re.compile(r"0[xX][0-9a-fA-F]{40}")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_NO_ADDRESS = re.compile("[ ,'\"()]")


class SettingsModel(BaseModel):
    """Base of settings: frozen, no unknown keys, and no input (it may be a secret) in error texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise InputError("must be longer than nothing")
    return value


Timeout = Annotated[Duration, AfterValidator(_positive)]


UrlBytes = Annotated[int, Field(ge=500, le=60_000)]


class ApiSettings(SourceKind):
    """Base of the kinds that are asked over HTTP with one key."""

    api_key: ApiKey
    """Key of the API. A secret: write `${VAR}`, or name a file."""
    base_url: BaseUrl
    """Where the API is. `http://` is for this machine only."""
    proxy: Proxy | None = None
    """Proxy on the way; left out: as HTTPS_PROXY and NO_PROXY say."""
    max_url_bytes: UrlBytes = 6000
    """Longest address of a request, in bytes: it decides how many accounts fit into one."""
    timeout: Timeout
    """How long one answer may take."""
    connect_timeout: Timeout = timedelta(seconds=10)
    """How long a connection may take to be made."""

    def access_key(self) -> str:
        return self.api_key.get_secret_value()

    @model_validator(mode="after")
    def _a_proxy_gets_a_tunnel(self) -> ApiSettings:
        check_tunnel("base_url", self.base_url, self.proxy)
        return self


def fold_evm(address: str) -> str:
    """Lower-case an EVM address; keep every other format as written."""
    folded = address.lower() if _EVM.fullmatch(address) else address
    return address if folded == address else folded  # one text for all who hold it


def fold_contract(contract: str) -> str:
    """Lower-case a contract that is plain hex; keep every other format (base58, Cosmos denoms) as written."""
    return contract.lower() if _HEX.fullmatch(contract) else contract


Form = Callable[[str, str], str]
"""Why an address (first) can be none on a chain; empty if it can."""


def check_address(wallet: WatchedWallet, chains: Sequence[str], form: Form = fault) -> str:
    """Address of the wallet if it can be one on these chains; InputError says why not."""
    address = wallet.address.strip()
    if wrong := _not_one(address, chains, form):
        what, remedy = wrong
        raise InputError(f"wallet {wallet.name}: {what}", remedy, ("address",))
    return address


def _not_one(address: str, chains: Sequence[str], form: Form) -> tuple[str, str] | None:
    """Why this can be no address, and the remedy; None if it can."""
    if not address:
        return "there is no address", ""
    if not address.isascii() or not address.isprintable() or _NO_ADDRESS.search(address):
        return f"{address[:80]!r} has characters that no address has", ""
    if len(address) > 200:
        return f"an address of {len(address)} characters is too long", ""
    if address[:2] in {"0x", "0X"} and not _HEX.fullmatch(address):
        return f"{address} begins with 0x, but is not hexadecimal", ""
    for chain in chains:
        if wrong := form(address, chain):
            remedy = (
                "copy it again; in lower case it has no checksum" if "EIP-55" in wrong else "copy it again"
            )
            return f"{address} is no address on {chain}: {wrong}", remedy
    return None


def occurrences(data: bytes, sign: bytes) -> int:
    """How often a sign occurs, counted in pieces so that other threads have their turn."""
    step = 1024 * 1024
    return sum(data.count(sign, start, start + step) for start in range(0, len(data), step))


def crowded(data: bytes, least: int) -> bool:
    """Whether a long body has a value in fewer than `least` bytes on average: no API writes so."""
    return len(data) > 32 * 1024 and occurrences(data, b",") * least > len(data)
