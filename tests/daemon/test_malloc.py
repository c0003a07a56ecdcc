"""Memory that one thread gives back is there for the others."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import ctypes, sys, threading
from watcher.daemon.malloc import settle_heap
if sys.argv[1] == "settled":
    settle_heap()
held = []
thread = threading.Thread(target=lambda: held.extend(bytes(1000) for _ in range(100)))
thread.start()
thread.join()
ctypes.CDLL(None).malloc_stats()
"""

glibc_only = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc has a heap for each thread"
)


def heaps(word: str, **variables: str) -> int:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, word], env={**env, **variables}, cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return done.stderr.count("Arena ")


@glibc_only
def test_all_threads_share_one_heap_unless_the_environment_says_otherwise() -> None:
    assert heaps("settled") == 1
    assert heaps("settled", MALLOC_ARENA_MAX="4") == heaps("as it is") == 2
