"""`/api/v1` under schemathesis: requests made from the description, right ones and wrong ones.

What it would find: a 500, an answer or a status that is not as described, a right request that is refused,
a wrong one that is not, a method or a missing token that is let through.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.web.given import fill, serving

TOKEN = "a-long-enough-token"
RUN = "from schemathesis.cli import schemathesis; schemathesis()"


async def report_of(url: str, folder: Path, *words: str) -> dict[str, Any]:
    """What schemathesis says of the server, which runs in this process; it in its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUN, "run", f"{url}/api/v1/openapi.json", "--no-color", "--seed", "1"),
        *("--report", "json", "--report-json-path", "report.json", "--generation-database", "none", *words),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert process.returncode == 0, said.decode()
    return report


async def test_nothing_is_found_in_the_api(tmp_path: Path) -> None:
    async with serving(tmp_path) as page:
        await fill(page.store)
        described = (await page.json("/api/v1/openapi.json"))["paths"]
        report = await report_of(page.url, tmp_path, "--checks", "all", "--mode", "all", "-n", "30")
    assert report["operations"]["tested"] == len(report["valid_rates"]) == len(described)
    assert report["test_cases"]["generated"] > 100
    for operation, phases in report["valid_rates"].items():
        assert any(rates["accepted"] for rates in phases.values()), f"{operation}: nothing right was asked"


async def test_nothing_is_answered_without_the_token(tmp_path: Path) -> None:
    async with serving(tmp_path, token=TOKEN) as page:
        await fill(page.store)
        words = ("--header", f"Authorization: Bearer {TOKEN}", "--phases", "coverage", "--mode", "positive")
        report = await report_of(
            page.url, tmp_path, *words, "--checks", "ignored_auth,status_code_conformance"
        )
    assert report["operations"]["tested"] > 5
