"""Starts lives of the daemon quickly: everything is imported once, each life is a fork of that.

Reads one JSON object a line: `{"start": ID, "cwd", "env", "log", "words", "step", "nth", "limit"}` or
`{"signal": NUMBER, "pid": PID}`. Writes `{"started": ID, "pid": PID}` and `{"ended": PID, "code": CODE}`.
At the end of its input it kills what still runs and leaves.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import traceback
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tests import netspace
from tests.chaos import clockwork, faultpoints
from watcher import cli


def main() -> None:
    _warm_up()
    heard, wake = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    alive: set[int] = set()
    buffer = b""
    _say({"ready": True})
    while True:
        ready, _, _ = select.select([0, heard], [], [])
        if heard in ready:
            with suppress(BlockingIOError):
                os.read(heard, 4096)
            _reap(alive)
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                break
            buffer += data
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                _obey(json.loads(line), alive)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _warm_up() -> None:
    import watcher.app.build
    import watcher.cli._service
    import watcher.daemon.run
    import watcher.notify.apprise.channel
    import watcher.sources
    import watcher.store

    if "--members" in sys.argv:
        import watcher.app.asking
        import watcher.store.postgres.jobs
        import watcher.store.postgres.store  # noqa: F401


def _obey(order: dict[str, Any], alive: set[int]) -> None:
    if "signal" in order:
        if order["pid"] in alive:  # not yet reaped, so the number is still this life's
            os.kill(order["pid"], order["signal"])
        return
    pid = os.fork()
    if pid == 0:
        _live(order)
    alive.add(pid)
    _say({"started": order["start"], "pid": pid})


def _live(order: dict[str, Any]) -> None:
    """In the child: become the daemon."""
    code = 99
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((null, 0), (log, 1), (log, 2)):
            os.dup2(old, new)
        os.closerange(3, 64)
        if order.get("netspace"):
            netspace.enter(order["netspace"])
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["env"])
        if order.get("limit"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit"], resource.RLIM_INFINITY))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if order.get("uid"):
            os.setgid(order["uid"])
            os.setuid(order["uid"])
        _never_flap()
        _confirm_soon()
        if order.get("clock"):
            clockwork.install(order["clock"])
        if order.get("step"):
            faultpoints.arm(order["step"], order["nth"], order.get("by", signal.SIGKILL))
        code = cli._run(order["words"])
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _never_flap() -> None:
    """Balances go up and down all the time here, and each crossing of a level has to be told."""
    import watcher.domain.alerts.flapping

    module: Any = watcher.domain.alerts.flapping
    module.MORE_THAN = 10**6


def _confirm_soon() -> None:
    """Lives here are shorter than the time for which two readings may be one answer told twice."""
    import watcher.domain.evaluation.implied_zeros
    import watcher.domain.readings.plausibility

    modules: tuple[Any, ...] = (watcher.domain.readings.plausibility, watcher.domain.evaluation.implied_zeros)
    for module in modules:
        module.INDEPENDENT_AFTER = timedelta(milliseconds=500)


def _reap(alive: set[int]) -> None:
    for pid in list(alive):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            alive.discard(pid)
            _say({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _say(words: dict[str, Any]) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


if __name__ == "__main__":
    main()
