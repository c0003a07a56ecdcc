"""What the figures were made on: the Python, how it was built, the processor, and what else it did."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path


def python() -> str:
    """The version, the compiler, and whether it was built to be fast: some 5 % of everything here."""
    words = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    built = [
        name if flag in words else f"no {name}"
        for name, flag in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto"))
    ]
    where = "pyenv" if ".pyenv" in words else "prefix " + sysconfig.get_config_var("prefix")
    return f"Python {platform.python_version()} ({', '.join(built)}; {where}; {platform.python_compiler()})"


def load() -> str:
    """How many programs want a core, beside how many cores there are."""
    return f"load {os.getloadavg()[0]:.1f} of the last minute on {os.cpu_count()} cores"


def processor() -> str:
    """The name that the kernel knows."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
