"""What systemd is told of the daemon: ready, reloading, status, watchdog, and priorities in the journal."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcher.daemon import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The far end: a datagram socket as systemd's."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as far:
        far.bind(str(path))
        far.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield far


def test_ready_reaches_the_manager(manager: socket.socket) -> None:
    systemd.ready()

    assert manager.recv(1000) == b"READY=1"


def test_a_status_is_one_line(manager: socket.socket) -> None:
    systemd.status("two\nlines   here")

    assert manager.recv(1000) == b"STATUS=two lines here"


def test_reloading_carries_the_monotonic_time(manager: socket.socket) -> None:
    systemd.reloading()

    kind, usec = manager.recv(1000).decode().split("\n")
    assert kind == "RELOADING=1"
    assert int(usec.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"watcher-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as far:
        far.bind("\0" + name)
        far.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)

        systemd.watchdog()

        assert far.recv(1000) == b"WATCHDOG=1"


def test_without_a_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)

    systemd.ready()


def test_a_manager_that_is_gone_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))

    systemd.ready()


def test_the_watchdog_interval_is_for_this_process_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert systemd.watchdog_interval() == 30.0

    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert systemd.watchdog_interval() is None


def test_lines_have_a_priority_only_where_they_go_to_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "other").open("w") as other:
        found = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        assert systemd.to_journal(journal)
        assert not systemd.to_journal(other)
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not systemd.to_journal(journal)


@pytest.mark.parametrize(
    ("level", "mark"),
    [(logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7)],
)
def test_each_line_has_the_priority_of_its_level(level: int, mark: int) -> None:
    assert systemd.with_priority("one\n    two", level) == f"<{mark}>one\n<{mark}>    two"


@pytest.mark.parametrize("form", ["console", "logfmt", "json"])
def test_in_the_journal_every_line_of_the_log_has_its_priority(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watcher.cli._common import set_up_logging

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with (tmp_path / "journal").open("w") as journal:
            found = os.fstat(journal.fileno())
            monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
            monkeypatch.setattr("sys.stderr", journal)
            set_up_logging("info", form)
            logging.getLogger("watcher").warning("first\nsecond")
            logging.getLogger("watcher").info("third")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    lines = (tmp_path / "journal").read_text().splitlines()
    assert [line[:3] for line in lines] == ["<4>"] * (len(lines) - 1) + ["<6>"]
