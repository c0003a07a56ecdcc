"""Memory of this process: one heap for all threads."""

from __future__ import annotations

import ctypes
import os

_ARENA_MAX = -8
"""Its name in glibc's `mallopt` (malloc.h)."""


def settle_heap() -> None:
    """To be called before other threads begin. Does nothing where there is no glibc, or where MALLOC_…
    variables say already how it shall be.

    Of Python's threads one runs at a time, so a heap for each spares no waiting: but what the store's thread
    frees could then be used by nobody else, which is some MiB of a daemon with 10,000 accounts. When big
    blocks go back is left to glibc: to give back the body of each answer costs a tenth of what a poll does.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    try:
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
    except (OSError, AttributeError, TypeError):
        return
