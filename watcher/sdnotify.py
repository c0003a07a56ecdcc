"""Tell systemd how the service is: the sd_notify protocol over `$NOTIFY_SOCKET`.

Without that variable every call does nothing. Sending never blocks and never fails the daemon.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress


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


def _send(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.sendto(state.encode(), address)
