"""What a configuration that can be read asks for in vain."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from watcher.config.document import Document
from watcher.config.rule_files import Rulebook
from watcher.config.settings import Settings
from watcher.domain.rules import BudgetRule
from watcher.domain.values.errors import InputError, Problem


def without_credits(settings: Settings, book: Rulebook) -> Iterator[str]:
    """Rules about the credits of a source that sells none."""
    for rule in book.rules:
        if isinstance(rule, BudgetRule) and not settings.sources[rule.source].sells_credits:
            yield f"rule {rule.id}: source '{rule.source}' sells no credits; it can never fire: name another"


def wants_pictures(settings: Settings) -> bool:
    """Whether a chart is to go with the alerts of any channel."""
    return any(kind.wants_pictures for kind in settings.channels.values())


def without_pictures(settings: Settings) -> Iterator[str]:
    """Channels that are to have pictures and will not."""
    for name, kind in settings.channels.items():
        if not kind.wants_pictures:
            continue
        if find_spec("PIL") is None:
            remedy = "pip install 'balance-watcher[charts]'"
            yield f"channel {name}: there are no pictures without the extra `charts`: {remedy}"
        elif not kind.takes_pictures:
            yield f"channel {name}: this service takes no attachments, its alerts come without pictures"


def one_url_twice(settings: Settings) -> Iterator[str]:
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


def deaf_channels(settings: Settings, document: Document) -> list[Problem]:
    """Channels that cannot be built, as mistakes in the file."""
    problems = []
    for name, kind in settings.channels.items():
        try:
            kind.build(name)
        except InputError as error:
            place = document.place(("channels", name, *(error.place or ("url",))))
            problems.append(Problem(place, error.what, error.remedy))
    return problems
