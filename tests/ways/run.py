"""`make ways`: each way of docs/start/install.md from nothing, by the very commands of the page.

    python -m tests.ways.run [HEADING ...] [--base FOLDER] [--release FOLDER]

Each heading gets a bare Debian root of its own (debootstrap, once; then an overlay in memory), with the files
of a release in it and nothing else; both may be kept in a folder and taken again. The Debian package is then
booted under a real systemd, which sets up a service, upgrades it, removes it and purges it (`package.sh`).
Where that cannot be, it says why.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from release import deb, dist
from tests.systemd.boot import hindrance

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PAGE = ROOT / "docs/start/install.md"
RESTORING = ROOT / "docs/howto/backup-restore.md"
NOT_RUN = "<!-- not run:"
LONGEST = 1800
FIRST = {
    "uv": "apt-get install -qq -y python3-venv; python3 -m venv /uv\n"
    "/uv/bin/pip install -q uv; PATH=/uv/bin:$PATH",
    "make": "apt-get install -qq -y python3 python3-venv make git; cp -R /checkout /source; cd /source",
}
"""What has to be there before a way begins, beside Python: by its heading."""
PROBE = """\
cd "$(mktemp -d)"; watcher init --defaults .; watcher test rules/tests/*.yaml | tail -1
COINSTATS_API_KEY=k TEOS_API_KEY=k watcher check | tail -1
cd "$OLDPWD"
"""
EXTRAS = 'interpreter=$(sed -n "1s/^#!//p" "$(readlink -f "$(command -v watcher)")"); '
EXTRAS += '"$interpreter" -c "import PIL, babel, slack_sdk"\n'
TRIAL = """\
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/sh /ways/package.sh
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/result
StandardError=file:/result
"""
TARGET = "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"


def ways(page: str) -> dict[str, str]:
    """Heading → its commands, for root and without those that the page says are not run."""
    found: dict[str, str] = {}
    for section in re.split(r"(?m)^## ", page)[1:]:
        heading, _, text = section.partition("\n")
        blocks = re.findall(rf"(?ms)^({NOT_RUN}[^\n]*\n)?```sh\n(.*?)^```", text)
        commands = "".join(block for skipped, block in blocks if not skipped)
        if commands:
            found[heading] = re.sub(r"(?m)^sudo ", "", commands)
    return found


def script(heading: str, commands: str) -> str:
    """What is run of one way: its commands, and after each `watcher --version` what proves that it works."""
    probe = PROBE if heading == "make" else PROBE + EXTRAS
    first = f"{FIRST[heading]}\n" if heading in FIRST else ""
    return f"set -ex\ncd /release\n{first}" + commands.replace(
        "watcher --version\n", f"watcher --version\n{probe}"
    )


class Bare:
    """A bare Debian root; what is done in it is gone with it."""

    def __init__(self, base: Path, release: Path, folder: Path) -> None:
        self.root = folder / "root"
        for each in (self.root, folder / "upper", folder / "work"):
            each.mkdir(parents=True)
        layers = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, self.root], check=True)
        self._nspawn = [
            *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--machine", "watcher-ways"),
            *("--directory", str(self.root), f"--bind-ro={release}:/release", f"--bind-ro={ROOT}:/checkout"),
            *(f"--bind-ro={HERE}:/ways", "--bind-ro=/etc/ssl/certs/ca-certificates.crt:/lent.crt"),
        ]

    def run(self, text: str) -> tuple[bool, str]:
        """Whether a script ends well, and what it said; it may ask the registries."""
        (self.root / "trial.sh").write_text(text)
        lent = (f"--setenv={name}=/lent.crt" for name in ("PIP_CERT", "SSL_CERT_FILE"))
        words = [*self._nspawn, "--as-pid2", "--resolv-conf=copy-host", *lent]
        return self._done([*words, "--setenv=DEBIAN_FRONTEND=noninteractive", "/bin/sh", "/trial.sh"])

    def boot(self) -> tuple[bool, str]:
        """The same of `package.sh` under systemd, with no network."""
        units = self.root / "etc/systemd/system"
        (units / "trial.target.wants").mkdir(parents=True)
        (units / "trial.target").write_text(TARGET)
        (units / "trial.service").write_text(TRIAL)
        (self.root / "restore.sh").write_text("".join(ways(RESTORING.read_text()).values()))
        (units / "trial.target.wants/trial.service").symlink_to("../trial.service")
        words = [
            *self._nspawn,
            "--boot",
            "--private-network",
            "--console=read-only",
            "systemd.unit=trial.target",
        ]
        _, said = self._done(words)
        result = self.root / "result"
        text = result.read_text() if result.exists() else said
        return text.rstrip().endswith("all held"), text

    def _done(self, words: list[str]) -> tuple[bool, str]:
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST, check=False)
        except subprocess.TimeoutExpired:
            return False, f"not done within {LONGEST} s"
        return done.returncode == 0, done.stdout + done.stderr


def release(folder: Path, *, package: bool) -> None:
    """The files of a release, and the package of a later version, with which an upgrade is tried."""
    dist.build(folder, dist.epoch())
    if not package:
        return
    made = deb.build(folder, "/usr/bin/python3", dist.epoch())
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", made, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*", "Version: 9.0.0", control.read_text()))
    (folder / "next").mkdir()
    subprocess.run(["dpkg-deb", "--build", tree, folder / "next/next.deb"], check=True, capture_output=True)
    shutil.rmtree(tree)
    dist.sum_up(folder)


def tried(heading: str, bare: Bare, commands: str) -> bool:
    held, said = bare.run(script(heading, commands))
    print(f"{'held ' if held else 'BROKE'}  {heading}", flush=True)
    if heading == "Debian package" and held:
        held, said = bare.run("set -e\ncd /release\napt-get install -qq -y dbus systemd-sysv\n")
        held, said = bare.boot() if held else (held, said)
        print(said if held else "BROKE  the package under systemd", flush=True)
    if not held:
        print("\n".join(said.splitlines()[-40:]), flush=True)
    return held


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("headings", nargs="*")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--release", type=Path)
    parser.add_argument("--inside", action="store_true")
    asked = parser.parse_args()
    why = hindrance() or ("" if shutil.which("debootstrap") else "debootstrap is not installed")
    if why:
        print(f"left out: {why}")
        return 0
    if not asked.inside:  # again in a mount namespace of its own, so that nothing stays mounted
        again = [sys.executable, "-m", "tests.ways.run", "--inside", *sys.argv[1:]]
        return subprocess.run(["unshare", "--mount", *again], cwd=ROOT, check=False).returncode
    with tempfile.TemporaryDirectory(prefix="watcher-ways-", dir="/var/tmp") as folder:
        return _all(Path(folder), asked.base, asked.release, asked.headings)


def _all(folder: Path, base: Path | None, files: Path | None, headings: list[str]) -> int:
    space = folder / "space"
    space.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", space], check=True)
    try:
        if base is None:
            base = space / "base"
            suite = re.findall(r"(?m)^VERSION_CODENAME=(.*)$", Path("/etc/os-release").read_text())[0]
            subprocess.run(
                ["debootstrap", "--variant=minbase", suite, base], check=True, stdout=subprocess.DEVNULL
            )
        chosen = {
            each: text for each, text in ways(PAGE.read_text()).items() if not headings or each in headings
        }
        files = files or space / "release"
        if not files.exists():
            release(files, package="Debian package" in chosen)
        broke = 0
        for number, (heading, commands) in enumerate(chosen.items()):
            bare = Bare(base, files, space / str(number))
            broke += not tried(heading, bare, commands)
            subprocess.run(["umount", bare.root], check=False)
            shutil.rmtree(space / str(number), ignore_errors=True)
    finally:
        os.sync()
        subprocess.run(["umount", "--recursive", "--lazy", space], check=False)
    print(f"{broke} broke" if broke else "all held")
    return int(broke > 0)


if __name__ == "__main__":
    sys.exit(main())
