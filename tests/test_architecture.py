"""The house: its contracts see every kind of wrong import; floors and rooms are few, functions short."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "watcher"

CLOCKS = (
    "service/clock.py",
    "store/postgres/clock.py",
    "cli/",
    "sim/",
    "daemon/systemd.py",
    "notify/apprise/",
    "notify/refusals.py",
    "notify/webhook/",
)
"""Where the time of day or a monotonic clock may be read."""

TELLS_THE_TIME = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
}

BROAD = {
    "service/polling.py": "top of the polling loop, and of one request in it",
    "service/sums.py": "top of the loop over sums",
    "service/timers.py": "top of the loop over time",
    "store/postgres/members.py": "top of the loop of signs of life",
    "service/delivery.py": "top of each channel's loop",
    "service/hint_listening.py": "top of the loop over connections, and of the one beside it",
    "chat/listening.py": "top of the loop that listens, and of one order in it",
    "charts/attachments.py": "top of a thread that draws: a picture costs no message",
    "service/report_schedule.py": "top of the loop over reports",
    "letters/writer.py": "top of a thread that makes files: a file costs no message",
    "notify/apprise/channel.py": "a plugin may raise anything; it runs in a thread of its own",
}

LONGEST_FILE, LONGEST_FUNCTION = 400, 50
MOST_FLOORS, MOST_ROOMS = 9, 24

WRONG = {
    "analysis/plan.py": "watcher.web.text",
    "reports/rule_distance.py": "watcher.web.server",
    "config/document.py": "watcher.config.settings",
    "domain/model.py": "watcher.domain.evaluation.decide",
    "domain/messages/message.py": "watcher.ports.store",
    "domain/rules/base.py": "watcher.domain.alerts.lifecycle",
    "domain/values/decimals.py": "asyncio",
    "service/polling.py": "watcher.app.build",
    "service/timers.py": "watcher.queues.memory",
    "store/sqlite/transactions.py": "watcher.sources.teos.source",
    "ports/source.py": "watcher.system.files",
    "web/text.py": "watcher.cli",
    "charts/sparklines.py": "watcher.web.pages",
    "sim/world.py": "watcher.domain.model",
    "daemon/run.py": "watcher.sim.server",
    "cli/status.py": "sqlite3",
    "service/throttle.py": "psycopg",
    "service/delivery.py": "apprise",
    "reports/status.py": "jinja2",
    "charts/chart.py": "watcher.store.sqlite.queries",
    "sources/http.py": "yaml",
    "queues/jobs.py": "procrastinate",
}
"""A file, and what it must not import: upwards, sideways, past a port, in a circle, a library."""


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{name_of(path)}:{node.lineno}: a relative import hides where it points"
            assert not node.level, f"{name_of(path)}:{node.lineno}: a relative import hides where it points"
            yield node.module
            if node.module == "watcher":
                yield from (f"watcher.{alias.name}" for alias in node.names)


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    words, env = [str(program), "--no-logo", "--no-cache"], {"PYTHONPATH": str(folder)}
    return subprocess.run(words, cwd=folder, env=env, check=False, capture_output=True, text=True)


@cache
def rooms() -> dict[str, set[str]]:
    """Room → the rooms that it imports from; the simulation, which stands apart, is left out."""
    found: dict[str, set[str]] = {}
    for path in files():
        room = room_of(path)
        if room not in ("__init__", "__main__", "sim"):
            others = {name.split(".")[1] for name in imports(path) if name.startswith("watcher.")}
            found.setdefault(room, set()).update(others - {room, "sim", "__version__"})
    return found


def floor_of(room: str) -> int:
    """One more than the highest floor that it stands on. A circle has no end here."""
    return 1 + max((floor_of(below) for below in rooms()[room]), default=0)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "watcher", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_import_contracts_hold() -> None:
    found = contracts(ROOT)
    assert found.returncode == 0, found.stdout


def test_every_kind_of_wrong_import_is_seen(copy: Path) -> None:
    for name, wrong in WRONG.items():
        path = copy / "watcher" / name
        path.write_text(f"{path.read_text()}\n\ndef wrong():\n    import {wrong}\n")
    found = contracts(copy)
    assert found.returncode == 1

    said = re.sub(r"\s+", " ", found.stdout)
    for name, wrong in WRONG.items():
        module = "watcher." + name.removesuffix(".py").replace("/", ".")
        seen = f"{module} -> {wrong} " in said or _in_a_circle(said, module, wrong)
        assert seen, f"{module} may import {wrong}: {found.stdout}"


def _in_a_circle(said: str, module: str, wrong: str) -> bool:
    room, _, name = module.rpartition(".")
    circle = re.search(rf"No cycles are allowed in {re.escape(room)}\.(.*?)(No cycles|$)", said)
    return circle is not None and f".{name} -> .{wrong.rpartition('.')[2]} " in circle[1]


def test_a_room_that_no_contract_names_is_seen(copy: Path) -> None:
    for room in ("attic", "domain/attic"):
        (copy / "watcher" / room).mkdir()
        (copy / "watcher" / room / "__init__.py").write_text("")
    found = contracts(copy)
    assert found.returncode == 1
    assert "watcher.attic" in found.stdout
    assert "watcher.domain.attic" in found.stdout


def test_the_house_has_few_floors_and_rooms() -> None:
    floors = {room: floor_of(room) for room in rooms()}
    assert max(floors.values()) <= MOST_FLOORS, floors
    assert len(floors) <= MOST_ROOMS, floors


def test_what_stands_above_the_rooms_is_three_files() -> None:
    loose = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert loose == {"__init__.py", "__main__.py", "py.typed"}


def test_a_class_has_one_name_and_a_name_one_class() -> None:
    """Outside the simulation, which has the names of what it simulates."""
    found: dict[str, list[str]] = {}
    for path in files():
        if room_of(path) != "sim":
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found.setdefault(node.name, []).append(name_of(path))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_time_is_read_in_few_places(path: Path) -> None:
    if name_of(path).startswith(CLOCKS):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ".".join(ast.unparse(node.func).split(".")[-2:])
            assert called not in TELLS_THE_TIME, f"{name_of(path)}:{node.lineno}: {called}"


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_everything_is_caught_only_at_the_top_of_a_loop(path: Path) -> None:
    if name_of(path) in BROAD or room_of(path) == "sim":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            reraises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            broad = caught in ("Exception", "BaseException", "everything")
            assert not broad or reraises, f"{name_of(path)}:{node.lineno}"


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            words = f"{name_of(path)}:{node.lineno}: {node.name} has {length} lines"
            assert length <= LONGEST_FUNCTION, words
