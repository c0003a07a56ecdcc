"""Actions of people in chats, through the same commands as the page and the command line.

All of it works on the store and belongs into a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from watcher.chat.orders import HELP, Order, Verb
from watcher.chat.words import alert_lines, explanation_lines, status_lines
from watcher.commands.alerts import Globs, acknowledge, add_silence, matchers_of, meant, silenceable, told
from watcher.config.configuration import Configuration, build_rules, credit_plans
from watcher.domain.alerts.events import Acknowledgeable
from watcher.domain.alerts.lifecycle import Ack, about
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor
from watcher.domain.messages.delivery import Delivery
from watcher.domain.messages.message import SHORT_ID, Severity
from watcher.domain.records import Record
from watcher.domain.values.errors import InputError
from watcher.domain.values.formatting import moment
from watcher.domain.values.normalization import one_form
from watcher.domain.values.spelling import nearest
from watcher.ports.queries import Queries
from watcher.ports.store import StoreAccess
from watcher.reports.alerts import AlertViews
from watcher.reports.explain import Explainer
from watcher.reports.status import report

SAME_SILENCE = timedelta(minutes=10)
"""Who silences the same again, to an end that is not later than by so much, has pressed twice."""

CHAT = "chat in"
"""How it is kept that something was said in a chat; the channel follows."""

STILL = "it is not repeated, and not escalated"


class Outcome(Record, frozen=True):
    """What came of an order. `text`: for who gave it. `told`: for all, empty if nothing was changed.

    `deliveries`: what channels were told of the alert that it is about. `settled`: it is acknowledged.
    """

    text: str
    told: str = ""
    deliveries: tuple[Delivery, ...] = ()
    settled: bool = False


class Followed(Record, frozen=True):
    """One acknowledgement as it was found, of one or several. `outcome`: what to tell; None if chats know."""

    ids: frozenset[str]
    at: datetime
    outcome: Outcome | None


class ChatActions:
    """Does what is ordered, over one configuration and its store."""

    def __init__(self, configuration: Configuration, store: StoreAccess) -> None:
        self._configuration, self._store = configuration, store
        self._settings = configuration.settings

    def do(self, order: Order, who: str, now: datetime, via: str) -> Outcome:
        """What came of it. `via`: where it was ordered. InputError, for people, if it cannot be done;
        StoreError if the store cannot."""
        if order.verb is Verb.ACKNOWLEDGE:
            return self._acknowledge(order, Actor(who, via, now))
        if order.verb is Verb.SILENCE:
            return self._silence(order, Actor(who, via, now))
        if order.verb is Verb.EXPLAIN:
            return Outcome("\n".join(self._explain(order, now)))
        if order.verb is Verb.HELP:
            return Outcome(HELP)
        return Outcome("\n".join(self._overview(order.verb, now)))

    def acknowledged(self, since: datetime) -> list[Followed]:
        """Who acknowledged what then or later, in order."""
        found: dict[Ack, list[Acknowledgeable]] = {}
        with self._store.queries() as reader:
            for each in reader.acknowledged(since):
                if each.acknowledged is not None:
                    found.setdefault(each.acknowledged, []).append(each)
            return [
                Followed(
                    frozenset(each.id for each in targets),
                    ack.at,
                    None if ack.via.startswith(CHAT) else _outcome(reader, ack, targets),
                )
                for ack, targets in found.items()
            ]

    def _acknowledge(self, order: Order, actor: Actor) -> Outcome:
        target, _ = self._target(order)
        found = acknowledge(self._store, actor, [target.id], order.comment)
        if found.done:
            with self._store.queries() as reader:
                return _outcome(reader, Ack.of(actor, order.comment), found.done)
        for before in found.already:
            return Outcome(f"acknowledged {before.acknowledged} already", settled=True)
        for alert in found.idle:
            raise InputError(f"it is {alert.state}", "there is nothing to acknowledge")
        raise InputError("it is a notice of watcher's own", "there is nothing to acknowledge")

    def _silence(self, order: Order, actor: Actor) -> Outcome:
        who, now = actor.name, actor.at
        deliveries: tuple[Delivery, ...] = ()
        if order.matchers:
            globs = {key: tuple(map(one_form, given)) for key, given in order.matchers.items()}
            self._check_matchers(globs)
        else:
            target, deliveries = self._target(order)
            rules, wallets = matchers_of(target)
            if target.rule not in silenceable(rule.id for rule in self._configuration.rules):
                raise InputError(
                    f"{target.rule} is told once, and once when it is over", "no silence holds it"
                )
            globs = {"rule": rules, "wallet": wallets}
        wanted = [globs.get(key, ()) for key in ("rule", "wallet", "severity", "tag")]
        until = now + order.lasting
        same = self._in_force(who, wanted, now)
        if same is not None and timedelta(0) <= until - same.until <= SAME_SILENCE:
            return Outcome(f"silenced already, until {moment(same.until)}")
        rules, wallets, severities, tags = wanted
        made = add_silence(
            self._store, actor, order.lasting, order.comment,
            rules=rules, wallets=wallets, severities=severities, tags=tags,
        )  # fmt: skip
        said = f": {order.comment}" if order.comment else ""
        words = (
            f"{who} silenced {made.matched} until {moment(made.until)}{said}\nsilence {made.id[:SHORT_ID]}"
        )
        ended = f"`watcher silence expire {made.id[:SHORT_ID]}` ends it earlier"
        text = f"silenced until {moment(made.until)}; {ended}"
        return Outcome(text, words, deliveries)

    def _in_force(self, who: str, wanted: Sequence[Globs], now: datetime) -> Silence | None:
        """The silence of the same by the same person that lasts longest."""
        with self._store.queries() as reader:
            found = [
                each
                for each in reader.silences()
                if each.author == who
                and now < each.until
                and [each.rules, each.wallets, each.severities, each.tags] == list(wanted)
            ]
        return max(found, key=lambda each: each.until, default=None)

    def _check_matchers(self, globs: Mapping[str, Globs]) -> None:
        """That each names something: a silence that was misspelt would keep nothing quiet."""
        wallets = self._settings.wallets
        known: Mapping[str, Sequence[str]] = {
            "rule": sorted(silenceable(rule.id for rule in self._configuration.rules)),
            "wallet": [wallet.name for wallet in wallets],
            "severity": list(Severity),
            "tag": [tag for wallet in wallets for tag in wallet.tags],
        }
        for key, patterns in globs.items():
            for pattern in patterns:
                if not any(fnmatchcase(one_form(name), pattern) for name in known[key]):
                    raise InputError(f"there is no {key} '{pattern[:60]}'", nearest(pattern, known[key]))

    def _overview(self, verb: Verb, now: datetime) -> list[str]:
        settings = self._settings
        with self._store.queries() as reader:
            if verb is Verb.ALERTS:
                rows = AlertViews(settings, reader.silences(), now).rows(reader.live_alerts())
                return alert_lines(rows)
            return status_lines(report(settings, reader, now, credit_plans(settings)))

    def _explain(self, order: Order, now: datetime) -> list[str]:
        target, _ = self._target(order)
        rule_id = about(target.rule)
        rules = build_rules(self._configuration)
        rule = rules.by_id.get(rule_id)
        if rule is None:
            return [_named(target), f"rule {rule_id}: watcher's own, or not in the configuration any more"]
        with self._store.queries() as reader:
            explainer = Explainer(self._settings, rules, reader, now, plans=credit_plans(self._settings))
            known = [each for each in explainer.subjects(rule) if target.subject in each.names]
            if not known:
                return [_named(target), f"rule {rule_id}: {rule.describe()}", "it has no such subject now"]
            return explanation_lines(explainer.explain(rule, known[0]))

    def _target(self, order: Order) -> tuple[Acknowledgeable, tuple[Delivery, ...]]:
        """What an order is about, and what channels were told of it."""
        with self._store.queries() as reader:
            found = told(reader, meant(reader, order.target))
            if found is None:
                raise InputError(f"there is no alert '{order.target[:40]}'", "/alerts lists them")
            return found, tuple(reader.deliveries_of(found.id))


def _outcome(reader: Queries, ack: Ack, targets: Sequence[Acknowledgeable]) -> Outcome:
    """What the others hear of it, and who of them heard of what it is about."""
    via = "" if ack.via.startswith(CHAT) or not ack.via else f" ({ack.via})"
    said = f": {ack.comment}" if ack.comment else ""
    more = f" (+{len(targets) - 1:,} more)" if len(targets) > 1 else ""
    words = f"{ack.by} acknowledged at {moment(ack.at)}{via}{said}\n{_named(targets[0])}{more}"
    deliveries = tuple(each for target in targets for each in reader.deliveries_of(target.id))
    return Outcome(f"acknowledged: {STILL}", words, deliveries, settled=True)


def _named(target: Acknowledgeable) -> str:
    return f"{target.label}: {target.because}" if target.because else target.label
