"""Recordings as files, and a difference as people read it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "recorded"
AGAIN = "not as recorded; if that is meant: make recordings"


def write(part: str, texts: Mapping[str, str]) -> None:
    """Replace the recordings of one part."""
    folder = FOLDER / part
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")


def difference(part: str, texts: Mapping[str, str]) -> str:
    """Between the recordings of one part and these texts, as a unified diff; empty if there is none."""
    folder = FOLDER / part
    recorded = {path.name: path.read_text("utf-8") for path in folder.iterdir()} if folder.is_dir() else {}
    lines: list[str] = []
    for name in sorted({*recorded, *texts}):
        before, after = (each.get(name, "").splitlines() for each in (recorded, texts))
        found = difflib.unified_diff(before, after, f"recorded/{part}/{name}", "now", lineterm="", n=3)
        lines += found
    return "\n".join(lines)


def shown(line: str, result: tuple[int, str, str]) -> str:
    """One run of a verb, as it is recorded."""
    code, out, err = result
    text = f"$ watcher {line}\n"
    for name, stream in (("", out), ("2> ", err)):
        text += "".join(f"{name}{each}\n" for each in stream.splitlines())
    return text + f"exit {code}\n\n"
