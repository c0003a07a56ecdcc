"""How far long work is: a line on standard error while it is a terminal, gone when the work is done."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from watcher.cli._tables import redraws


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Callable[[float], None]]:
    """Tell the share that is done, from 0 to 1. Nothing is written where standard error is no terminal."""
    if quiet or not redraws(sys.stderr):
        yield lambda _: None
        return
    shown = -1

    def tell(share: float) -> None:
        nonlocal shown
        percent = int(100 * min(max(share, 0.0), 1.0))
        if percent != shown:
            shown = percent
            end = f": {percent} %"
            room = shutil.get_terminal_size().columns - len(end) - 1
            text = label if len(label) <= room else label[: max(room - 1, 0)] + "…"
            sys.stderr.write(f"\r\x1b[K{text}{end}")
            sys.stderr.flush()

    tell(0)
    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
