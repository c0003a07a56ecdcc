"""Identity of this member: its name, what it would lead, and the mark of what it watches by which rules."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from watcher import __version__
from watcher.config.configuration import Configuration
from watcher.config.wallets import WalletSettings
from watcher.domain.model import Account
from watcher.ports.members import PLAN, Identity, MemberState, tell

_OF_A_MACHINE = {"base_url", "proxy", "timeout"}
"""What of a source may differ from machine to machine: the way to it. Its secrets are shown to nobody."""


def identity_of(configuration: Configuration) -> Identity:
    """What a configuration makes of the member that runs it."""
    settings = configuration.settings
    roles = settings.cluster.roles
    lanes = [tell(name) for name in settings.channels] if "tell" in roles else []
    planning = [PLAN] if "plan" in roles else []
    return Identity(settings.cluster.name, (*planning, *lanes), fingerprint_of(configuration), __version__)


def planned_otherwise(configuration: Configuration, members: Sequence[MemberState]) -> str:
    """Who plans now by other rules or another watch list than these; empty if nobody does."""
    mark = fingerprint_of(configuration)
    return next((each.name for each in members if PLAN in each.leads and each.fingerprint != mark), "")


@lru_cache(maxsize=1)
def fingerprint_of(configuration: Configuration) -> str:
    """Mark of the rules, the watch list, the channels and what may be asked of sources: members that
    have these alike have it alike, of another version too: what is left at its default has no part in it."""
    settings, mark = configuration.settings, hashlib.sha256()
    rules = sorted(
        f"{rule.type} {rule.model_dump_json(exclude_defaults=True)}" for rule in configuration.rules
    )
    wallets = (
        f"{wallet.name} {_listed(wallet)} {wallet.tags} {wallet.assets} {wallet.every} "
        f"{wallet.at_least_every} {wallet.discover} {wallet.weight} {wallet.hints}"
        for wallet in sorted(settings.wallets, key=lambda each: f"{each.name} [")
    )
    sources = sorted(
        f"{name} {getattr(kind, 'kind', '')} {kind.model_dump(exclude=_OF_A_MACHINE, exclude_defaults=True)}"
        for name, kind in settings.sources.items()
    )
    # One wallet after the other: of a million accounts all this is 80 MB of text.
    for part in chain(rules, wallets, sorted(settings.channels), sources):
        mark.update(part.encode() + b"\n")
    return mark.hexdigest()[:12]


def _listed(wallet: WalletSettings) -> str:
    """The accounts of a wallet in the order of their chains, as Python writes a list of them."""
    return repr(wallet.account_address).join(_around(wallet.source, wallet.account_chains))


@lru_cache(maxsize=64)
def _around(source: str, chains: tuple[str, ...]) -> tuple[str, ...]:
    """What stands around the address of each account: many wallets are on the same chains."""
    listed = str(sorted(Account(source, each, "") for each in chains))
    return tuple(listed.split("''"))
