"""The mistakes that `make mutants` makes are the ones that it says, and each is seen where a test is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.mutants.making import mutants
from tests.mutants.run import ROOT

SOURCE = '''\
LEVEL = 3


class Level:
    def over(self, value: int, *, strictly: bool = True) -> bool:
        """Whether it is."""
        return value > LEVEL if strictly else not value < LEVEL and value != 7
'''


def test_each_mistake_is_one_change_and_the_module_can_still_be_compiled(tmp_path: Path) -> None:
    path = tmp_path / "level.py"
    path.write_text(SOURCE)
    made = mutants(path)

    assert {(each.name, each.line) for each in made} == {("LEVEL", 1), ("Level.over", 7)}
    assert "value > LEVEL  →  value >= LEVEL" in [each.words for each in made]
    assert "not value < LEVEL and value != 7  →  value != 7" in [each.words for each in made]
    answers = set()
    for each in made:
        space: dict[str, object] = {}
        exec(each.code(), space)  # noqa: S102 (a few lines of our own)
        level = space["Level"]()  # type: ignore[operator]
        answers.add(tuple(level.over(value, strictly=way) for value in (2, 3, 4, 7) for way in (True, False)))
    assert len(answers) > len(made) / 2


def test_a_run_tells_what_no_test_sees_and_ends(tmp_path: Path) -> None:
    told = tmp_path / "told"
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants.run", "--only", "flapping", "--sample", "12", "--at-once", "1",
         "--tests", "tests/test_boundaries.py", "--seconds", "1", "--write", told],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip

    last = told.read_text().splitlines()[-1]
    assert last.startswith("12 mistakes: "), done.stdout + done.stderr
    assert "not tried" not in last
