"""One record is one line: what comes from outside can neither begin another nor move the cursor."""

from __future__ import annotations

import json
import logging

import pytest

from watcher.cli._common import _FORMATS, _Console

EVIL = "name\n2026-11-21T10:00:00Z critical watcher: all keys stolen\r\x1b[2J\x9b31m\u202e\x00"


@pytest.mark.parametrize("kind", ["console", "logfmt", "json"])
def test_what_comes_from_outside_begins_no_line_and_moves_no_cursor(kind: str) -> None:
    formatter = _FORMATS.get(kind, _Console)()
    record = logging.LogRecord("watcher.x", logging.INFO, "x.py", 1, "not read: %s", (EVIL,), None)

    text = formatter.format(record)

    assert not set(text) & set("\r\x1b\x9b\u202e\x00")
    # A second line of the console is indented: it cannot pass for a record.
    assert all(line.startswith("    ") for line in text.split("\n")[1:])
    if kind != "console":
        assert "\n" not in text
    if kind == "json":
        assert json.loads(text)["msg"].startswith("not read: name")
