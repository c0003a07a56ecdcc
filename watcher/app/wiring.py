"""Builds everything and closes it in reverse; the only place that sees concrete classes."""

from __future__ import annotations

import asyncio
import logging
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from watcher.config.rule_files import Rulebook, load_rules
from watcher.config.settings import Settings, read_settings
from watcher.config.warnings import deaf_channels, one_url_twice, without_credits, without_pictures
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.model import Account
from watcher.domain.readings.asset_policies import Policies
from watcher.domain.rules import Rule
from watcher.domain.values.errors import ConfigurationError, StoreError, StoreInUseError
from watcher.notify.heartbeat import Heartbeat
from watcher.ports.store import Channel, Draw, Source, Store, facts_of
from watcher.service.clock import Clock, SystemClock
from watcher.service.conclude import take_effect
from watcher.service.delivery import Deliverer
from watcher.service.metrics import CountedChannel, CountedSource, Metrics
from watcher.service.polling import Poller
from watcher.service.timers import TimeBasedEvaluation
from watcher.store.sqlite.in_memory import InMemoryStore
from watcher.store.sqlite.lock import StoreLock

log = logging.getLogger(__name__)

FINISH = 4.0
"""Seconds that requests and sends under way have to end before they are cut off."""


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


async def open_store(settings: Settings, *, exclusive: bool, tally: Metrics | None = None) -> Any:
    """The store that the settings name; `exclusive` for the one daemon, `tally` if it is to be counted."""
    store_path(settings)
    kind: Any = settings.store
    store = await kind.build(settings.base_dir, exclusive=exclusive)
    if tally is not None:
        store.on_concluded = tally.concluded
    return store


def build_rules(configuration: Configuration) -> Rules:
    """The rules over the watch list."""
    settings = configuration.settings
    wallets = {account: wallet.wallet for wallet in settings.wallets for account in wallet.accounts}
    return Rules(configuration.rules, wallets, tuple(settings.channels), Policies(settings.assets))


def build_channels(settings: Settings, only: str | None = None, draw: Draw | None = None) -> list[Channel]:
    """The channels that the settings name; `draw`: for those that want pictures."""
    kinds: Mapping[str, Any] = settings.channels
    channels = {name: kind.build(name) for name, kind in kinds.items() if only in (None, name)}
    for name, channel in channels.items():
        if draw is not None and getattr(kinds[name], "pictures", False):
            channel.draw = draw
    return list(channels.values())


def fallbacks(settings: Settings) -> dict[str, str]:
    """The channels that are told in place of others."""
    kinds: Mapping[str, Any] = settings.channels
    return {name: kind.fallback for name, kind in kinds.items() if kind.fallback is not None}


def quiet_hours(settings: Settings) -> dict[str, QuietPeriod]:
    """The quiet hours of channels that have some."""
    kinds: Mapping[str, Any] = settings.channels
    return {name: kind.quiet.build() for name, kind in kinds.items() if kind.quiet is not None}


@dataclass(slots=True)
class App:
    """Sources, rules and channels of one configuration at work over one store."""

    configuration: Configuration
    store: Store
    clock: Clock
    rules: Rules
    pollers: dict[str, Poller]
    channels: list[Channel]
    deliverer: Deliverer
    lapse: TimeBasedEvaluation
    tally: Metrics
    progress: dict[str, float] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.configuration.settings

    async def start(self) -> None:
        """Take up what an earlier run left, then set everything to work."""
        await self.prepare()
        self.deliverer.start()
        self._tasks = [
            asyncio.create_task(poller.run(), name=f"poll {name}") for name, poller in self.pollers.items()
        ]
        self._tasks.append(asyncio.create_task(self.lapse.run(), name="lapse"))

    async def prepare(self) -> None:
        """Give sources and channels their facts back, and let the configuration take effect on alerts."""
        for name, poller in self.pollers.items():
            poller.remember(await self.store.facts(name))
        for channel in self.channels:
            channel.remember(await self.store.facts(facts_of(channel.name)))
        await take_effect(self.store, self.rules, self.clock.now())

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What must run for ever; one that ends is a fault."""
        return self._tasks

    async def stop(self) -> None:
        """End within bounded time: first the polling, then the telling, then what they used."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.deliverer.stop(FINISH)
        await self.close()

    async def close(self) -> None:
        """Close sources and channels; a failure of one does not keep the others open."""
        closing = [poller.source.close() for poller in self.pollers.values()]
        closing += [channel.close() for channel in self.channels]
        for result in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("closing failed: %s", type(result).__name__)


