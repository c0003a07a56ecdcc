"""What `make ways` runs is what the page of installation says, all of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.ways.run import FIRST, HERE, PAGE, RESTORING, script, ways
from watcher import __version__

COMMANDS = ways(PAGE.read_text())


def test_each_way_of_the_page_is_run_but_the_container() -> None:
    headings = set(re.findall(r"(?m)^## (.*)$", PAGE.read_text()))
    assert headings - set(COMMANDS) == {"Extras", "Container", "Next"}
    assert set(FIRST) <= set(COMMANDS)


@pytest.mark.parametrize("heading", sorted(COMMANDS))
def test_what_is_run_is_a_sound_script_without_sudo_that_proves_what_it_installed(heading: str) -> None:
    text = script(heading, COMMANDS[heading])
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    assert "sudo" not in text
    assert "watcher check" in text or heading == "Get the files"


def test_the_package_and_the_restoring_are_sound_scripts() -> None:
    restoring = "".join(ways(RESTORING.read_text()).values())
    assert "watcher backup" in restoring
    for text in (restoring, (HERE / "package.sh").read_text()):
        assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


def test_the_files_that_the_page_names_are_those_of_this_version() -> None:
    named = re.findall(r"balance[_-]watcher[_-](\d+\.\d+\.\d+)", PAGE.read_text())
    assert set(named) == {__version__}
