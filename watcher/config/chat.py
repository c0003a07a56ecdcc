"""The sections `people:` and `chat:`: who may answer in which channels. Read only where the file has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from watcher.config.document import Document
from watcher.config.models import DistinctWords
from watcher.config.problems import checked
from watcher.domain.values.errors import InputError, Problem
from watcher.domain.values.spelling import nearest
from watcher.domain.values.text import is_visible
from watcher.notify.kind import ChannelKind

LONGEST_NAME = 100
"""Characters of a person's name: it is kept with all that the person does."""

People = Mapping[str, Mapping[str, str]]
"""Name → service → the id that the service knows the person by."""


class ChatSettings(BaseModel):
    """Which channels people may answer in: by buttons under alerts, and by commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    channels: Annotated[DistinctWords, Field(min_length=1, examples=[["ops"]])]
    """Names of the channels in which people may answer."""


def read_people(document: Document, kinds: Mapping[str, type[ChannelKind]]) -> People:
    """Those who are soundly named; what is wrong with the others is reported in the document."""
    section = document.root.get("people")
    if section is None or section.value is None:
        return {}
    if not isinstance(section.value, dict):
        document.report(("people",), "people must be a mapping", "write 'NAME: {telegram: \"…\"}' below it")
        return {}
    services = {kind.service: kind for kind in kinds.values() if kind.service}
    found = {name: _ids(document, name, services) for name in section.plain_keys()}
    owners: dict[tuple[str, str], str] = {}
    for name, ids in found.items():
        for service, identity in ids.items():
            owner = owners.setdefault((service, identity), name)
            if owner != name:
                what = f"{owner} has the same id: nobody could tell who answers"
                document.report(("people", name, service), what, "give each person an id of their own")
    return found


def read_chat(document: Document, channels: Mapping[str, ChannelKind], people: People) -> ChatSettings | None:
    """The channels in which people may answer, after reporting those in which nobody can."""
    node = document.root.get("chat")
    if node is None or node.value is None:
        return None
    chat = checked(document, ("chat",), ChatSettings)
    section = document.root.get("channels")
    known = section.plain_keys() if section is not None else []
    able = [name for name, kind in channels.items() if kind.service]
    heard: dict[tuple[str, str], str] = {}
    for number, name in enumerate(chat.channels if chat is not None else ()):
        # A list of one may be written as a word alone.
        place: tuple[str | int, ...] = ("chat", "channels")
        place = (*place, number) if isinstance(document.at(place).value, list) else place
        kind = channels.get(name)
        if name not in known:
            document.report(place, f"there is no channel '{name}'", nearest(name, able or known))
        elif kind is not None:
            _check_channel(document, place, name, kind, people)
            first = heard.setdefault((kind.service, kind.listens_as), name)
            if kind.listens_as and first != name:
                what = f"'{first}' and '{name}' are the same bot, and only one of them can hear people"
                document.report(place, what, "give each of them a bot of its own, or leave one out")
    return chat


def without_chat(document: Document, people: People, chat: ChatSettings | None) -> Iterator[Problem]:
    """People who are named, and can answer nowhere."""
    if people and chat is None:
        what = "people are named here, and no channel in which they may answer"
        yield Problem(document.place(("people",), key=True), what, "add 'chat: {channels: […]}'")


def _ids(document: Document, name: str, services: Mapping[str, type[ChannelKind]]) -> dict[str, str]:
    """The ids of one person."""
    place = ("people", name)
    node = document.at(place)
    if not name.strip() or not is_visible(name) or name != name.strip() or len(name) > LONGEST_NAME:
        what = f"a name must be visible text, at most {LONGEST_NAME} characters"
        document.report(place, what, key=True)
    if not isinstance(node.value, dict) or not node.value:
        example = next(iter(services), "SERVICE")
        document.report(place, f"{name} has no ids", f'write {{{example}: "…"}}')
        return {}
    found = {}
    for service, below in node.value.items():
        here = (*place, service)
        kind = services.get(service)
        if kind is None:
            document.report(here, f"nobody can answer by '{service}'", nearest(service, services), key=True)
            continue
        value: Any = below.value
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        try:
            found[service] = kind.person_id(text)
        except InputError as error:
            document.report(here, f"people.{name}.{service} {error.what}", error.remedy)
    return found


def _check_channel(
    document: Document, place: tuple[str | int, ...], name: str, kind: ChannelKind, people: People
) -> None:
    """That a channel can be answered in, and somebody may."""
    if not kind.service:
        word = getattr(kind, "kind", "")
        what = f"nobody can answer in '{name}': it is of kind {word}"
        document.report(place, what, "name one whose service has buttons, as kinds telegram and slack have")
    elif not kind.listens_as:
        document.report(place, f"'{name}' cannot hear anybody", f"give it '{kind.listens_with}'")
    elif not any(kind.service in ids for ids in people.values()):
        remedy = f'write people: {{alice: {{{kind.service}: "…"}}}}'
        document.report(place, f"nobody in people: has an id for {kind.service}", remedy)
