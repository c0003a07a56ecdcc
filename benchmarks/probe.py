"""`watcher` with its event loop timed: `python -m benchmarks.probe OUT.json run -c FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.loopwatch import LoopWatch

if __name__ == "__main__":
    watch = LoopWatch()
    from watcher.cli import main

    try:
        main(sys.argv[2:])
    finally:
        watch.write(Path(sys.argv[1]))
