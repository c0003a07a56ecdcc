"""Identity of this member: its name, what it would lead, and the mark of what it watches by which rules."""

from __future__ import annotations

import hashlib

from watcher import __version__
from watcher.config.configuration import Configuration
from watcher.ports.members import PLAN, Identity, tell


def identity_of(configuration: Configuration) -> Identity:
    """What a configuration makes of the member that runs it."""
    settings = configuration.settings
    roles = settings.cluster.roles
    lanes = [tell(name) for name in settings.channels] if "tell" in roles else []
    planning = [PLAN] if "plan" in roles else []
    return Identity(settings.cluster.name, (*planning, *lanes), fingerprint_of(configuration), __version__)


def fingerprint_of(configuration: Configuration) -> str:
    """Mark of the rules, the watch list and the channels: members that have these alike have it alike."""
    settings, mark = configuration.settings, hashlib.sha256()
    rules = sorted(rule.model_dump_json() for rule in configuration.rules)
    wallets = sorted(
        f"{wallet.name} {sorted(wallet.accounts)} {wallet.tags} {wallet.every} {wallet.at_least_every}"
        for wallet in settings.wallets
    )
    for part in (*rules, *wallets, *sorted(settings.channels), *sorted(settings.sources)):
        mark.update(part.encode() + b"\n")
    return mark.hexdigest()[:12]
