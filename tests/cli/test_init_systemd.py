"""`watcher init --systemd`: unit, folder of keys and place of the store match the configuration."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from watcher.cli.init import init
from watcher.config import service_unit
from watcher.config.configuration import configure
from watcher.config.service_unit import ServiceError
from watcher.config.starter import StarterDraft, drafted_files

UNIT = Path(__file__).parents[2] / "systemd" / "watcher.service"


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing of this machine were hidden from a service, and no package installed."""
    monkeypatch.setattr(service_unit, "_HIDDEN", ())
    monkeypatch.setattr(service_unit, "_PACKAGED", Path("/nowhere"))


def written(tmp_path: Path, **options: bool) -> tuple[Path, Path]:
    """Folder and unit, after it was run with nothing to ask."""
    folder, units = tmp_path / "etc", tmp_path / "units"
    assert init(folder, defaults=True, systemd=True, units=units, **options) == 0
    return folder, units / "watcher.service"


def test_the_unit_runs_this_program_with_that_configuration_and_its_keys(tmp_path: Path) -> None:
    folder, unit = written(tmp_path)
    lines = unit.read_text().splitlines()
    program = f"{sys.prefix}/bin/watcher"
    assert f"ExecStart={program} run --config {folder}/watcher.yaml" in lines
    assert f"ExecReload={program} check --config {folder}/watcher.yaml" in lines
    assert f"LoadCredential=watcher:{folder}/credentials" in lines
    assert "/opt/watcher" not in unit.read_text()
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    assert stat.S_IMODE((folder / "credentials").stat().st_mode) == 0o700


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_to_complain_about_in_it(tmp_path: Path) -> None:
    _, unit = written(tmp_path)
    words = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_each_file_that_is_asked_for_is_what_the_configuration_needs_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = written(tmp_path)
    said = capsys.readouterr().out.splitlines()
    missing = [Path(line.split()[3].rstrip(",")) for line in said if line.startswith("Still to write: ")]
    assert missing == [folder / "credentials/COINSTATS_API_KEY", folder / "credentials/TEOS_API_KEY"]
    for path in missing:
        path.write_text("a-key\n")
    configuration = configure(folder / "watcher.yaml", {}, channels=True)
    assert configuration.settings.store.model_dump()["path"] == Path("/var/lib/watcher/watcher.db")
    assert said[-2:] == [
        f"Next, as root: watcher send-test -c {folder}/watcher.yaml",
        "               systemctl enable --now watcher",
    ]


def test_the_usual_folders_are_those_of_the_unit_that_ships(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/opt/watcher")
    monkeypatch.setattr(service_unit, "_closed", lambda _: ())
    (made,) = service_unit.service_unit(service_unit.HOME).items()
    shipped = re.sub(r"(?m)^Documentation=.*\n", "", UNIT.read_text())
    assert made == (Path("/etc/systemd/system/watcher.service"), shipped)


def test_answers_put_the_store_where_the_service_may_write() -> None:
    from watcher.cli.init import _placed

    found = _placed(Path("d"), drafted_files(StarterDraft()), {})
    assert "store: {kind: sqlite, path: /var/lib/watcher/watcher.db}\n" in found[Path("d/watcher.yaml")]


def test_a_unit_of_a_package_that_fits_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = tmp_path / "packaged"
    packaged.mkdir()
    _, unit = written(tmp_path)
    shutil.move(unit, packaged)
    monkeypatch.setattr(service_unit, "_PACKAGED", packaged)
    shutil.rmtree(tmp_path / "etc")
    _, unit = written(tmp_path)
    assert not unit.exists()


def test_a_unit_that_runs_something_else_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = tmp_path / "units/watcher.service"
    unit.parent.mkdir()
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    assert init(tmp_path / "etc", defaults=True, systemd=True, units=unit.parent) == 1
    assert "watcher.service is there already" in capsys.readouterr().err
    assert not (tmp_path / "etc").exists()


def test_what_the_service_could_not_see_is_said_before_anything_is_asked_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_unit, "_HIDDEN", ("/home", str(tmp_path)))
    monkeypatch.setattr(sys, "prefix", "/home/me/venv")
    with pytest.raises(ServiceError) as caught:
        init(tmp_path / "a b", systemd=True, units=tmp_path)
    blind = "where the service sees nothing"
    assert str(caught.value).splitlines() == [
        f"/home/me/venv/bin/watcher is below /home, {blind}; install it elsewhere, such as below /opt",
        f"{tmp_path}/a b is below {tmp_path}, {blind}; let it write into /etc/watcher",
        f"{tmp_path}/a b has a sign that a unit file does not take; let it write into /etc/watcher",
    ]
    assert list(tmp_path.iterdir()) == []
