"""The Debian package: the unit that ships, a user of its own, closed keys, nothing in it that is yours."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from release import deb
from watcher import __version__
from watcher.config import service_unit

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is not installed")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    deb.furnish(tmp_path, __version__, 1_764_547_200)
    return tmp_path


def test_the_unit_is_the_one_that_ships_with_the_paths_and_the_user_of_the_package(root: Path) -> None:
    def lines(path: Path) -> set[str]:
        return set(path.read_text().splitlines())

    shipped, packaged = lines(deb.UNIT), lines(root / "usr/lib/systemd/system/watcher.service")
    program = "/usr/lib/watcher/bin/watcher"
    assert packaged - shipped == {
        "Documentation=file:///usr/share/doc/balance-watcher/README.md",
        *("User=watcher", "Group=watcher"),
        f"ExecStart={program} run --config /etc/watcher/watcher.yaml",
        f"ExecReload={program} check --config /etc/watcher/watcher.yaml",
    }
    assert len(shipped - packaged) == 4
    assert (root / "usr/lib/sysusers.d/watcher.conf").read_text().startswith("u watcher - ")


def test_a_service_is_set_up_with_that_unit(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_unit, "_PACKAGED", root / "usr/lib/systemd/system")
    monkeypatch.setattr(service_unit, "_closed", lambda _: ())
    monkeypatch.setattr("sys.prefix", "/usr/lib/watcher")
    monkeypatch.setattr("sys.base_prefix", "/usr")
    assert service_unit.service_unit(service_unit.HOME) == {}
    assert service_unit.service_unit(Path("/etc/other")) != {}


def test_configuration_and_state_are_no_files_of_the_package(root: Path) -> None:
    kept = root / "etc/watcher"
    assert [each.name for each in kept.rglob("*")] == ["credentials"]
    assert stat.S_IMODE((kept / "credentials").stat().st_mode) == 0o700
    assert not (root / "var").exists()
    removal = (deb.PARTS / "postrm").read_text()
    assert removal.count("rm -rf") == 1
    assert '[ "$1" = purge ]; then\n    rm -rf /etc/watcher /var/lib/watcher' in removal


@pytest.mark.parametrize("name", deb.SCRIPTS)
def test_scripts_of_the_package_are_sound_and_end_at_the_first_failure(name: str) -> None:
    text = (deb.PARTS / name).read_text()
    assert text.startswith("#!/bin/sh\nset -e\n")
    assert subprocess.run(["sh", "-n", str(deb.PARTS / name)], check=False).returncode == 0


@needs_dpkg
def test_dpkg_takes_what_it_says_of_itself(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    deb.control(root, "/usr/bin/python3.11", "1.2.3")
    made = tmp_path_factory.mktemp("deb") / "made.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, made], check=True, capture_output=True)
    said = subprocess.run(["dpkg-deb", "--field", made], check=True, capture_output=True, text=True).stdout
    assert {"Package: balance-watcher", "Version: 1.2.3"} <= set(said.splitlines())
    assert re.search(r"(?m)^Depends: python3\.11, ca-certificates, ", said)
    listed = subprocess.run(["dpkg-deb", "-c", made], check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r"(?m)^\S+ (\S+)", listed)) == {"root/root"}
