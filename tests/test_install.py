"""`make install` hands everything that the product needs to the installer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PYTHON = """#!/bin/sh
# Makes no real environment, and keeps what it is told to install.
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *" install "*) for last; do :; done; cp -R "$last" "$(dirname "$0")/../given" ;;
esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_what_is_installed_has_the_packs_also_into_a_folder_with_a_space(tmp_path: Path) -> None:
    python, prefix = tmp_path / "python", tmp_path / "opt of mine"
    python.write_text(PYTHON)
    python.chmod(0o755)
    words = ["make", "-s", "install", f"PYTHON={python}", f"PREFIX={prefix}"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert done.returncode == 0, done.stderr
    given = prefix / "given" / "watcher"
    for name in ("packs/treasury.yaml", "packs/tests/treasury.yaml", "web/templates/base.html"):
        assert (given / name).is_file(), name
        assert not (given / name).parent.is_symlink(), name
    unit = (ROOT / "systemd/watcher.service").read_text()
    (shown,) = re.findall(r"(?m)^Documentation=file:///opt/watcher/(\S+)$", unit)
    assert (prefix / shown).is_file(), "what the unit points at"
