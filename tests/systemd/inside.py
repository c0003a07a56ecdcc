"""What is tried of the unit, run as root in the container; needs nothing but Python's own library."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

HOME = Path("/etc/watcher")
KEY = "cs-key"  # what the simulation takes
CONFIG = """\
version: 1
store: {{kind: sqlite, path: /var/lib/watcher/watcher.db}}
sources:
  coinstats:
    kind: coinstats
    api_key: ${{COINSTATS_API_KEY}}
    base_url: {url}
    credits: {{limit: 1000000}}
wallets:
  - name: hot
    source: coinstats
    address: "0x9f114da25b61b77606d47eab414b9360f8783979"
    chains: [ethereum]
    every: 2s
channels:
  ops: {{url: "${{WATCHER_OPS_URL}}"}}
rules: []
"""
BROKE: list[str] = []


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, timeout=90, check=False)


def shown(name: str) -> str:
    return run("systemctl", "show", "watcher", "--value", "-p", name).stdout.strip()


def eventually(holds: Callable[[], bool], within: float = 30.0) -> bool:
    end = time.monotonic() + within
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def held(what: str, good: bool, said: object = "") -> None:
    print(f"{'held ' if good else 'BROKE'}  {what}" + ("" if good else f": {said}"))
    if not good:
        BROKE.append(what)


def install(url: str) -> None:
    (HOME / "credentials").mkdir(parents=True, mode=0o700)
    HOME.chmod(0o755)
    (HOME / "watcher.yaml").write_text(CONFIG.format(url=url))
    for name, value in (("COINSTATS_API_KEY", KEY), ("WATCHER_OPS_URL", "json://127.0.0.1:9/ops")):
        (HOME / "credentials" / name).write_text(f"{value}\n")
        (HOME / "credentials" / name).chmod(0o600)
    drop = Path("/etc/systemd/system/watcher.service.d")
    drop.mkdir()
    (drop / "soon.conf").write_text("[Service]\nWatchdogSec=9\nRestartSec=1\n")
    run("systemctl", "daemon-reload")


def start() -> None:
    done = run("/opt/watcher/bin/watcher", "check")
    held("before the first start check works as root with nothing else said", done.returncode == 0, done)
    done = run("systemctl", "start", "watcher")
    held("it starts, and says that it is ready", done.returncode == 0, done.stderr + log())
    pid = shown("MainPID")
    held("it runs as nobody that the machine knows", Path(f"/proc/{pid}").stat().st_uid > 60000)
    limits = Path(f"/proc/{pid}/limits").read_text()
    held("no core file can be written", "Max core file size        0 " in limits, limits)
    held("it may open 8192 files", "8192                 8192" in limits, limits)
    read = eventually(lambda: read_once() is not None)
    held("it reads with the key that it was given", read, log())
    said = eventually(lambda: "1 account, 0 alerts firing" in shown("StatusText"))
    held("STATUS counts in English", said, shown("StatusText"))


def read_once() -> object:
    done = run("/opt/watcher/bin/watcher", "status", "--json")
    rows = json.loads(done.stdout or "{}").get("accounts") or [{}]
    return rows[0].get("last_reading")


def log(*words: str) -> str:
    return run("journalctl", "-u", "watcher", "-o", "cat", "--no-pager", *words).stdout


def reload() -> None:
    done = run("systemctl", "reload", "watcher")
    held("a reload of a sound file succeeds", done.returncode == 0, done.stderr + log())
    told = eventually(lambda: "a new key needs a restart" in log())
    held("it is said that a new key needs a restart", told, log())
    sound = (HOME / "watcher.yaml").read_text()
    (HOME / "watcher.yaml").write_text(sound.replace("every: 2s", "every: 2x"))
    done = run("systemctl", "reload", "watcher")
    held("a reload of a bad file fails", done.returncode != 0, done)
    refused = eventually(lambda: shown("StatusText").startswith("reload refused: 1 mistake"))
    held("STATUS says so at once", refused, shown("StatusText"))
    held("and it goes on with the old one", shown("ActiveState") == "active", shown("ActiveState"))
    held("errors have their priority", "reload refused" in log("-p", "err"), log())
    held("and nothing else has it", "watching" not in log("-p", "err"), log("-p", "err"))
    (HOME / "watcher.yaml").write_text(sound)
    done = run("systemctl", "reload", "watcher")
    held("a sound file is taken again", done.returncode == 0, done.stderr)
    mended = eventually(lambda: "refused" not in shown("StatusText"))
    held("and STATUS says so", mended, shown("StatusText"))


def hang() -> None:
    pid = int(shown("MainPID"))
    os.kill(pid, signal.SIGSTOP)
    again = eventually(
        lambda: shown("MainPID") not in ("0", str(pid)) and shown("ActiveState") == "active", 60
    )
    held("when it hangs it is started again", again, log())


def refuse() -> None:
    done = run("systemctl", "stop", "watcher")
    held("it stops well", shown("ExecMainStatus") == "0" and shown("Result") == "success", done)
    key = HOME / "credentials" / "COINSTATS_API_KEY"
    key.unlink()
    done = run("systemctl", "start", "watcher")
    held("without a key it does not start", done.returncode != 0)
    held("and ends with 78", shown("ExecMainStatus") == "78", shown("ExecMainStatus"))
    time.sleep(3)
    held("and is not started again", shown("ActiveState") == "failed", shown("ActiveState"))
    held("and the log names it", "COINSTATS_API_KEY is not set" in log("-p", "err"), log())
    (HOME / "credentials").rename(HOME / "elsewhere")
    run("systemctl", "reset-failed", "watcher")
    run("systemctl", "start", "watcher")
    held(
        "without the folder of keys systemd says 243",
        shown("ExecMainStatus") == "243",
        shown("ExecMainStatus"),
    )


def main() -> None:
    sim = subprocess.Popen(["/opt/watcher/bin/sim", "--sample"], stdout=subprocess.PIPE, text=True)
    try:
        assert sim.stdout is not None
        install(json.loads(sim.stdout.readline())["coinstats"])
        for part in (start, reload, hang, refuse):
            part()
    finally:
        sim.kill()
    print(f"{len(BROKE)} broke" if BROKE else "all held")


if __name__ == "__main__":
    main()
