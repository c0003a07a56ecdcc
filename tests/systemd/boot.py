"""`make systemd`: boots the unit under a real systemd, in a container over this machine's own system.

    python -m tests.systemd.boot

The container (systemd-nspawn) sees this machine's files below an overlay in memory, so that nothing here
changes, and has a network of its own. What is tried in it is in `inside.py`. Where that cannot be, it says
why and ends well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 300
TARGET = """\
[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
"""
TRIAL = """\
[Unit]
After=basic.target
[Service]
Type=oneshot
Environment=LD_LIBRARY_PATH=/opt/python/lib PYTHONHOME=/opt/python
ExecStart=/opt/python/bin/{python} -u /opt/watcher/src/tests/systemd/inside.py
ExecStopPost=/bin/systemctl --no-block poweroff
StandardOutput=file:/result
StandardError=file:/result
"""
PROGRAM = """\
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONHOME=/opt/python PYTHONPATH=/opt/watcher/src:/opt/watcher/site
exec /opt/python/bin/{python} -m {module} "$@"
"""


def hindrance() -> str:
    """Why it cannot be tried here; empty if it can."""
    if os.geteuid() != 0:
        return "only root can start a container"
    for program in ("systemd-nspawn", "unshare"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian packages: systemd-container, util-linux)"
    if not Path("/lib/systemd/systemd").exists():
        return "there is no systemd on this machine"
    return ""


def furnish(root: Path) -> None:
    """Put the program, its unit and what tries them into the container."""
    python = f"python{sysconfig.get_python_version()}"
    units, home = root / "etc/systemd/system", root / "opt/watcher"
    shutil.rmtree(units, ignore_errors=True)  # what runs on this machine is not to run there
    (units / "trial.target.wants").mkdir(parents=True)
    (home / "bin").mkdir(parents=True)
    for name, module in (("watcher", "watcher"), ("sim", "watcher.sim")):
        (home / "bin" / name).write_text(PROGRAM.format(python=python, module=module))
        (home / "bin" / name).chmod(0o755)
    for name, text in (("trial.target", TARGET), ("trial.service", TRIAL.format(python=python))):
        (units / name).write_text(text)
    (units / "trial.target.wants/trial.service").symlink_to("../trial.service")
    shutil.copy(ROOT / "systemd/watcher.service", units)


def boot(folder: Path) -> int:
    """Runs in a mount namespace of its own."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    layers = f"lowerdir=/,upperdir={folder}/upper,workdir={folder}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, folder / "root"], check=True)
    root = folder / "root"
    furnish(root)
    site = Path(sysconfig.get_path("purelib"))
    binds = ((Path(sys.base_prefix), "/opt/python"), (site, "/opt/watcher/site"), (ROOT, "/opt/watcher/src"))
    command = [
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"),
        *("--directory", str(root), "--machine", "watcher-trial", "--console=read-only"),
        *(f"--bind-ro={here}:{there}" for here, there in binds),
        "systemd.unit=trial.target",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        said = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        said = f"not done within {LONGEST} s\n{error.stdout or b''!r}"
    result = root / "result"
    text = result.read_text() if result.exists() else ""
    if not text:
        print(f"left out: the container did not come to the trial:\n{said[-3000:]}")
        return 0
    print(text, flush=True)
    return 0 if text.rstrip().endswith("all held") else 1


def main() -> int:
    why = hindrance()
    if why:
        print(f"left out: {why}")
        return 0
    if "--boot" in sys.argv:
        with tempfile.TemporaryDirectory(prefix="watcher-systemd-", dir="/run") as folder:
            space = Path(folder) / "space"
            space.mkdir()
            try:
                subprocess.run(["mount", "-t", "tmpfs", "tmpfs", space], check=True)
                return boot(space)
            except subprocess.CalledProcessError as error:
                print(f"left out: {error}")
                return 0
            finally:
                subprocess.run(["umount", "--recursive", "--lazy", space], check=False)
    again = [sys.executable, "-m", "tests.systemd.boot", "--boot"]
    return subprocess.run(["unshare", "--mount", *again], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
