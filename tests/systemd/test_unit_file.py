"""The systemd unit: sound, hardened, with the credentials that verbs read; a bad configuration is final."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from watcher.config.environment import FOLDER, PREFIX

UNIT = Path(__file__).parents[2] / "systemd" / "watcher.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyze(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the unit, with a program that exists in place of the installed one."""
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    return subprocess.run(["systemd-analyze", *words, str(copy)], capture_output=True, text=True, check=False)


@needs_systemd
def test_systemd_finds_nothing_to_complain_about_in_the_unit(tmp_path: Path) -> None:
    done = analyze(tmp_path, "verify", "--man=no")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_exposure_of_the_unit_is_at_most_one_and_a_fifth(tmp_path: Path) -> None:
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager")

    level = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)

    assert level is not None, done.stdout + done.stderr
    assert float(level[1]) <= 1.2


def test_the_unit_loads_whatever_init_writes_and_verbs_read() -> None:
    assert f"LoadCredential={PREFIX.rstrip('_')}:/etc/watcher/{FOLDER}\n" in UNIT.read_text()


def test_the_unit_does_not_restart_on_a_wrong_configuration() -> None:
    assert "RestartPreventExitStatus=78" in UNIT.read_text()
