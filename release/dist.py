"""`make dist`: sdist and wheel of what is committed, the same bytes on every machine, and their sums.

    python -m release.dist

The sdist is built from the files that git knows, the wheel from the sdist. Times are those of the last
commit (or SOURCE_DATE_EPOCH); modes, owners and order are always the same.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"
BESIDE = ("constraints.txt", "requirements.lock")
"""What the program is installed with."""
EARLIEST = 315_532_800  # 1980: a ZIP file knows no earlier time
_BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_{}(sys.argv[1]))"


class ReleaseError(Exception):
    """What stands in the way of a release."""


def epoch() -> int:
    """Seconds that all files of the release show."""
    said = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct")
    return max(int(said), EARLIEST)


def dirt() -> str:
    """What is not committed; a release is made of a commit."""
    return _git("status", "--porcelain", "--untracked-files=no")


def build(target: Path, when: int) -> tuple[Path, Path]:
    """Sdist and wheel, checked, in an empty folder `target` that is made; and their sums beside them."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="watcher-dist-") as folder:
        tree = Path(folder) / "tree"
        _copy(tree)
        made = _made("sdist", tree, Path(folder), when)
        sdist = target / made.name
        sdist.write_bytes(_same(made, when))
        with tarfile.open(sdist) as archive:
            archive.extractall(folder)  # noqa: S202  # our own; Debian 12's Python has no filter for it
        unpacked = Path(folder) / sdist.name.removesuffix(".tar.gz")
        wheel = Path(shutil.move(_made("wheel", unpacked, Path(folder), when), target))
    check(wheel)
    for name in BESIDE:
        shutil.copyfile(ROOT / name, target / name)
    sum_up(target)
    return sdist, wheel


def sum_up(target: Path) -> None:
    """Write the sums of all files of a release."""
    names = sorted(each for each in target.iterdir() if each.is_file() and each.name != SUMS)
    sums = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in names)
    (target / SUMS).write_text(sums)


def check(wheel: Path) -> None:
    """ReleaseError if an index would refuse the wheel, or a file in it is not what its record says."""
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        Metadata.from_email(archive.read(f"{info}/METADATA"), validate=True)
        record = f"{info}/RECORD"
        listed = dict(line.split(",", 1) for line in archive.read(record).decode().splitlines())
        if set(listed) != set(archive.namelist()):
            raise ReleaseError(f"the record of {wheel.name} lists other files than are in it")
        for name, said in listed.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=")
            if name != record and said.partition(",")[0] != f"sha256={digest.decode()}":
                raise ReleaseError(f"{name} in {wheel.name} is not what its record says")


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def _copy(tree: Path) -> None:
    """The files that git knows, as they are now, with modes that no umask has touched."""
    for name in _git("ls-files", "-z").split("\0"):
        here, there = ROOT / name, tree / name
        if not name or not os.path.lexists(here):
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(here, there, follow_symlinks=False)
        if not here.is_symlink():
            there.chmod(0o755 if here.stat().st_mode & 0o100 else 0o644)


def _made(what: str, tree: Path, folder: Path, when: int) -> Path:
    """What setuptools builds of a tree; it stands in a folder below `folder`."""
    out = Path(tempfile.mkdtemp(dir=folder))
    done = subprocess.run(
        [sys.executable, "-c", _BUILD.format(what), str(out)],
        cwd=tree,
        env={**os.environ, "SOURCE_DATE_EPOCH": str(when)},
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"no {what} could be built:\n{done.stdout}{done.stderr}")
    return out / done.stdout.splitlines()[-1]


def _same(sdist: Path, when: int) -> bytes:
    """The sdist without what differs from one machine and moment to another."""

    def alike(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = when
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        member.pax_headers = {}
        return member

    with tarfile.open(sdist) as old:
        members = [(alike(each), old.extractfile(each)) for each in old.getmembers()]
        return _zipped(members, when)


def _zipped(members: list[tuple[tarfile.TarInfo, IO[bytes] | None]], when: int) -> bytes:
    key: Callable[[tuple[tarfile.TarInfo, object]], str] = lambda each: each[0].name  # noqa: E731
    whole = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=whole, mtime=when) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member, content in sorted(members, key=key):
            new.addfile(member, content)
    return whole.getvalue()


def main() -> int:
    if changed := dirt():
        print(f"these changes are not committed, and a release is made of a commit:\n{changed}")
        return 1
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    try:
        build(target, epoch())
        for path in sorted(target.iterdir()):
            print(f"wrote {path.relative_to(ROOT)} ({path.stat().st_size:,} bytes)")
    except ReleaseError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
