"""How this process keeps its memory: in one heap, from which big blocks go back at once."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Names of glibc's `mallopt` (malloc.h)."""

BIG = 128 * 1024
"""glibc's own first value. It would raise it to the largest block that it ever saw freed, and keep all of
the answers' bodies in the heap, in holes."""


def settle_heap() -> None:
    """To be called before other threads begin. Does nothing where there is no glibc, or where MALLOC_…
    variables say already how it shall be.

    Of Python's threads one runs at a time, so a heap for each spares no waiting: but what the store's thread
    frees could then be used by nobody else. That and `BIG` are 3 to 8 MiB of a daemon with 10,000 accounts.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for option, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, BIG), (_TRIM_THRESHOLD, BIG)):
        mallopt(option, value)
