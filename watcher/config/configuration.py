"""Configuration: one file and the rule files that it names, found sound; and what it asks to be built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from watcher.config.rule_files import Rulebook, load_rules
from watcher.config.settings import Settings, read_settings
from watcher.config.warnings import deaf_channels, one_url_twice, without_credits, without_pictures
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account
from watcher.domain.readings.asset_policies import Policies
from watcher.domain.rules import Rule
from watcher.domain.values.errors import ConfigurationError
from watcher.notify.heartbeat import Heartbeat
from watcher.ports.channel import Channel, Draw
from watcher.ports.source import Source
from watcher.ports.store import StoreBackend


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration file and the rule files it names, both found sound."""

    settings: Settings
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...] = ()


def configure(
    path: Path, env: Mapping[str, str], *, telling: bool = True, keyless: bool = False
) -> Configuration:
    """Read and check everything offline. ConfigurationError carries every mistake, those of rules too.

    `telling`: whether channels are tried too, which loads their library; who only looks needs none, nor
    a secret (`keyless`): one that is not set is then no mistake.
    """
    draft = read_settings(path, env, keyless=keyless)
    problems = draft.problems
    settings, book = draft.settings, Rulebook((), ())
    try:
        book = load_rules(draft.rules, draft.channels, draft.wallets, draft.sources)
    except ConfigurationError as error:
        problems += error.problems
    if settings is not None and telling:
        problems += deaf_channels(settings, draft.document)
    if settings is None or problems:
        raise ConfigurationError(problems)
    warnings = tuple(str(problem) for problem in (*settings.warnings, *book.warnings))
    warnings += tuple(without_credits(settings, book))
    if telling:
        warnings += (*without_pictures(settings), *one_url_twice(settings))
    return Configuration(settings, book.rules, warnings)


def build_rules(configuration: Configuration) -> Rules:
    """The rules over the watch list."""
    settings = configuration.settings
    wallets = {account: wallet.wallet for wallet in settings.wallets for account in wallet.accounts}
    return Rules(configuration.rules, wallets, tuple(settings.channels), Policies(settings.assets))


def build_channels(settings: Settings, only: str | None = None, draw: Draw | None = None) -> list[Channel]:
    """The channels that the settings name; `draw`: for those that want pictures."""
    return [kind.build(name, draw) for name, kind in settings.channels.items() if only in (None, name)]


def fallbacks(settings: Settings) -> dict[str, str]:
    """The channels that are told in place of others."""
    return {name: kind.fallback for name, kind in settings.channels.items() if kind.fallback is not None}


def quiet_hours(settings: Settings) -> dict[str, QuietPeriod]:
    """The quiet hours of channels that have some."""
    periods = {name: kind.quiet_period for name, kind in settings.channels.items()}
    return {name: period for name, period in periods.items() if period is not None}


def build_source(settings: Settings, name: str) -> Source:
    """One source with the wallets that it watches."""
    wallets = (wallet.watched for wallet in settings.wallets if wallet.source == name)
    return settings.sources[name].build(name, wallets)


def accounts_of(settings: Settings, source: str) -> list[Account]:
    """Every account of one source, in the order of the file."""
    return [account for wallet in settings.wallets if wallet.source == source for account in wallet.accounts]


def build_heartbeat(settings: Settings) -> Heartbeat | None:
    """The call to the dead-man's switch, if there is one."""
    found = settings.heartbeat
    return Heartbeat(found.url, found.proxy) if found is not None else None


def store_of(settings: Settings) -> StoreBackend:
    """The store that the settings name, whether or not it is there yet."""
    return settings.store.backend(settings.path)


def credit_plans(settings: Settings) -> dict[str, CreditPlan]:
    """The plan of each source that is paid in credits."""
    found = {}
    for name in settings.sources:
        plan = build_source(settings, name).allowance.credits
        if plan is not None:
            found[name] = plan
    return found
