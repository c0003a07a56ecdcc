"""What came out, and what it was made on: the Python, how it was built, the processor, and its load."""

from __future__ import annotations

import json
import os
import platform
import sysconfig
from dataclasses import asdict, dataclass, field
from pathlib import Path

KEPT = Path(__file__).parent.parent / "docs" / "pictures"
"""Where the figures of the documentation are."""


def python() -> str:
    """The version, and whether it was built to be fast: some 5 % of everything here."""
    words = str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    built = [
        name if flag in words else f"no {name}"
        for name, flag in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto"))
    ]
    where = "by pyenv" if ".pyenv" in words else f"for {sysconfig.get_config_var('prefix')}"
    compiler = platform.python_compiler()
    return f"Python {platform.python_version()}, built {where} ({', '.join(built)}, {compiler})"


def load() -> str:
    """How many programs want a core, beside how many cores there are."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def processor() -> str:
    """The name that the kernel knows, and how many cores of it this machine has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{os.cpu_count()} cores ({name or platform.machine()})"


@dataclass(frozen=True)
class Row:
    """One figure. `section`: what is measured, with its unit at the end; `clock`: that it was measured by the
    clock, which counts what else the machine does."""

    section: str
    what: str
    watcher: float
    floor: float | None
    bar: str
    load: float
    clock: bool


@dataclass
class Results:
    """All rows of a run; each is printed when it comes."""

    machine: str = field(default_factory=lambda: f"{python()}; {processor()}")
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    rows: list[Row] = field(default_factory=list)

    def add(
        self, section: str, what: str, watcher: float, floor: float | None = None, bar: str = "", *,
        clock: bool = False,
    ) -> None:  # fmt: skip
        if not self.rows or self.rows[-1].section != section:
            print(f"\n{section:<52} {'watcher':>9} {'floor':>9}   ({load()})")
        busy = round(os.getloadavg()[0], 1)
        kept = floor if floor is None else round(floor, 4)
        self.rows.append(Row(section, what, round(watcher, 4), kept, bar, busy, clock))
        print(
            f"  {what:<50} {short(watcher):>9} {'' if floor is None else short(floor):>9}   {bar}", flush=True
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def short(value: float) -> str:
    """Three digits, never as a power of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
