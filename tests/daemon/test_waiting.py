"""A store that several machines share is waited for at the start; any other ends it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import pytest

from tests.config.given import ENV, SOUND, write
from tests.configured import load_settings
from tests.store.other import MemoryKind
from watcher.config.settings import Kinds, Settings
from watcher.daemon import waiting
from watcher.daemon.waiting import opened
from watcher.domain.values.errors import Advice, ConfigurationError, StoreBusyError


class OnAServer(MemoryKind):
    """Away for as long as there are words of why."""

    kind: Literal["server"]  # type: ignore[assignment]
    shared: ClassVar[bool] = True
    away: ClassVar[list[str]] = []
    refused: ClassVar[list[Advice]] = []

    def refusals(self) -> Sequence[Advice]:
        if self.away:
            raise StoreBusyError(self.away.pop(0))
        return self.refused


class OnADisk(OnAServer):
    shared: ClassVar[bool] = False


def settings(folder: Path, kind: type[OnAServer]) -> Settings:
    text = SOUND.replace("{kind: sqlite, path: data/watcher.db}", "{kind: server}")
    return load_settings(write(folder, text), ENV, Kinds(cast(Any, {"server": kind})))


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST", 0.0)
    monkeypatch.setattr(OnAServer, "away", [])
    monkeypatch.setattr(OnAServer, "refused", [])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr("watcher.daemon.systemd._send", said.append)
    return said


async def test_a_server_that_comes_back_is_begun_with_and_systemd_does_not_end_the_start(
    tmp_path: Path, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    OnAServer.away += ["the server cannot be reached"] * 3
    with caplog.at_level(logging.ERROR):
        assert await opened(settings(tmp_path, OnAServer), asyncio.Event()) is not None
    assert [record.getMessage() for record in caplog.records] == [
        "store: the server cannot be reached; nothing is asked or told until it is there"
    ], "one line, then one a minute"
    assert told[:3] == ["STATUS=waits for the store: the server cannot be reached", "READY=1", "WATCHDOG=1"]


async def test_who_is_told_to_stop_meanwhile_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = asyncio.Event()
    OnAServer.away += ["the server cannot be reached"] * 3
    monkeypatch.setattr("watcher.daemon.systemd._send", lambda _said: stopping.set())
    assert await opened(settings(tmp_path, OnAServer), stopping) is None


async def test_what_keeps_a_server_from_being_used_when_it_is_back_is_a_mistake(tmp_path: Path) -> None:
    OnAServer.away += ["the server cannot be reached"]
    OnAServer.refused += [Advice("the server is a replica", "name the primary")]
    with pytest.raises(ConfigurationError, match="the server is a replica; name the primary"):
        await opened(settings(tmp_path, OnAServer), asyncio.Event())


async def test_a_file_that_cannot_be_opened_ends_the_start_at_once(tmp_path: Path) -> None:
    OnAServer.away += ["the disk is full"] * 2
    with pytest.raises(StoreBusyError, match="the disk is full"):
        await opened(settings(tmp_path, OnADisk), asyncio.Event())
