"""What a reload changed, in words for people; no value that could be a secret is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from pydantic import BaseModel

from watcher.config.configuration import Configuration
from watcher.config.wallets import WalletSettings
from watcher.domain.records import Record
from watcher.domain.values.durations import format_duration
from watcher.domain.values.formatting import counted

NAMED = 5
"""Names that are said of one section, at most; of more, how many there are."""
LONGEST = 60
"""Characters of a value that is said."""

SECTIONS = ("store", "cluster", "assets", "display", "web", "log", "heartbeat", "people", "chat", "explorers")
"""What has no names of its own."""

DERIVED = ("accounts", "promise")
"""Fields of a wallet that follow from others."""

Say = Callable[[object, object], str]


def differences(old: Configuration, new: Configuration) -> list[str]:
    """Words for each section that is another one than before."""
    before, after = old.settings, new.settings
    named: list[tuple[str, Mapping[str, object], Mapping[str, object], Say]] = [
        ("wallet", _by_name(before.wallets), _by_name(after.wallets), _values),
        ("rule", {each.id: each for each in old.rules}, {each.id: each for each in new.rules}, _values),
        ("source", before.sources, after.sources, _names_alone),
        ("channel", before.channels, after.channels, _names_alone),
        ("hint source", before.hints, after.hints, _names_alone),
        ("report", before.reports, after.reports, _names_alone),
    ]
    found = [words for each in named for words in _named(*each)]
    for section in SECTIONS:
        old_part, new_part = getattr(before, section), getattr(after, section)
        if old_part != new_part:
            said = _names_alone(old_part, new_part)
            found.append(f"changed {section}" + (f" ({said})" if said else ""))
    return found


def _by_name(wallets: Iterable[WalletSettings]) -> dict[str, object]:
    return {each.name: each for each in wallets}


def _named(kind: str, was: Mapping[str, object], now: Mapping[str, object], say: Say) -> Iterator[str]:
    for verb, names in (
        ("added", [name for name in now if name not in was]),
        ("removed", [name for name in was if name not in now]),
    ):
        if names:
            yield f"{verb} {_counted(kind, names, names)}"
    changed = [name for name in now if name in was and was[name] != now[name]]
    if changed:
        words = [
            f"{name} ({said})" if (said := say(was[name], now[name])) else name for name in changed[:NAMED]
        ]
        yield f"changed {_counted(kind, changed, words)}"


def _counted(kind: str, names: list[str], words: list[str]) -> str:
    listed = ", ".join(words[:NAMED])
    if len(names) == 1:
        return f"{kind} {listed}"
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{counted(len(names), kind)}: {listed}{more}"


def _values(was: object, now: object) -> str:
    """The fields that differ, with their values where these are short."""
    return ", ".join(f"{name}: {_shown(a)} → {_shown(b)}" for name, a, b in _fields(was, now))


def _names_alone(was: object, now: object) -> str:
    return ", ".join(name for name, _, _ in _fields(was, now))


def _fields(was: object, now: object) -> Iterator[tuple[str, object, object]]:
    if type(was) is not type(now):
        return
    if isinstance(was, BaseModel):
        names = list(type(was).model_fields)
    elif isinstance(was, Record):
        names = [each for each in was.__struct_fields__ if each not in DERIVED]
    else:
        return
    for name in names:
        a, b = getattr(was, name), getattr(now, name)
        if a != b:
            yield name, a, b


def _shown(value: object) -> str:
    text = _text(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _text(value: object) -> str:
    if value is None or value in ((), "", {}):
        return "none"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, tuple | list | frozenset):
        return " ".join(map(_text, value))
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool | int | float | str | Decimal):
        return str(value)
    return "another"
