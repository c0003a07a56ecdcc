"""`make mutants`: one small mistake at a time in watcher/domain; the ones that no test sees are listed.

    python -m tests.mutants.run [--only trust,credits] [--sample N | --all] [--again FILE] [--seed N]
        [--minutes N] [--seconds N] [--tests FILES] [--at-once N] [--write FILE]

By default so many of all mistakes as a quarter of an hour holds, drawn by `--seed`. Every test is run once to
see which functions of the domain it calls; a mistake is held against the tests that call its function, the
quickest first, in a process of its own that is forked when all is loaded. What a mistake makes endless is
ended by the processor time that it takes. A survivor is for people to read: the tests may leave something
open, or the mistake may be none.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutants.making import Mutant, mutants

ROOT = Path(__file__).parents[2]
DOMAIN = ROOT / "watcher" / "domain"

PATIENCE = 5
"""A mistake that makes the tests take so many times as long is seen by that."""
Function = tuple[str, int, str]
"""File, first line and name."""


@dataclass(slots=True)
class Known:
    """What the run without a mistake has shown."""

    seconds: list[float] = field(default_factory=list)
    calls: dict[Function, set[int]] = field(default_factory=dict)
    """Function → numbers of the tests that call it."""
    failed: list[int] = field(default_factory=list)


def _in_child(work: Callable[[], int]) -> int:
    """Do this in a forked process; its number."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = work()
    finally:
        os._exit(code)


def _passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


def look(items: list[pytest.Item]) -> Known:
    """Run every test once, and see what it calls."""
    known = Known()

    def work() -> int:
        for number, item in enumerate(items):
            called: set[CodeType] = set()

            def trace(frame: FrameType, *_: Any, called: set[CodeType] = called) -> None:
                called.add(frame.f_code)

            begun = time.process_time()
            sys.settrace(trace)
            passed = _passes(item)
            sys.settrace(None)
            known.seconds.append(time.process_time() - begun)
            if not passed:
                known.failed.append(number)
            for code in called:
                if code.co_filename.startswith(str(DOMAIN)):
                    function = code.co_filename, code.co_firstlineno, code.co_qualname
                    known.calls.setdefault(function, set()).add(number)
        Path(place.name).write_bytes(pickle.dumps(known))
        return 0

    with tempfile.NamedTemporaryFile(prefix="mutants-") as place:
        os.waitpid(_in_child(work), 0)
        found: Known = pickle.loads(place.read())  # noqa: S301 (our own, of a moment ago)
    return found


class Trial:
    """All tests are loaded; each mistake has a process of its own."""

    def __init__(self, items: list[pytest.Item], known: Known) -> None:
        self._items, self._known = items, known
        self._functions: dict[Function, list[FunctionType]] = {}
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and each.__code__.co_filename.startswith(str(DOMAIN)):
                code = each.__code__
                function = code.co_filename, code.co_firstlineno, code.co_qualname
                self._functions.setdefault(function, []).append(each)

    def tests(self, mutant: Mutant) -> list[int]:
        """The tests that call what was changed, the quickest first."""
        calls, wanted = self._known.calls, set[int]()
        for function in self._users(mutant):
            wanted |= calls.get(function, set())
        return sorted(wanted.difference(self._known.failed), key=self._known.seconds.__getitem__)

    def _users(self, mutant: Mutant) -> Iterator[Function]:
        if mutant.first:
            yield str(mutant.path), mutant.first, mutant.name
            return
        for function, copies in self._functions.items():
            if mutant.name in _names(copies[0].__code__):
                yield function

    def start(self, mutant: Mutant, tests: list[int]) -> int:
        def work() -> int:
            most = 5 + int(PATIENCE * sum(self._known.seconds[number] for number in tests))
            resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            self._put(mutant)
            return int(not all(_passes(self._items[number]) for number in tests))

        return _in_child(work)

    def _put(self, mutant: Mutant) -> None:
        whole = mutant.code()
        if mutant.first:
            code = next(each for each in _codes(whole) if _is(each, mutant))
            for function in self._functions[str(mutant.path), mutant.first, mutant.name]:
                function.__code__ = code
            return
        name = ".".join(mutant.path.relative_to(ROOT).with_suffix("").parts)
        module = sys.modules[name.removesuffix(".__init__")]
        old, fresh = vars(module)[mutant.name], {"__name__": module.__name__, "__file__": str(mutant.path)}
        exec(whole, fresh)  # noqa: S102 (this is what it is for)
        for each in list(sys.modules.values()):
            if vars(each).get(mutant.name) is old and each.__name__.startswith("watcher."):
                setattr(each, mutant.name, fresh[mutant.name])


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _is(code: CodeType, mutant: Mutant) -> bool:
    return code.co_firstlineno == mutant.first and code.co_qualname == mutant.name


