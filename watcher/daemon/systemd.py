"""Systemd: how the service is, by sd_notify over `$NOTIFY_SOCKET`; and how bad a line of the log is.

Without that variable every call does nothing. Sending never blocks and never fails the daemon.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TextIO


def is_wanted() -> bool:
    """Whether anybody listens."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def ready() -> None:
    """Started, or reloaded."""
    _send("READY=1")


def reloading() -> None:
    _send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    _send("STOPPING=1")


def watchdog() -> None:
    """A sign of life; call it only on real progress."""
    _send("WATCHDOG=1")


def status(text: str) -> None:
    """One line for `systemctl status`."""
    _send("STATUS=" + " ".join(text.split()))


def watchdog_interval() -> float | None:
    """Seconds within which systemd wants a sign of life; None if it wants none from this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) / 1_000_000 if usec.isdigit() and int(usec) else None


def to_journal(stream: TextIO) -> bool:
    """Whether what is written there goes to the journal: `$JOURNAL_STREAM` names its device and inode. The
    variable alone says nothing: whoever is started by a service may write elsewhere."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_priority(text: str, level: int) -> str:
    """The same for the journal: each line with its priority, of a level of `logging`."""
    mark = next(mark for least, mark in _PRIORITIES if level >= least)
    return "\n".join(f"<{mark}>{line}" for line in text.split("\n"))


_PRIORITIES = ((50, 2), (40, 3), (30, 4), (20, 6), (0, 7))
"""Levels of `logging` from so much on, and what syslog calls them."""


def _send(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    import socket

    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.sendto(state.encode(), address)
