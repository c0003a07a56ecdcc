"""The house as a table: who may import whom, and where each library lives."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "watcher"

FLOORS = {
    "domain": 0,
    "ports": 1, "files": 1, "connecting": 1,
    "service": 2, "sources": 2, "store": 2, "notify": 2,
    "reading": 3, "documents": 3, "jsontree": 3, "mistakes": 3, "environment": 3, "settings_models": 3,
    "settings_wallets": 3, "settings_assets": 3, "settings": 3, "rulebook": 3, "schema": 3, "starter": 3,
    "settings_channels": 3, "settings_doubts": 3, "doubts": 3, "ruletest_models": 3, "ruletests": 3,
    "wiring": 4,
    "schedule": 5, "report": 5, "readiness": 5, "planning": 5, "simulating": 5, "sdnotify": 5, "web": 5,
    "alertviews": 5, "ruletracks": 5, "ruletesting": 5, "backtesting": 5, "importing": 5, "linting": 5,
    "signals": 5, "heap": 5, "timetable": 5, "explaining": 5, "standing": 5, "creditviews": 5, "upkeep": 5,
    "charting": 5, "levels": 5, "sparklines": 5, "burning": 5, "dayviews": 5, "picturing": 5, "drawing": 5,
    "daemon": 6,
    "cli": 7, "__main__": 7,
}  # fmt: skip
"""Imports point downwards; between rooms of one floor only as `BESIDE` says."""

BESIDE: dict[str, set[str]] = {
    "__main__": {"cli"},
    "charting": {"report"},
    "doubts": {"documents", "rulebook", "settings"},
    "environment": {"documents", "mistakes"},
    "explaining": {"alertviews", "creditviews", "standing"},
    "jsontree": {"documents"},
    "linting": {"planning"},
    "mistakes": {"documents"},
    "picturing": {"charting", "drawing", "levels"},
    "planning": {"schedule"},
    "reading": {"documents", "jsontree"},
    "report": {"alertviews", "creditviews", "readiness"},
    "rulebook": {"documents", "mistakes", "reading"},
    "ruletesting": {"ruletracks"},
    "ruletests": {"documents", "mistakes", "reading", "rulebook", "ruletest_models", "starter"},
    "schema": {"mistakes", "ruletest_models", "settings", "settings_models"},
    "settings": {
        *("documents", "environment", "mistakes", "reading", "settings_assets", "settings_channels"),
        *("settings_doubts", "settings_models", "settings_wallets"),
    },
    "settings_assets": {"documents", "mistakes"},
    "settings_channels": {"documents", "mistakes"},
    "settings_doubts": {"documents", "mistakes", "settings_wallets"},
    "settings_models": {"mistakes"},
    "settings_wallets": {"documents", "mistakes", "settings_models"},
    "timetable": {"schedule"},
    "upkeep": {"readiness", "report", "sdnotify"},
    "web": {
        *("alertviews", "burning", "charting", "creditviews", "dayviews", "explaining", "levels"),
        *("readiness", "report", "sparklines"),
    },
}
"""Room → the rooms of its floor that it imports, and no others: each pair is one way, and in use."""

READ_THE_STORE = {
    *("burning", "charting", "creditviews", "dayviews", "explaining", "levels", "linting.seen", "picturing"),
    *("readiness", "report", "settings", "sparklines", "standing", "upkeep", "wiring"),
    *("web.acting", "web.budget", "web.looking", "web.pages", "web.rules", "web.wallets"),
    *("cli._completing", "cli.alerting", "cli.assets", "cli.backtest", "cli.demo", "cli.explaining"),
    *("cli.history", "cli.looking", "cli.planning", "cli.setup", "cli.simulation", "cli.status"),
}
"""Modules outside `store` that import from it."""

CIRCLES = {("domain.glance", "domain.selection"), ("domain.selection", "domain.glance")}
"""The one pair of modules that know each other, until the next house."""

HOMES = {
    "aiohttp": ("connecting.py", "sources/", "web/", "sim/", "notify/heartbeat.py"),
    "yarl": ("sources/", "notify/heartbeat.py"),
    "msgspec": ("sources/",),
    "sqlite3": ("store/",),
    "sqlite_utils": ("store/",),
    "apprise": ("notify/apprise.py", "notify/_plugins.py", "notify/_sending.py"),
    "requests": ("notify/_hearing.py",),
    "urllib3": ("notify/_hearing.py",),
    "apscheduler": ("schedule.py",),
    "typer": ("cli/",),
    "click": ("cli/",),
    "rich": ("cli/", "notify/console.py"),
    "yaml": ("reading.py",),
    "jinja2": ("domain/sandbox.py", "web/framing.py"),
    "prometheus_client": ("web/metrics.py", "web/counting.py"),
    "pygal": ("web/drawing.py",),
    "multidict": ("web/",),
    "PIL": ("drawing.py",),
}
"""One library, one home: replacing it is work in one room."""

NOT_IN_DOMAIN = {"asyncio", "logging", "os", "io", "socket", "time", "threading", "pathlib", "random"}

CLOCKS = ("service/clock.py", "cli/", "sim/", "sdnotify.py", "notify/apprise.py", "notify/_hearing.py")
"""Where the time of day or a monotonic clock may be read."""

TELLS_THE_TIME = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
}

BROAD = {
    "service/polling.py": "top of the polling loop, and of one request in it",
    "service/lapsing.py": "top of the loop over time",
    "service/delivering.py": "top of each channel's loop",
    "picturing.py": "top of a thread that draws: a picture costs no message",
    "notify/apprise.py": "a plugin may raise anything; it runs in a thread of its own",
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


def module_of(path: Path) -> str:
    return name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__")


@cache
def edges() -> frozenset[tuple[str, str]]:
    """Module → module of ours that it imports, the simulation and the package itself left out."""
    known = {module_of(path) for path in files()}
    found = set()
    for path in files():
        for name in imports(path):
            other = name.removeprefix("watcher.") if name.startswith("watcher.") else ""
            while other and other not in known:
                other = other.rpartition(".")[0]
            if other and not {room(module_of(path)), room(other)} & {"sim", "__init__"}:
                found.add((module_of(path), other))
    return frozenset(found)


def room(module: str) -> str:
    return module.partition(".")[0]


def faults(graph: Iterable[tuple[str, str]]) -> set[str]:
    """What is wrong with these imports."""
    graph = [(one, other) for one, other in graph if one != other]
    found = set()
    for one, other in graph:
        upper, lower = room(one), room(other)
        if upper != lower and not (FLOORS[lower] < FLOORS[upper] or lower in BESIDE.get(upper, ())):
            found.add(f"{one} imports {other}")
        if lower == "store" != upper and one not in READ_THE_STORE:
            found.add(f"{one} imports {other}: the store is read elsewhere")
    return found | {f"{one} and {other} import each other" for one, other in _circles(graph) - CIRCLES}


def _circles(graph: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Imports that lead back to where they come from; a package and what is in it count as one."""
    below: dict[str, set[str]] = {}
    for one, other in graph:
        if not f"{one}.".startswith(f"{other}.") and not f"{other}.".startswith(f"{one}."):
            below.setdefault(one, set()).add(other)

    def reached(start: str) -> set[str]:
        seen, waiting = set[str](), [start]
        while waiting:
            new = below.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return seen

    everywhere = {one: reached(one) for one in below}
    return {(one, each) for one in below for each in below[one] if one in everywhere.get(each, ())}


def test_imports_point_downwards() -> None:
    assert faults(edges()) == set()


def test_what_the_tables_allow_is_in_use() -> None:
    used = {(room(one), room(other)) for one, other in edges()}
    unused = {(one, each) for one, others in BESIDE.items() for each in others if (one, each) not in used}
    assert unused == set()
    assert {one for one, other in edges() if room(other) == "store" != room(one)} == READ_THE_STORE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("planning", "web"),
        ("standing", "web.server"),
        ("sparklines", "picturing"),
        ("documents", "settings"),
        ("domain.model", "domain.cycle"),
        ("web.encoding", "store.reader"),
        ("domain.message", "ports"),
        ("service.polling", "wiring"),
        ("schedule", "timetable"),
        ("cli.plot", "store.reader"),
        ("store.core", "sources.teos"),
        ("web", "cli"),
    ],
)
def test_a_wrong_import_is_seen(one: str, other: str) -> None:
    assert faults(edges() | {(one, other)})


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


def test_every_room_stands_on_a_floor() -> None:
    rooms = {room_of(path) for path in files()} - {"__init__", "sim"}
    assert rooms <= FLOORS.keys()
