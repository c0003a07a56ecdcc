"""`python -m watcher` under a clock that stands still, and many of them quickly.

`python -m tests.recordings.process TIME WORDS...` runs one verb at that time of day. `Runner` keeps a process
in which the libraries are loaded already; each verb is a fork of it, so that some hundred take seconds.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
HERE = "tests.recordings.process"


class Runner:
    """Runs verbs one after another."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-m", HERE, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(Path(self._folder.name)),
        )

    def run(self, *words: str, cwd: Path, now: datetime, env: Mapping[str, str]) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out, err = (Path(self._folder.name, name) for name in ("out", "err"))
        order = {"words": words, "cwd": str(cwd), "now": now.isoformat(), "env": dict(env)}
        self._process.stdin.write(json.dumps({**order, "out": str(out), "err": str(err)}) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return code, out.read_text("utf-8"), err.read_text("utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


def environment(home: Path) -> dict[str, str]:
    """What a verb finds around it: nothing of whoever runs the tests."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "100",
        "TERM": "dumb",
        "LOGNAME": "somebody",
    }


def fix_clock(now: datetime, slower: float) -> None:
    """From here on it is this time of day, for ever. What is waited for comes so many times as late: what
    depends on how quickly something went is then the same on a busy machine."""

    def fixed(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
        return cls.fromtimestamp(now.timestamp(), tz)

    # The type is closed to assignments; what it looks its methods up in is not.
    methods = gc.get_referents(datetime.__dict__)[0]
    methods["now"] = classmethod(fixed)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))
    time.time = now.timestamp
    time.time_ns = lambda: round(now.timestamp() * 1e9)
    began, monotonic = time.monotonic(), time.monotonic
    time.monotonic = lambda: began + (monotonic() - began) / slower
    assert datetime.now(UTC) == now


def run_watcher(words: list[str]) -> None:
    """As `python -m watcher` does; leaves with SystemExit."""
    sys.argv = ["watcher", *words]
    runpy.run_module("watcher", run_name="__main__", alter_sys=True)


def serve() -> None:
    """An order a line: what to run, where, when; the answer is the exit code."""
    answers = os.dup(1)
    warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _live(order)
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def warm_up() -> None:
    """Load what the verbs load, and show nothing of it."""
    for library in ("aiohttp.web", "jinja2.sandbox", "msgspec"):
        importlib.import_module(library)
    quiet, complaints = os.open(os.devnull, os.O_WRONLY), os.dup(2)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    for words in (["--help"], ["schema", "--rules"], ["schema", "--tests"], ["check", "-c", "nowhere.yaml"]):
        try:
            run_watcher(words)
        except SystemExit:
            sys.stderr.flush()
    os.dup2(complaints, 2)


def _live(order: dict[str, object]) -> None:
    code = 99
    try:
        files = [os.open(str(order[name]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")]
        for old, new in zip(files, (1, 2), strict=True):
            os.dup2(old, new)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = open(0)  # noqa: SIM115
        os.chdir(str(order["cwd"]))
        os.environ.clear()
        env, words = order["env"], order["words"]
        assert isinstance(env, dict)
        assert isinstance(words, list)
        os.environ.update(env)
        time.tzset()
        fix_clock(datetime.fromisoformat(str(order["now"])), slower=10)
        run_watcher(words)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        fix_clock(datetime.fromisoformat(sys.argv[1]), slower=3)
        run_watcher(sys.argv[2:])