def wire(
    configuration: Configuration,
    store: Store,
    *,
    clock: Clock | None = None,
    running_since: datetime | None = None,
    tally: Metrics | None = None,
    draw: Draw | None = None,
) -> App:
    """Build everything that one configuration asks for.

    `tally`: where to go on counting. `draw`: draws pictures for the channels that want some.
    """
    clock = clock or SystemClock()
    started = running_since or clock.now()
    settings = configuration.settings
    rules = build_rules(configuration)
    tally = tally or Metrics(started)
    tally.know(settings.sources, settings.channels)
    channels: list[Channel] = [CountedChannel(each, tally) for each in build_channels(settings, draw=draw)]
    deliverer = Deliverer(store, channels, clock, quiet=quiet_hours(settings), fallbacks=fallbacks(settings))
    progress: dict[str, float] = {}

    def beat(name: str) -> None:
        progress[name] = clock.monotonic()

    pollers = {}
    for name, kind in settings.sources.items():
        source = CountedSource(build_source(settings, name), tally, clock)
        pollers[name] = Poller(
            source,
            store,
            rules,
            clock,
            running_since=started,
            concurrency=getattr(kind, "concurrency", 1),
            on_deliveries=deliverer.wake,
            on_progress=lambda name=name: beat(name),  # type: ignore[misc]
        )

    def plans() -> dict[str, CreditPlan]:
        found = {name: poller.source.allowance.credits for name, poller in pollers.items()}
        return {name: plan for name, plan in found.items() if plan is not None}

    lapse = TimeBasedEvaluation(store, rules, clock, started, deliverer.wake, lambda: beat("lapse"), plans)
    return App(configuration, store, clock, rules, pollers, channels, deliverer, lapse, tally, progress)


def build_source(settings: Settings, name: str) -> Source:
    """One source with the wallets that it watches."""
    kind: Any = settings.sources[name]
    wallets = (wallet.watched for wallet in settings.wallets if wallet.source == name)
    source: Source = kind.build(name, wallets)
    return source


def accounts_of(settings: Settings, source: str) -> list[Account]:
    """Every account of one source, in the order of the file."""
    return [account for wallet in settings.wallets if wallet.source == source for account in wallet.accounts]


@contextmanager
def as_only_teller(settings: Settings) -> Iterator[bool]:
    """Whether no daemon works on the store; none can begin until the end of the block.

    Two processes that send what one store owes would send it twice.
    """
    try:
        lock = StoreLock(store_path(settings))
    except StoreInUseError:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def scratch_store() -> InMemoryStore:
    """A store in memory, for what must leave no trace."""
    return InMemoryStore()


def build_heartbeat(settings: Settings) -> Heartbeat | None:
    """The call to the dead-man's switch, if there is one."""
    found = settings.heartbeat
    return Heartbeat(found.url, found.proxy) if found is not None else None


def store_path(settings: Settings) -> Path:
    """The file of the store. StoreError if there is none yet, and one that was lost sight of elsewhere."""
    kind: Any = settings.store
    path: Path = kind.where(settings.base_dir)
    if not path.exists() and (other := kind.elsewhere(settings.path)) is not None:
        moving = f"mv {shlex.quote(str(other))}* {shlex.quote(str(path.parent))}/"
        raise StoreError(
            f"{path}: there is no store here; an earlier watcher, or one that was told of {settings.path} in "
            f"other words, kept one at {other}. Its credits are spent and its alerts are told. Stop what "
            f"runs on it, then: {moving} (or, if it is not wanted, move it out of that folder)"
        )
    return path


def second_store(settings: Settings) -> str:
    """A warning of a store of this configuration that is not the one in use; empty if there is none."""
    kind: Any = settings.store
    path: Path = kind.where(settings.base_dir)
    other = kind.elsewhere(settings.path)
    if other is None or not path.exists():
        return ""
    return (
        f"{path} is the store in use; {other} is another one of this configuration, made when it was named "
        "in other words. What that one holds (credits spent, alerts, silences) counts for nothing here, and "
        "its credits are spent all the same; stop what runs on it, then move it out of that folder"
    )


async def backup_store(
    settings: Settings, target: Path, progress: Callable[[float], None] = lambda _: None
) -> None:
    """Copy the store, verified, while a daemon may be writing to it. `progress` hears how far it is."""
    from watcher.store.sqlite.backup import backup

    await asyncio.to_thread(backup, store_path(settings), target, progress)


def credit_plans(settings: Settings) -> dict[str, CreditPlan]:
    """The plan of each source that is paid in credits."""
    found = {}
    for name in settings.sources:
        plan = build_source(settings, name).allowance.credits
        if plan is not None:
            found[name] = plan
    return found
