"""Configuration: one file and the rule files that it names, found sound; and what it asks to be built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.config.document import Document
from watcher.config.rule_files import Rulebook, load_rules
from watcher.config.settings import PartialSettings, Settings, read_settings
from watcher.config.wallets import AccountsOf, WalletsByAccount
from watcher.domain.alerts.quiet_hours import QuietPeriod
from watcher.domain.credits.allowance import CreditPlan
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Severity
from watcher.domain.model import Account
from watcher.domain.readings.asset_policies import Policies
from watcher.domain.records import Record
from watcher.domain.rules import BudgetRule, Rule
from watcher.domain.values.errors import ConfigurationError, InputError, Problem, StoreBusyError, StoreError
from watcher.notify.kind import ChannelKind
from watcher.notify.locales import EXTRA, can_localise
from watcher.ports.channel import PLAINLY, Channel, Presentation

if TYPE_CHECKING:
    from watcher.notify.heartbeat import Heartbeat
    from watcher.ports.clock import Clock
    from watcher.ports.hints import ApiAccess, HintSource
    from watcher.ports.source import Source


class Configuration(Record, frozen=True, eq=False):
    """A configuration file and the rule files it names, both found sound."""

    settings: Settings
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...] = ()


def configure(
    path: Path, env: Mapping[str, str], *, channels: bool = True, secrets: bool = True
) -> Configuration:
    """Read and check everything offline. ConfigurationError carries every mistake, those of rules too.

    `channels`: whether they are built too, which loads their library. `secrets`: whether one that is not set
    is a mistake. Who only looks needs neither.
    """
    partial = read_settings(path, env, secrets=secrets)
    if channels:
        _check_channels(partial.document, partial.sound_channels)
        _check_hint_sources(partial)
    problems = partial.problems
    settings, book = partial.settings, Rulebook((), ())
    try:
        book = load_rules(partial.rules, partial.channels, partial.wallets, partial.sources)
    except ConfigurationError as error:
        problems += error.problems
    if settings is None or problems:
        raise ConfigurationError(problems)
    warnings = tuple(str(problem) for problem in (*settings.warnings, *book.warnings))
    warnings += tuple(_without_credits(settings, book))
    if channels:
        warnings += tuple(_alike(settings, book))
        warnings += (
            *_without_pictures(settings),
            *_without_files(settings),
            *_without_locales(settings),
            *_one_url_twice(settings),
        )
    return Configuration(settings, book.rules, warnings)


def check_store(settings: Settings) -> None:
    """ConfigurationError if the store cannot be used as it stands; StoreBusyError if it is away for now."""
    try:
        said = [(each.what, each.remedy) for each in settings.store.refusals()]
    except StoreBusyError:
        raise
    except StoreError as error:
        said = [(str(error), "")]
    if said:
        way = ("configuration", "store")
        raise ConfigurationError([Problem(settings.store_place, *each, way=way) for each in said])


def build_rules(configuration: Configuration) -> Rules:
    """The rules over the watch list."""
    settings = configuration.settings
    policies, wallets = Policies(settings.assets), WalletsByAccount(settings.wallets)
    return Rules(configuration.rules, wallets, tuple(settings.channels), policies, tuple(settings.hints))


def build_channels(
    settings: Settings,
    only: str | None = None,
    present: Callable[[str], Presentation] = lambda _name: PLAINLY,
) -> list[Channel]:
    """The channels that the settings name; `present`: how each shows what it tells."""
    kinds = settings.channels.items()
    return [kind.build(name, present(name)) for name, kind in kinds if only in (None, name)]


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


def accounts_of(settings: Settings, source: str) -> AccountsOf:
    """Every account of one source, in the order of the file."""
    return AccountsOf(wallet for wallet in settings.wallets if wallet.source == source)


def hinted_accounts(settings: Settings, name: str) -> tuple[Account, ...]:
    """The accounts about which one hint source is listened to, in the order of the file."""
    from watcher.config.hint_checks import covered

    return covered(settings.hints[name], settings.wallets)


def build_hint_source(settings: Settings, name: str, clock: Clock, api: ApiAccess | None) -> HintSource:
    """One hint source; `api`: access to the source that its kind asks, if it asks one."""
    from watcher.hints.kind import HintContext

    return settings.hints[name].build(HintContext(name, hinted_accounts(settings, name), clock, api))


def build_heartbeat(settings: Settings) -> Heartbeat | None:
    """The call to the dead-man's switch, if there is one."""
    found = settings.heartbeat
    if found is None:
        return None
    from watcher.notify.heartbeat import Heartbeat

    return Heartbeat(found.url, found.proxy)


