"""The sections `people:` and `chat:`: who may answer where, and each mistake in them told with its place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.config.given import KINDS, SOUND, load, mistakes, write
from watcher.config.json_schema import json_schema

TELEGRAM = (
    '  phone: {kind: telegram, token: "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", chat: -1001234567890}\n'
)
SLACK = '  desk: {kind: slack, token: xoxb-1-2-3, channel: "#ops"}\n'
PEOPLE = 'people: {alice: {telegram: "11"}, bob: {telegram: 22}}\n'
CHAT = "chat: {channels: [phone]}\n"
WITH_PHONE = SOUND + TELEGRAM + SLACK

LOADED = """\
import json, sys
from pathlib import Path
import watcher.app.build, watcher.daemon.run
from watcher.config.configuration import configure
configure(Path(sys.argv[1]), {"COINSTATS_API_KEY": "k", "HOOK": "h"})
new = ("watcher.chat", "watcher.config.chat", "watcher.ports.chat", "watcher.notify.telegram.")
print(json.dumps(sorted(name for name in sys.modules if name.startswith(new))))
"""


def found(folder: Path, text: str) -> list[str]:
    return [f"{each.place.line} {each.what} | {each.remedy}" for each in mistakes(folder, text)]


def test_who_is_not_listened_to_loads_nothing_of_it(tmp_path: Path) -> None:
    program = [sys.executable, "-c", LOADED, str(write(tmp_path, SOUND))]
    loaded = json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    assert loaded == []


def test_people_are_known_by_their_ids_in_the_channels_that_are_named(tmp_path: Path) -> None:
    settings = load(tmp_path, WITH_PHONE + PEOPLE + CHAT)
    assert settings.people == {"alice": {"telegram": "11"}, "bob": {"telegram": "22"}}
    assert settings.chat is not None
    assert settings.chat.channels == ("phone",)
    assert settings.warnings == load(tmp_path, WITH_PHONE).warnings


@pytest.mark.parametrize("written", ["", "people:\nchat:\n", "people: null\nchat: null\n"])
def test_both_may_be_left_out(tmp_path: Path, written: str) -> None:
    settings = load(tmp_path, WITH_PHONE + written)
    assert (dict(settings.people), settings.chat) == ({}, None)


def test_people_who_can_answer_nowhere_are_probably_not_meant(tmp_path: Path) -> None:
    words = [str(each) for each in load(tmp_path, WITH_PHONE + PEOPLE).warnings]
    assert any("people are named here, and no channel in which they may answer" in each for each in words)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (PEOPLE + "chat: {channels: [fone]}\n", "there is no channel 'fone' | did you mean 'phone'?"),
        (
            PEOPLE + "chat: {channels: [ops]}\n",
            "nobody can answer in 'ops': it is of kind apprise | name one whose service has buttons",
        ),
        (
            CHAT,
            'nobody in people: has an id for telegram | write people: {alice: {telegram: "…"}}',
        ),
        (
            "people: {alice: {slack: U0A11CE}}\nchat: {channels: [desk]}\n",
            "'desk' cannot hear anybody | give it 'app_token'",
        ),
        (CHAT + "people: {alice: {slack: alice}}\n", "people.alice.slack is no member's id of Slack"),
        (PEOPLE + "chat: {channels: []}\n", "must have at least 1 item"),
        (PEOPLE + "chat: {chanels: [phone]}\n", "unknown key 'chanels' in chat | did you mean 'channels'?"),
        (CHAT + "people: [alice]\n", "people must be a mapping"),
        (CHAT + "people: {alice: {telegram: '@alice'}}\n", "people.alice.telegram is no person's id"),
        (CHAT + "people: {alice: {telegram: -100123}}\n", "people.alice.telegram is no person's id"),
        (CHAT + "people: {alice: {telegram: 1087968824}}\n", "stands for whoever writes in the name of"),
        (CHAT + "people: {alice: 12}\n", "alice has no ids"),
        (
            CHAT + 'people: {alice: {telegram: "1"}, bob: {telegram: 1}}\n',
            "alice has the same id: nobody could tell who answers | give each person an id of their own",
        ),
        (
            CHAT + 'people: {alice: {telegram: "1", telegran: "2"}}\n',
            "nobody can answer by 'telegran' | did you mean 'telegram'?",
        ),
        (CHAT + 'people: {" alice": {telegram: "1"}}\n', "a name must be visible text"),
    ],
)
def test_each_mistake_is_told_at_its_place(tmp_path: Path, written: str, words: str) -> None:
    told = found(tmp_path, WITH_PHONE + written)
    assert any(words in each for each in told), told
    line = int(next(each for each in told if words in each).split()[0])
    assert line > len(WITH_PHONE.splitlines())


def test_two_channels_of_one_bot_cannot_both_be_listened_to(tmp_path: Path) -> None:
    both = WITH_PHONE + TELEGRAM.replace("phone", "other").replace("-100123", "-100999")
    told = found(tmp_path, both + PEOPLE + "chat: {channels: [phone, other]}\n")
    assert len(told) == 1
    assert "'phone' and 'other' are the same bot, and only one of them can hear people" in told[0]
    assert load(tmp_path, both + PEOPLE + CHAT).chat is not None


def test_the_schema_knows_both_sections() -> None:
    properties = json_schema(KINDS)["properties"]
    assert "telegram" in properties["people"]["additionalProperties"]["properties"]
    assert "channels" in json.dumps(json_schema(KINDS)["$defs"]["ChatSettings"])
