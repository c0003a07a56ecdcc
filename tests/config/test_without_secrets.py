"""Verbs that only look need no key: under systemd the keys are the daemon's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import KEY, KINDS, SOUND, write
from watcher.config.settings import PartialSettings, read_settings


def looked_at(folder: Path, text: str = SOUND) -> PartialSettings:
    return read_settings(write(folder, text), {}, KINDS, secrets=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ('api_key: "${COINSTATS_API_KEY}"', "api_key_file: /nowhere/key"),
        ("channels:", 'heartbeat: {url: "${PING_URL}"}\nchannels:'),
        ("channels:", 'web: {listen: "0.0.0.0:80", token: "${TOKEN}"}\nchannels:'),
    ],
)
def test_a_secret_that_is_not_set_is_no_mistake_for_who_only_looks(
    tmp_path: Path, old: str, new: str
) -> None:
    partial = looked_at(tmp_path, SOUND.replace(old, new, 1) if old else SOUND)
    assert partial.problems == []
    assert partial.settings is not None
    assert [wallet.name for wallet in partial.settings.wallets] == ["treasury", "bonds"]


def test_what_is_no_secret_must_be_set_all_the_same(tmp_path: Path) -> None:
    partial = looked_at(tmp_path, SOUND.replace("every: 1m", 'every: "${EVERY}"'))
    assert [problem.what for problem in partial.problems] == ["the variable EVERY is not set"]


def test_two_keys_that_are_not_set_are_two_keys(tmp_path: Path) -> None:
    spare = '  spare: {kind: coinstats, api_key: "${SPARE_KEY}"}\nwallets:\n'
    assert looked_at(tmp_path, SOUND.replace("wallets:\n", spare, 1)).problems == []


def test_a_secret_that_is_set_is_the_one_that_is_used(tmp_path: Path) -> None:
    env = {"COINSTATS_API_KEY": KEY, "HOOK": "x"}
    partial = read_settings(write(tmp_path, SOUND), env, KINDS, secrets=False)
    assert partial.settings is not None
    source = partial.settings.sources["coinstats"]
    assert source.api_key.get_secret_value() == KEY  # type: ignore[attr-defined]
