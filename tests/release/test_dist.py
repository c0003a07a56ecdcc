"""`make dist`: all that the product needs and nothing else, the same bytes wherever it is built."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from release import dist
from watcher import __version__

ROOT = Path(__file__).parents[2]
LINKS = {"watcher/packs": "rules", "watcher/units": "systemd", "watcher/docs": "docs"}
"""Folders of the package that stand elsewhere in the tree."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return dist.build(tmp_path_factory.mktemp("dist"), dist.EARLIEST)


def files_of_the_product() -> set[str]:
    """What git knows of the package, with what its links lead to."""
    said = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name for name in said.stdout.splitlines() if (ROOT / name).exists()}
    found = {name for name in names if name.startswith("watcher/")} - set(LINKS)
    names = {name for name in names if not name.startswith("docs/") or name.endswith(".md")}
    for link, folder in LINKS.items():
        found |= {link + name.removeprefix(folder) for name in names if name.startswith(f"{folder}/")}
    return found


def test_the_wheel_has_every_file_of_the_product_and_nothing_beside_it(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
    info = f"balance_watcher-{__version__}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == files_of_the_product()
    assert {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"} <= {
        name.removeprefix(info) for name in names
    }


def test_the_sdist_is_the_product_and_what_it_is_built_and_installed_with(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        members = [member for member in archive if not member.isdir()]
    top = f"balance_watcher-{__version__}/"
    beside = {
        *("CHANGELOG.md", "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "setup.cfg"),
        *("constraints.txt", "pyproject.toml", "requirements.lock"),
    }
    names = {member.name.removeprefix(top) for member in members}
    assert {name for name in names if ".egg-info/" not in name} == files_of_the_product() | beside
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode) for m in members} == {
        (0, 0, "", "", dist.EARLIEST, 0o644)
    }


def test_built_again_elsewhere_under_another_umask_it_is_the_same(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    before = os.umask(0o077)
    try:
        again = dist.build(tmp_path / "a folder", dist.EARLIEST)
    finally:
        os.umask(before)
    for first, second in zip(built, again, strict=True):
        assert (first.name, hashlib.sha256(first.read_bytes()).digest()) == (
            second.name,
            hashlib.sha256(second.read_bytes()).digest(),
        )
    sums = (tmp_path / "a folder" / dist.SUMS).read_text()
    assert subprocess.run(["sha256sum", "--check", "--status"], cwd=built[0].parent, input=sums, text=True,
                          check=False).returncode == 0  # fmt: skip


def test_a_wheel_that_was_changed_after_it_was_built_is_refused(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / built[1].name
    with zipfile.ZipFile(built[1]) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"#" if name == "watcher/__main__.py" else old.read(name))
    with pytest.raises(dist.ReleaseError, match=r"watcher/__main__\.py .* is not what its record says"):
        dist.check(other)


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    said = [path for path in (ROOT / "watcher").rglob("*.py") if f'"{__version__}"' in path.read_text()]
    assert [path.relative_to(ROOT).as_posix() for path in said] == ["watcher/__init__.py"]
