"""Settings of an Electrum server: its address, its chain, and how its certificate is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from watcher.domain.credits.allowance import Allowance
from watcher.domain.model import SWEEPS, Account
from watcher.domain.values.chains import canonical
from watcher.domain.values.errors import Advice, InputError
from watcher.domain.values.fields import Words
from watcher.domain.values.normalization import address_key
from watcher.domain.values.scripts import SCRIPT_CHAINS, script_hash, script_of
from watcher.hints.kind import HintContext, HintKind
from watcher.ports.hints import Where
from watcher.system.addresses import is_loopback

if TYPE_CHECKING:
    from watcher.hints.electrum.source import ElectrumSource
    from watcher.hints.setup import HintSetup

_HEX = re.compile(r"[0-9a-f]{64}")


def _server(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InputError("is not the address of a server", "as in ssl://electrum.example:50002") from None
    if parts.scheme not in {"ssl", "tcp"} or not host or not port or parts.username or parts.query:
        raise InputError("must be ssl://, a host and a port", "as in ssl://electrum.example:50002")
    if parts.scheme == "tcp" and not is_loopback(host):
        raise InputError("must begin with ssl://", "tcp is for this machine only, anybody could change it")
    return url


def _one_chain(chains: tuple[str, ...]) -> tuple[str, ...]:
    if len(chains) != 1:
        raise InputError("must name one chain", "an Electrum server knows one; name a source for each")
    if canonical(chains[0]) not in SCRIPT_CHAINS:
        known = ", ".join(SCRIPT_CHAINS)
        raise InputError(f"'{chains[0][:60]}' is no chain with Electrum servers here", f"known: {known}")
    return chains


def _fingerprint(text: str) -> str:
    plain = text.replace(":", "").lower()
    if not _HEX.fullmatch(plain):
        raise InputError("is no SHA-256 of a certificate", "write its 64 hexadecimal digits")
    return plain


class ElectrumHints(HintKind):
    """Settings of an Electrum server whose word is listened to."""

    kind: Literal["electrum"]
    url: Annotated[str, AfterValidator(_server)]
    """Address of the server, as in `ssl://electrum.example:50002`."""
    chains: Annotated[Words, AfterValidator(_one_chain)]
    """The chain of the server, as the wallets name it."""
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = None
    """SHA-256 of the server's certificate, for the many that sign their own. With it nothing else of the
    certificate is looked at."""
    most: int = Field(default=10_000, ge=1, le=100_000)
    """Addresses that are subscribed to."""

    @property
    def named_chains(self) -> tuple[str, ...]:
        return self.chains

    def covers(self, account: Account) -> bool:
        chain = canonical(account.chain)
        here = chain in SWEEPS or _folded(chain) == _folded(canonical(self.chains[0]))
        return here and script_of(account.address, self.chains[0]) is not None

    def warnings(self, accounts: Sequence[Account], asked: Allowance) -> Iterator[Advice]:  # noqa: ARG002
        if (many := len(self._wheres(accounts))) > self.most:
            yield Advice(f"only {self.most} of {many} addresses are subscribed to", "raise most")

    @classmethod
    def setup(cls, accounts: Sequence[Account]) -> HintSetup | None:
        from watcher.hints.electrum.setup import setup_for

        chains = [each.chain for each in accounts if script_of(each.address, each.chain) is not None]
        return setup_for(list(dict.fromkeys(chains))) if chains else None

    def build(self, context: HintContext) -> ElectrumSource:
        from watcher.hints.electrum.source import ElectrumSource

        watched = dict(islice(self._wheres(context.accounts).items(), self.most))
        return ElectrumSource(context.name, self.url, watched, context.clock, fingerprint=self.fingerprint)

    def _wheres(self, accounts: Sequence[Account]) -> dict[str, list[Where]]:
        """Script hash → the places that pay to it: a wallet may be written in two ways."""
        wheres: dict[str, list[Where]] = {}
        for account in accounts:
            if script := script_of(account.address, self.chains[0]):
                chain = self.chains[0] if account.chain in SWEEPS else account.chain
                where = Where(canonical(chain), address_key(account.address))
                held = wheres.setdefault(script_hash(script), [])
                held += [] if where in held else [where]
        return wheres


def _folded(chain: str) -> str:
    """Bitcoin Cash is written with a hyphen and without one."""
    return chain.replace("-", "_")
