"""`make deb`: a Debian package with a Python environment of its own, made of requirements.lock and the wheel.

    python -m release.deb [PYTHON]

It is for the release of Debian whose Python builds it (/usr/bin/python3), and for this architecture.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path

from release import dist
from release.lock import LOCK
from watcher import __version__

PARTS = Path(__file__).parent / "debian"
HOME = "usr/lib/watcher"
SCRIPTS = ("postinst", "prerm", "postrm")
UNIT = dist.ROOT / "systemd/watcher.service"


def build(target: Path, python: str, when: int, version: str = __version__) -> Path:
    """The package of a version, in a folder."""
    python = os.path.realpath(python)  # not what /usr/bin/python3 will be in the next release of Debian
    with tempfile.TemporaryDirectory(prefix="watcher-deb-") as folder:
        root = Path(folder) / "root"
        old = os.umask(0o022)
        try:
            _environment(root / HOME, python, dist.build(Path(folder) / "dist", when)[1])
            furnish(root, version, when)
            control(root, python, version)
        finally:
            os.umask(old)
        target.mkdir(parents=True, exist_ok=True)
        made = target / f"balance-watcher_{version}_{_said('dpkg', '--print-architecture')}.deb"
        _said("dpkg-deb", "--root-owner-group", "--build", str(root), str(made), SOURCE_DATE_EPOCH=str(when))
    return made


def furnish(root: Path, version: str, when: int) -> None:
    """Everything but the program: unit, user, folders and papers."""
    unit = UNIT.read_text().replace("/opt/watcher/bin", f"/{HOME}/bin")
    unit = re.sub(
        r"(?m)^Documentation=.*$", "Documentation=file:///usr/share/doc/balance-watcher/README.md", unit
    )
    papers = root / "usr/share/doc/balance-watcher"
    log = f"balance-watcher ({version}) stable; urgency=medium\n\n  * What changed is in NEWS.md.gz.\n\n"
    log += f" -- The maintainers of balance-watcher <root@localhost>  {formatdate(when)}\n"
    licence = "".join(f" {line or '.'}\n" for line in (dist.ROOT / "LICENSE").read_text().splitlines())
    for path, text in (
        (
            "usr/lib/systemd/system/watcher.service",
            unit.replace("DynamicUser=yes", "User=watcher\nGroup=watcher"),
        ),
        ("usr/lib/sysusers.d/watcher.conf", (PARTS / "sysusers.conf").read_text()),
        ("usr/share/doc/balance-watcher/README.md", (dist.ROOT / "README.md").read_text()),
        ("usr/share/lintian/overrides/balance-watcher", (PARTS / "overrides").read_text()),
        ("usr/share/doc/balance-watcher/copyright", (PARTS / "copyright").read_text() + licence),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for name, text in (("changelog.gz", log), ("NEWS.md.gz", (dist.ROOT / "CHANGELOG.md").read_text())):
        (papers / name).write_bytes(gzip.compress(text.encode(), mtime=when))
    (root / "etc/watcher/credentials").mkdir(parents=True)
    (root / "etc/watcher/credentials").chmod(0o700)
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/watcher").symlink_to(f"../{HOME.removeprefix('usr/')}/bin/watcher")


def _environment(home: Path, python: str, wheel: Path) -> None:
    """An environment whose paths are those of the installed package."""
    _said(python, "-m", "venv", "--without-pip", str(home))
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        f"--python={home}/bin/python",
        "install",
    )
    common = ("--quiet", "--no-compile", "--no-deps", "--only-binary=:all:")
    _said(*pip, *common, "--require-hashes", "-r", str(LOCK))
    _said(*pip, *common, "--no-index", str(wheel))
    for each in (home / "bin").iterdir():
        if each.name != "watcher" and not each.name.startswith("python"):
            each.unlink()
    program = home / "bin/watcher"
    program.write_text(f"#!/{HOME}/bin/python\n" + program.read_text().partition("\n")[2])
    config = home / "pyvenv.cfg"
    config.write_text("".join(re.findall(r"(?m)^(?:home|include-\S+|version) = .*\n", config.read_text())))
    shutil.rmtree(home / "include", ignore_errors=True)
    for library in home.rglob("*.so*"):
        library.chmod(0o644)
    for stray in (*home.rglob("direct_url.json"), *home.rglob("REQUESTED"), *home.rglob("__pycache__")):
        shutil.rmtree(stray) if stray.is_dir() else stray.unlink()


def control(root: Path, python: str, version: str) -> None:
    """What dpkg has to know, and the scripts that it runs."""
    folder = root / "DEBIAN"
    folder.mkdir()
    for name in SCRIPTS:
        shutil.copy(PARTS / name, folder)
        (folder / name).chmod(0o755)
    files = sorted(
        path
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink() and folder not in path.parents
    )
    sums = (f"{hashlib.md5(each.read_bytes()).hexdigest()}  {each.relative_to(root)}\n" for each in files)  # noqa: S324
    (folder / "md5sums").write_text("".join(sums))
    said = {
        "version": version,
        "architecture": _said("dpkg", "--print-architecture"),
        "size": sum(-(-each.stat().st_size // 1024) for each in files),
        "python": Path(python).name,
    }
    (folder / "control").write_text((PARTS / "control").read_text().format(**said))


def _said(*words: str, **env: str) -> str:
    done = subprocess.run(words, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise dist.ReleaseError(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main() -> int:
    python = (sys.argv[1:] or ["/usr/bin/python3"])[0]
    try:
        made = build(dist.ROOT / "dist", python, dist.epoch())
        dist.sum_up(made.parent)
    except dist.ReleaseError as error:
        print(error)
        return 1
    print(f"wrote {made.relative_to(dist.ROOT)} ({made.stat().st_size:,} bytes)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
