"""A small file system, where this machine lets us make one."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


@contextmanager
def disk(folder: Path, size: str = "2m") -> Iterator[None]:
    """Make it there; raises CalledProcessError or FileNotFoundError where that is not allowed."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, capture_output=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@cache
def can_mount() -> bool:
    """Whether this user may: root mostly, but not in every container."""
    try:
        with tempfile.TemporaryDirectory() as folder, disk(Path(folder)):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
