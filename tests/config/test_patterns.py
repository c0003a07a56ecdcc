"""Which files a pattern means, and which patterns would look through a whole system."""

from __future__ import annotations

from pathlib import Path

import pytest

from watcher.system.files import matching, write_new


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


def test_a_new_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_new(tmp_path / "a.csv", "one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a.csv", "two")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="full"):
        write_new(tmp_path / "b.csv", "three")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "one")]


def test_a_new_file_needs_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(PermissionError()))
    write_new(tmp_path / "a.csv", "one")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.csv", "one")]
