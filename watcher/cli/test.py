"""The verb `test`: rules tried on readings that a file tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli._common import print_json
from watcher.cli._options import Json
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import ConfigurationError, Place, Problem
from watcher.domain.values.text import visible
from watcher.system.files import text_file

if TYPE_CHECKING:
    from watcher.analysis.ruletest.load import TestSuite
    from watcher.analysis.ruletest.run import TestFailure, TestResult
    from watcher.cli._rows import RuleTestRow


def test(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files with rule tests (YAML).")],
    only: Annotated[
        str | None, typer.Option("--only", metavar="TEXT", help="Only tests whose name contains this.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write the results as JUnit XML.")
    ] = None,
    json: Json = False,
) -> int:
    """Test rules: readings go through the production engine, and what it says is held against the file.

    Needs no configuration, key, network or store. Exit code 1 if a test fails, 78 if a file is wrong.
    A series of readings is words with spaces between, each one step (`every:`, 5m) after the one
    before: 1.5 an amount; 1.5x3 three times; 10-0.5x4 four times, falling by 0.5; - absent from a
    complete answer; ? not in this answer, which was incomplete; _ a miss; ! the answer left the
    account out; . not asked for; @1m from here on a step is one minute.
    `watcher schema --tests` prints the JSON Schema of these files; `rules/tests/` has examples.
    """
    import asyncio

    from watcher.analysis.ruletest.load import load_suites

    suites = load_suites(files)
    results = asyncio.run(_run(suites, only or ""))
    if not results:
        raise ConfigurationError([Problem(Place(str(files[0])), f"no test's name contains '{only}'")])
    if junit is not None:
        with text_file(junit) as file:
            file.write(_junit(results))
    if json:
        print_json([_row(each) for each in results])
    else:
        _show(results)
    return 0 if all(each.passed for each in results) else 1


async def _run(suites: Sequence[TestSuite], only: str) -> list[TestResult]:
    from watcher.analysis.ruletest.run import run_case

    return [
        await run_case(suite, case)
        for suite in suites
        for case in suite.cases
        if only.lower() in case.test.name.lower()
    ]


def _show(results: Sequence[TestResult]) -> None:
    failed = [each for each in results if not each.passed]
    for result in failed:
        typer.echo(f"FAILED  {result.path}:{result.line}  {result.name}")
        for failure in result.failures:
            typer.echo(_visible(_side_by_side(failure)))
        typer.echo("    all that was told in this test:")
        for after, words in result.timeline or ():
            typer.echo(f"      {_after(after)}  {visible(words)}")
        if not result.timeline:
            typer.echo("      nothing")
    passed = len(results) - len(failed)
    count = f"{len(results)} {'test' if len(results) == 1 else 'tests'}"
    typer.echo(f"{count}: {passed} passed, {len(failed)} failed")


def _side_by_side(failure: TestFailure) -> str:
    """`=` both, `-` expected and not there, `+` there and not expected."""
    rows = [("expected", "got", " ")]
    for row in failure.rows:
        sign = "=" if row.agrees else "-" if row.expected else "+"
        rows.append((row.expected or "", row.got or ("nothing" if row.expected else ""), sign))
    if len(rows) == 1:
        rows.append(("nothing", "nothing", "="))
    if not any(row.expected for row in failure.rows):
        rows[1] = ("nothing", *rows[1][1:])
    width = max(len(expected) for expected, _, _ in rows)
    lines = [f"    at {_after(failure.after).strip()}, {failure.what}:"]
    lines += [f"      {sign} {expected:{width}}  | {got}" for expected, got, sign in rows]
    return "\n".join(lines)


def _after(after: timedelta) -> str:
    """Time from the beginning of a test, as `1h05m15s`."""
    seconds = after.total_seconds()
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    text = (f"{hours}h{minutes:02}m" if hours else f"{minutes}m") + (f"{rest:02}s" if rest else "")
    if seconds != whole:
        text = format_duration(after)
    return f"{text:>9}"


def _row(result: TestResult) -> RuleTestRow:
    return {
        "file": result.path,
        "line": result.line,
        "name": result.name,
        "passed": result.passed,
        "failures": [
            {
                "after_seconds": str(failure.after.total_seconds()),
                "what": failure.what,
                "rows": [{"expected": row.expected, "got": row.got} for row in failure.rows],
            }
            for failure in result.failures
        ],
        "told": [
            {"after_seconds": str(after.total_seconds()), "message": words}
            for after, words in result.timeline
        ],
    }


def _junit(results: Sequence[TestResult]) -> str:
    """JUnit's XML as build servers read it: a suite for each file."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    root = Element("testsuites")
    for path in dict.fromkeys(each.path for each in results):
        mine = [each for each in results if each.path == path]
        failures = sum(not each.passed for each in mine)
        suite = SubElement(root, "testsuite", name=path, tests=str(len(mine)), failures=str(failures))
        for each in mine:
            where = {"classname": path, "name": _visible(each.name), "file": path, "line": str(each.line)}
            case = SubElement(suite, "testcase", where)
            if not each.passed:
                text = "\n".join(_side_by_side(failure) for failure in each.failures)
                first = f"at {_after(each.failures[0].after).strip()}, {each.failures[0].what}"
                SubElement(case, "failure", message=first).text = _visible(text)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _visible(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "\n".join(map(visible, text.split("\n")))
