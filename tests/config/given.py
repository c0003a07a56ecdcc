"""A configuration folder to start from, and the integrations of this installation."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from tests.configured import load_settings
from watcher.config.settings import Kinds, Settings
from watcher.domain.values.errors import ConfigurationError, Problem
from watcher.notify import KINDS as CHANNELS
from watcher.ports.store import StoreBackend
from watcher.sources import KINDS as SOURCES
from watcher.store.kind import StoreKind


class FileStore(StoreKind):
    """A kind of store that settings.py has never heard of."""

    kind: Literal["sqlite"] = "sqlite"
    path: Path = Path("watcher.db")

    def backend(self, config: Path, member: str = "") -> StoreBackend:
        raise NotImplementedError


class SharedStore(FileStore):
    """One that several machines may work on."""

    kind: Literal["shared"]  # type: ignore[assignment]
    shared: ClassVar[bool] = True


KINDS = Kinds({"sqlite": FileStore, "shared": SharedStore}, SOURCES, CHANNELS)

SOUND = """\
version: 1
store: {kind: sqlite, path: data/watcher.db}
sources:
  coinstats:
    kind: coinstats
    api_key: "${COINSTATS_API_KEY}"
  teos: {kind: teos, api_key: key-for-teos}
wallets:
  - name: treasury
    source: coinstats
    address: "0x9f114DA25b61b77606d47eAB414b9360f8783979"
    chains: [ethereum, base-wallet]
    tags: [treasury]
  - name: bonds
    source: teos
    address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
    assets: ["0x0fc6e610b23b09fae00e10001"]
    every: 1m
channels:
  ops: {url: "json://127.0.0.1:9/${HOOK}"}
"""
KEY = "cs-key-0123456789abcdef"
ENV: Mapping[str, str] = {"COINSTATS_API_KEY": KEY, "HOOK": "hook-token-42"}


def write(folder: Path, text: str) -> Path:
    path = folder / "watcher.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def load(folder: Path, text: str = SOUND, env: Mapping[str, str] = ENV) -> Settings:
    return load_settings(write(folder, text), env, KINDS)


def mistakes(folder: Path, text: str, env: Mapping[str, str] = ENV) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(folder, text, env)
    return caught.value.problems


def line_of(text: str, part: str) -> int:
    """The line that is `part`, or the only one that contains it."""
    numbered = list(enumerate(text.splitlines(), 1))
    lines = [number for number, line in numbered if line.strip() == part]
    lines = lines or [number for number, line in numbered if part in line]
    assert len(lines) == 1, (part, lines)
    return lines[0]