def credit_plans(settings: Settings) -> dict[str, CreditPlan]:
    """The plan of each source that is paid in credits."""
    plans = {name: kind.credit_plan for name, kind in settings.sources.items()}
    return {name: plan for name, plan in plans.items() if plan is not None}


def _without_credits(settings: Settings, book: Rulebook) -> Iterator[str]:
    """Rules about the credits of a source that sells none."""
    for rule in book.rules:
        if isinstance(rule, BudgetRule) and not settings.sources[rule.source].sells_credits:
            yield f"rule {rule.id}: source '{rule.source}' sells no credits; it can never fire: name another"


def wants_pictures(settings: Settings) -> bool:
    """Whether a chart is to go with the alerts of any channel."""
    return any(kind.wants_pictures for kind in settings.channels.values())


def _without_pictures(settings: Settings) -> Iterator[str]:
    """Channels that are to have pictures and will not."""
    for name, kind in settings.channels.items():
        if not kind.wants_pictures:
            continue
        if find_spec("PIL") is None:
            remedy = "pip install 'balance-watcher[charts]'"
            yield f"channel {name}: there are no pictures without the extra `charts`: {remedy}"
        elif not kind.takes_pictures:
            yield f"channel {name}: this service takes no attachments, its alerts come without pictures"


def _alike(settings: Settings, book: Rulebook) -> Iterator[str]:
    """Channels in which what is critical looks like the rest, where no other channel rings for it; and a
    `priority` that no service hears."""
    kinds = settings.channels
    rings = {name: kind.rings for name, kind in kinds.items()}
    for name, kind in kinds.items():
        if kind.priority and not kind.hears_priority:
            yield f"channel {name}: this service has no priorities, `priority` changes nothing: leave it out"
            continue
        if rings[name] is not False:
            continue
        heard = [rule for rule in book.rules if rule.notify is None or name in rule.notify]
        others = {rule.severity for rule in heard if rule.severity is not Severity.CRITICAL}
        grave = {rule.notify or tuple(kinds) for rule in heard if rule.severity is Severity.CRITICAL}
        if others and any(not any(rings[other] for other in told) for told in grave):
            least = Severity.INFO if Severity.INFO in others else Severity.WARNING
            yield f"channel {name}: this service has no priorities: critical rings like {least.value}"


def _without_files(settings: Settings) -> Iterator[str]:
    """Reports of which nothing but the words arrives."""
    for name, report in settings.reports.items():
        for channel in report.channels:
            if not settings.channels[channel].takes_pictures:
                why = "this service takes no files"
                yield f"channel {channel}: {why}, report {name} comes without its page and its table"


def _without_locales(settings: Settings) -> Iterator[str]:
    """Languages that times and numbers cannot be written in."""
    own = [kind.display.locale for kind in settings.channels.values() if kind.display is not None]
    named = [each for each in dict.fromkeys([settings.display.locale, *own]) if each is not None]
    if named and not can_localise():
        what = f"display: without the extra `display` times and numbers are not written as in {named[0]}"
        yield f"{what}: {EXTRA}"


def _one_url_twice(settings: Settings) -> Iterator[str]:
    """Channels that are one: a fallback that is out of reach too, and people who are told twice."""
    kinds = settings.channels
    first: dict[str, str] = {}
    for name, kind in kinds.items():
        same = first.setdefault(kind.destination, name)
        if not kind.destination or same == name:
            continue
        stands_in = name == kinds[same].fallback or same == kind.fallback
        why = "where one is out of reach its fallback is too" if stands_in else "by both one is told twice"
        yield f"channels {same} and {name} have the same URL: {why}"


def _check_channels(document: Document, channels: Mapping[str, ChannelKind]) -> None:
    """Add the channels that cannot be built to the mistakes."""
    for name, kind in channels.items():
        if any(each.faulty for _, each in document.at(("channels", name)).children()):
            continue  # what is wrong with it, a secret that may not be read say, is told already
        try:
            kind.build(name)
        except InputError as error:
            # Its words hold no secret. To take out what is hidden would take out whole words of the advice.
            loc = ("channels", name, *(error.place or ("url",)))
            found = Problem(document.place(loc), error.what, error.remedy, way=document.way(loc))
            document.problems.append(found)


def _check_hint_sources(partial: PartialSettings) -> None:
    """Add the hint sources that cannot be built to the mistakes."""
    if partial.sound_hints:
        from watcher.config.hint_checks import check_builds

        check_builds(partial.document, partial.sound_hints, partial.watch_list)
