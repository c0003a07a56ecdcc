"""Who sits at the command line."""

from __future__ import annotations

import getpass
import os
from datetime import datetime

from watcher.domain.audit import Actor

VIA = "command line"


def actor(now: datetime, by: str = "") -> Actor:
    """Actor at the command line: whoever is named, or is logged in. Whose login it was is said where
    another is named. From another machine, if by SSH."""
    user = login()
    via = f"{VIA}, user {user}" if by and by != user else VIA
    return Actor(by or user, via, now, os.environ.get("SSH_CLIENT", "").partition(" ")[0])


def login() -> str:
    """Whoever is logged in, also behind sudo; the number of a user without a name, as in a container."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"
