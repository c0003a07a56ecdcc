"""Other processes: how to start them, what they use, and how to talk to the fake."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = Path(__file__).parent.parent


def resident(pid: int | str) -> float:
    """Resident memory in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20


def cpu(pid: int) -> float:
    """CPU seconds so far, of all threads, to the nanosecond."""
    return sum(threads(pid).values())


def threads(pid: int) -> dict[int, float]:
    """CPU seconds so far of each thread; the one with the process's number runs the event loop."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def switches(pid: int) -> dict[int, int]:
    """How often each thread went to sleep so far: each of these is one wake-up later."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            words = (task / "status").read_text().split()
            found[int(task.name)] = int(words[words.index("voluntary_ctxt_switches:") + 1])
    return found


@contextlib.contextmanager
def process(
    *words: str, env: Mapping[str, str] | None = None, log: Path | None = None, listen: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A Python process that ends with the block: SIGTERM, and SIGKILL after ten seconds."""
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(log.open("w")) if log else None
        running = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, text=True, env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE if listen else out, stderr=out,
        )  # fmt: skip
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            for pipe in (running.stdin, running.stdout):
                if pipe is not None:
                    pipe.close()


def floor(mode: str, *words: str) -> Any:
    """Run one mode of the floor to its end and take its figures."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor", mode, *words],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


class Fake:
    """The running fake, seen from outside."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.hook = f"json://127.0.0.1:{port}/hook"
        self.client: subprocess.Popen[str] | None = None

    def control(self, **wanted: Any) -> Any:
        """Set what is named, and tell what was answered until now."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/control", json.dumps(wanted))
        told = json.loads(connection.getresponse().read())
        connection.close()
        return told

    def until(self, wanted: Callable[[Any], object], within: float = 120.0) -> Any:
        """Wait for something that the fake sees."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            told = self.control()
            if wanted(told):
                return told
            if self.client is not None and self.client.poll() is not None:
                raise TimeoutError(f"the client has ended with code {self.client.returncode}")
            time.sleep(0.02)
        raise TimeoutError("the fake did not see in time what was waited for")


@contextlib.contextmanager
def fake(wallets: int) -> Iterator[Fake]:
    """The fake, in a process of its own."""
    with process("-m", "benchmarks.fake", str(wallets), listen=True) as running:
        assert running.stdout is not None
        yield Fake(int(running.stdout.readline()))