class Run:
    """The plugin that has pytest load the tests, and then runs them by its own order."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked = asked
        self.lines: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        from hypothesis import Phase, settings  # pytest itself is to load it first

        settings.register_profile(
            "mutants", settings.get_profile("busy"), derandomize=True, database=None,
            phases=(Phase.explicit, Phase.generate),
        )  # fmt: skip
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            self._all(session.items)
        return True

    def _say(self, line: str) -> None:
        self.lines.append(line)
        print(line, flush=True)

    def _all(self, items: list[pytest.Item]) -> None:
        begun = time.monotonic()
        known = look(items)
        self._say(f"{len(items)} tests looked at in {time.monotonic() - begun:.0f} s")
        for number in known.failed:
            self._say(f"left out, it fails without a mistake: {items[number].nodeid}")
        trial, chosen = Trial(items, known), self._chosen()
        gc.freeze()  # the forked processes share what is loaded
        until, alive, survivors, untested = begun + 60 * self._asked.minutes, dict[int, Mutant](), 0, 0
        tried = done = 0
        while chosen or alive:
            while chosen and len(alive) < self._asked.at_once and time.monotonic() < until:
                mutant = chosen.pop()
                tests = self._affordable(trial.tests(mutant), known)
                tried += 1
                if tests:
                    alive[trial.start(mutant, tests)] = mutant
                else:
                    untested += 1
                    self._say(f"no test calls it: {self._told(mutant)}")
            if not alive:
                break
            child, ended = os.wait()
            mutant = alive.pop(child)
            done += 1
            if ended == 0:
                survivors += 1
                self._say(f"survived: {self._told(mutant)}")
            if done % 50 == 0:
                print(f"{done} tried, {survivors} survived, {len(chosen)} to go", flush=True)
        killed = tried - survivors - untested
        left = f"; {len(chosen)} not tried: the time was over" if chosen else ""
        counts = f"{killed} seen by a test, {survivors} by none, {untested} where no test is"
        self._say(f"{tried} mistakes: {counts}{left}")

    def _chosen(self) -> list[Mutant]:
        names = [name for name in self._asked.only.split(",") if name]
        paths = sorted(path for path in DOMAIN.rglob("*.py") if not names or path.stem in names)
        found = [mutant for path in paths for mutant in mutants(path)]
        chance = random.Random(self._asked.seed)
        if self._asked.again is not None:
            told = self._asked.again.read_text(encoding="utf-8")
            found = [mutant for mutant in found if self._told(mutant) in told]
        count = len(found) if self._asked.all else min(self._asked.sample, len(found))
        chosen = chance.sample(found, count)
        self._say(f"{count} of {len(found)} mistakes in {len(paths)} modules, seed {self._asked.seed}")
        return chosen

    def _affordable(self, tests: list[int], known: Known) -> list[int]:
        """The quickest of them, as many as the time for one mistake holds, and at least one."""
        spent = list(accumulate(known.seconds[number] for number in tests))
        return tests[: max(1, bisect_right(spent, self._asked.seconds))]

    @staticmethod
    def _told(mutant: Mutant) -> str:
        return str(mutant).removeprefix(f"{ROOT}/")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make mutants", description="Which mistakes does no test see?")
    parser.add_argument("--only", default="", help="modules, with commas between: trust,credits")
    parser.add_argument("--sample", type=int, default=400, help="how many mistakes")
    parser.add_argument("--all", action="store_true", help="every mistake of the modules")
    parser.add_argument("--again", type=Path, help="only those that this file of an earlier run names")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0, help="no mistake is begun after so long")
    parser.add_argument("--seconds", type=float, default=4.0, help="of tests for one mistake")
    parser.add_argument(
        "--tests",
        default="tests/domain,tests/test_boundaries.py",
        help="files or folders, with commas between",
    )
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write", type=Path, help="keep what is said in a file")
    asked = parser.parse_args()
    run = Run(asked)
    code = pytest.main(["-p", "no:randomly", "-p", "no:xdist", *asked.tests.split(",")], plugins=[run])
    if asked.write is not None:
        asked.write.write_text("\n".join(run.lines) + "\n", encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
