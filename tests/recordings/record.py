"""Makes the recordings anew: `python -m tests.recordings.record [PART...]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.recordings import commandline, comparing, configurations, story

PARTS: Mapping[str, Callable[[Path], Mapping[str, str]]] = {
    "commandline": commandline.record,
    "configurations": configurations.record,
    "story": story.record,
}


def main() -> None:
    for part in sys.argv[1:] or PARTS:
        with TemporaryDirectory() as folder:
            texts = PARTS[part](Path(folder).resolve())
        changed = comparing.difference(part, texts)
        comparing.write(part, texts)
        sys.stdout.write(changed + "\n" if changed else f"{part}: as it was\n")


if __name__ == "__main__":
    main()
