"""In CI nothing may be skipped: a skip there is a failure that says what is missing.

Not part of `make test`, which says so: what takes its time (`make chaos` does it), and what needs a small
file system on a machine where none can be made, or a program that is not installed.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.disk import can_mount
from tests.netspace import can_make

if TYPE_CHECKING:
    from tests.broker import Broker

pytest_plugins = ["tests.postgresql"]
NODE_PROGRAMS = Path(__file__).parent.parent / ".venv" / "node" / "node_modules" / ".bin"

# For all property tests: a busy machine is slow, and that is no fault of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure() -> None:
    """A suite that a script starts in the background is told to ignore Ctrl-C, and so are the programs that
    it starts in turn, some of which are to end by it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Where the Makefile puts programs that npm has.
    os.environ["PATH"] += f"{os.pathsep}{NODE_PROGRAMS}"


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """A verb that ended in this process has left Ctrl-C ignored, for the programs of later tests too."""
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker for tests marked `needs("rabbitmq-server")`: it starts with the first one, and is shared."""
    from tests.broker import running_broker

    with running_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of bad days that are too long, or impossible here."""
    bounded = not os.environ.get("CHAOS")
    on_disk = [item for item in items if "small_disk" in getattr(item, "fixturenames", ())]
    left_out = {item for item in items if bounded and item.get_closest_marker("long")}
    if on_disk and not can_mount():
        left_out.update(on_disk)
    apart = [item for item in items if "space" in getattr(item, "fixturenames", ())]
    if apart and not can_make():
        left_out.update(apart)
    left_out.update(item for item in items if _lacks(item))
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def pytest_collection_finish() -> None:
    """What is of the tests themselves is not looked through again and again: each time would take 0.3 s, and
    be counted as work of whatever is tested then."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Several processes do not count what each of them leaves out."""
    if not terminalreporter.config.getoption("numprocesses", None):
        return
    if not os.environ.get("CHAOS"):
        terminalreporter.write_line("left out: what takes its time (`make chaos` does it)")
    if not can_mount():
        terminalreporter.write_line("left out: a full disk (no small file system can be made here)")
    if not can_make():
        terminalreporter.write_line("left out: dropped packets (no network of one's own can be made here)")


def _lacks(item: pytest.Item) -> bool:
    programs = (mark.args[0] for mark in item.iter_markers("needs"))
    return any(shutil.which(program) is None for program in programs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be: {report.longrepr}"
    return report
