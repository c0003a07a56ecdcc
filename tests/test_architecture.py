"""The house: where each library lives, where time is read, and how long files are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "watcher"

HOMES = {
    "aiohttp": ("system/connections.py", "sources/", "web/", "sim/", "notify/heartbeat.py"),
    "yarl": ("sources/", "notify/heartbeat.py"),
    "msgspec": ("sources/",),
    "sqlite3": ("store/",),
    "sqlite_utils": ("store/",),
    "apprise": ("notify/apprise/",),
    "requests": ("notify/apprise/http_outcome.py",),
    "urllib3": ("notify/apprise/http_outcome.py",),
    "apscheduler": ("service/ticker.py",),
    "typer": ("cli/",),
    "click": ("cli/",),
    "rich": ("cli/", "notify/console.py"),
    "yaml": ("config/yaml_reader.py",),
    "jinja2": ("domain/messages/template_engine.py", "web/templating.py"),
    "prometheus_client": ("web/metrics.py", "web/counting.py"),
    "pygal": ("charts/svg.py",),
    "multidict": ("web/",),
    "PIL": ("charts/png.py",),
}
"""One library, one home: replacing it is work in one room."""

NOT_IN_DOMAIN = {"asyncio", "logging", "os", "io", "socket", "time", "threading", "pathlib", "random"}

CLOCKS = ("service/clock.py", "cli/", "sim/", "daemon/systemd.py", "notify/apprise/")
"""Where the time of day or a monotonic clock may be read."""

TELLS_THE_TIME = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
}

BROAD = {
    "service/polling.py": "top of the polling loop, and of one request in it",
    "service/timers.py": "top of the loop over time",
    "service/delivery.py": "top of each channel's loop",
    "charts/attachments.py": "top of a thread that draws: a picture costs no message",
    "notify/apprise/channel.py": "a plugin may raise anything; it runs in a thread of its own",
}

LONGEST = 400


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


def test_the_simulation_is_for_the_demo_and_the_tests() -> None:
    users = {
        name_of(path) for path in files() if any(f"{m}.".startswith("watcher.sim.") for m in imports(path))
    }
    assert {name for name in users if not name.startswith("sim/")} == {"cli/demo.py"}


@pytest.mark.parametrize("path", [p for p in files() if room_of(p) == "sim"], ids=name_of)
def test_the_simulation_stands_alone(path: Path) -> None:
    assert [m for m in imports(path) if m.startswith("watcher.") and not m.startswith("watcher.sim")] == []


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_each_library_has_one_home(path: Path) -> None:
    for module in imports(path):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or name_of(path).startswith(homes), f"{module} in {name_of(path)}"


@pytest.mark.parametrize("path", [p for p in files() if room_of(p) == "domain"], ids=name_of)
def test_the_domain_does_no_io_and_has_no_clock(path: Path) -> None:
    assert NOT_IN_DOMAIN.isdisjoint(module.split(".")[0] for module in imports(path))


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
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
