"""The container: nobody's user, a verb as its check of health, no shell before signals, all that it needs."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.release.test_dist import files_of_the_product
from watcher.cli._app import loaded

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
LAST = CONTAINERFILE.rpartition("\nFROM ")[2]
"""The stage that is kept."""


@pytest.fixture
def service() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["watcher"]


def said(instruction: str) -> str:
    (found,) = re.findall(rf"(?m)^{instruction} (.*)$", LAST)
    return str(found)


def test_it_runs_as_a_number_that_is_not_root_in_the_folder_that_is_kept() -> None:
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", said("USER"))
    assert said("VOLUME") == said("WORKDIR") == "/data"
    assert LAST.index("\nUSER ") < LAST.index("\nENTRYPOINT ")


@pytest.mark.parametrize("said_in", ["CMD", "HEALTHCHECK"])
def test_what_it_starts_and_asks_are_verbs_and_no_shell_is_between(said_in: str) -> None:
    words = json.loads(re.sub(r"^.*CMD ", "", said(said_in)))
    words = words[words[0] == "watcher" :]
    assert json.loads(said("ENTRYPOINT")) == ["watcher"]
    known = {option for each in loaded(words[0]).params for option in each.opts}
    assert set(words[1:]) <= known
    assert said("STOPSIGNAL") == "SIGTERM"


def test_each_stage_stands_on_one_base_and_libraries_come_with_their_sums() -> None:
    assert re.findall(r"(?m)^FROM (\S+)", CONTAINERFILE)[1:] == ["base", "base"]
    assert "--no-deps --require-hashes --requirement requirements.lock" in CONTAINERFILE


def test_all_that_it_is_built_of_is_let_in_and_nothing_that_is_secret() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    needed = {name.partition("/")[0] for name in files_of_the_product()} | {
        *(
            "rules",
            "systemd",
            "pyproject.toml",
            "README.md",
            "LICENSE",
            "constraints.txt",
            "requirements.lock",
        )
    }
    assert {name for name in needed if not any(fnmatch(name, each) for each in let_in)} == set()
    assert not any(
        fnmatch(name, each) for name in ("data", ".git", "credentials", "watcher.db") for each in let_in
    )


def test_the_example_keeps_the_root_as_it_is_and_gives_no_rights(service: Any) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == [f"./data:{said('VOLUME')}"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["build"]["dockerfile"] == "Containerfile"
