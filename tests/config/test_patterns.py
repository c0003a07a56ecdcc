"""Which files a pattern means, and which patterns would look through a whole system."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.system.files import matching


@pytest.mark.parametrize(
    "pattern", ["/**/*", "**/*.yaml", "../../**/*.yaml", "rules/../../**/*", "/etc/**/x"]
)
def test_a_pattern_that_would_look_through_a_whole_system_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ValueError, match="needs a folder's name before it"):
        matching(tmp_path, pattern)


def test_files_are_found_below_a_named_folder_also_beside_brackets(tmp_path: Path) -> None:
    base = tmp_path / "of [mine]"
    deep = base / "rules" / "a" / "b.yaml"
    deep.parent.mkdir(parents=True)
    deep.touch()
    for pattern in ("rules/**/*.yaml", "rules/a/b.yaml", "rules/*/b.yaml", str(deep)):
        assert matching(base, pattern) == [deep], pattern
    assert matching(base, "rules") == matching(base, "none/*.yaml") == []
