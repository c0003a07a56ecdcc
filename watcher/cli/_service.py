"""The daemon in this process."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cli._common import config_path, configured, set_up_logging

if TYPE_CHECKING:
    from watcher.config.configuration import Configuration


def watch(config: Path | None) -> int:
    """Watch until it is told to stop; the exit code."""
    from watcher.daemon.malloc import settle_heap

    settle_heap()
    # Nearly all that a watch list makes is kept: looking for garbage would take a tenth of the time to start.
    # Once it watches, the daemon looks again.
    gc.disable()
    try:
        return _run(config_path(config))
    finally:
        gc.enable()


def _run(path: Path) -> int:
    import asyncio

    from watcher.daemon import systemd
    from watcher.daemon.loop import DaemonLoop
    from watcher.daemon.run import run_daemon

    configuration = configured(path, channels=True)
    _set_up_logging(configuration)
    for warning in configuration.warnings:
        text = f"warning: {warning}"
        marked = systemd.to_journal(sys.stderr)
        print(systemd.with_priority(text, logging.WARNING) if marked else text, file=sys.stderr)
    work = run_daemon(configuration.settings.path, configuration, os.environ, on_loaded=_set_up_logging)
    with asyncio.Runner(loop_factory=DaemonLoop) as runner:
        return runner.run(work)


def _set_up_logging(configuration: Configuration) -> None:
    log = configuration.settings.log
    set_up_logging(log.level, log.format)
