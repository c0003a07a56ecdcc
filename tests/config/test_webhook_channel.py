"""A channel of kind webhook in the configuration: its mistakes, and what is probably not meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.config.given import ENV, SOUND, load, mistakes, write
from tests.configured import load_settings
from tests.notify.webhooks import SECRET, paper
from watcher.config.configuration import configure
from watcher.config.json_schema import json_schema
from watcher.system.addresses import is_public

URL = "https://hooks.example.org/t0ken"


def machine(**keys: str) -> str:
    written = {"kind": "webhook", "url": URL, **keys}
    return SOUND + "  machine:\n" + "".join(f"    {key}: {value}\n" for key, value in written.items())


@pytest.mark.parametrize(
    ("keys", "what", "remedy"),
    [
        ({"url": "hooks.example.org/t0ken"}, "must be a web address", "begin it with https://"),
        ({"url": "slack://t0ken"}, "must be a web address", "begin it with https://"),
        ({"secret": '""'}, "is empty", "leave it out, or make one"),
        ({"format": "alertmanger"}, "is not one of watcher, alertmanager", "did you mean 'alertmanager'?"),
        ({"timeout": "1h"}, "must be between 0.1s and 10m", ""),
        ({"secrets": SECRET}, "unknown key 'secrets'", "secret"),
        ({"proxy": "nowhere"}, "must be the address of an HTTP proxy", ""),
    ],
)
def test_a_mistake_is_told_with_its_remedy_and_without_the_address(
    tmp_path: Path, keys: dict[str, str], what: str, remedy: str
) -> None:
    (problem,) = mistakes(tmp_path, machine(**keys))
    assert what in str(problem)
    assert remedy in problem.remedy
    assert "t0ken" not in str(problem)
    assert SECRET not in str(problem)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, []),
        ({"secret": SECRET}, []),
        ({"secret": SECRET[:16]}, []),
        ({"secret": SECRET[:15]}, ["'secret' has only 15 characters, and can be guessed"]),
        ({"url": "http://hooks.example.org/t0ken"}, ["'url' goes through the open net as http://"]),
        ({"url": "http://8.8.8.8/t0ken"}, ["'url' goes through the open net as http://"]),
        ({"url": "http://127.0.0.1:9/t0ken"}, []),
        ({"url": "http://receiver:9/t0ken"}, []),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(
    tmp_path: Path, keys: dict[str, str], said: list[str]
) -> None:
    found = [each for each in load(tmp_path, machine(**keys)).warnings if "machine" in each.what]
    assert [words in each.what for words, each in zip(said, found, strict=True)] == [True] * len(said)
    assert "t0ken" not in str(found)
    assert SECRET[:15] not in str(found)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        *((host, True) for host in ("example.org", "EXAMPLE.org.", "1.1.1.1", "2606:4700::1111")),
        *(
            (host, False)
            for host in ("localhost", "db", "nas.local", "a.INTERNAL", "10.1.2.3", "fd00::1", "::1")
        ),
    ],
)
def test_a_host_of_the_open_net_is_told_from_one_nearby(host: str, public: bool) -> None:
    assert is_public(host) is public


def test_address_and_secret_may_stand_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("https://hooks.example.org/t0ken\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    text = machine(url_file="url", secret_file="secret").replace(
        "    url: https://hooks.example.org/t0ken\n", ""
    )
    channel = load_settings(write(tmp_path, text), ENV).channels["machine"]
    assert channel.destination == URL
    assert SECRET not in repr(channel)
    assert "t0ken" not in repr(channel)


def test_a_proxy_for_what_is_not_encrypted_is_a_mistake_at_its_own_place(tmp_path: Path) -> None:
    text = machine(url="http://127.0.0.1:9/t0ken", proxy='"http://proxy.test:3128"')
    path = write(tmp_path, text)
    with pytest.raises(Exception, match="called directly; leave proxy out") as refusal:
        configure(path, ENV)
    line = text[: text.index("proxy:")].count("\n") + 1
    assert f":{line}:" in str(refusal.value)


def test_what_the_paper_shows_is_sound(tmp_path: Path) -> None:
    (shown,) = re.findall(r"(?ms)^```yaml\n(.*?)^```", paper())
    text = SOUND[: SOUND.index("channels:")] + shown
    found = load_settings(write(tmp_path, text), {**ENV, "MACHINE_URL": URL, "MACHINE_SECRET": SECRET})
    assert list(found.channels) == ["machine"]
    assert [each for each in found.warnings if "machine" in each.what] == []


def test_the_schema_knows_it() -> None:
    found = json_schema()["$defs"]["WebhookChannelSettings"]
    assert {"url", "url_file", "secret", "secret_file", "format"} <= found["properties"].keys()
    assert found["properties"]["kind"]["const"] == "webhook"
