"""Amounts and counts in words: grouped, and each count with its noun."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

import watcher
from watcher.domain.rules import ChangeRule

PACKS = Path(watcher.__file__).parent / "packs"


@pytest.mark.parametrize(
    ("by", "words"), [("$10000", "$10,000.00"), ("12345.5", "12,345.5"), ("10%", "10%"), ("$0.5", "$0.50")]
)
def test_the_size_that_a_change_is_compared_with_is_grouped(by: str, words: str) -> None:
    assert ChangeRule(id="moved", by=by).describe() == f"any change of at least {words}"


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_pack_groups_every_amount_that_it_shows(path: Path) -> None:
    assert re.findall(r"\{\{\s*(?:amount|before|after)\s*\}\}", path.read_text(encoding="utf-8")) == []


COUNTED = re.compile(
    r"^ (accounts|sources|alerts|assets|messages|notifications|wallets|rules|polls|requests|changes"
    r"|firings|deliveries|recipients|channels|live alerts|transitions)\b"
)
SURE = {
    "notify/apprise/channel.py": "four messages that hang, at least",
    "notify/markup.py": "a summary of two alerts or more",
    "sim/": "for those who try the simulation",
    "simulating.py": "columns of a file",
}
"""Where a count is never one."""


def test_a_count_and_its_noun_go_through_the_one_helper() -> None:
    package = Path(watcher.__file__).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if any(name.startswith(each) for each in SURE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            parts = node.values
            for before, after in itertools.pairwise(parts):
                number = isinstance(before, ast.FormattedValue) and _counts(before)
                text = after.value if isinstance(after, ast.Constant) and isinstance(after.value, str) else ""
                if number and COUNTED.match(text):
                    found.append(f"{name}:{node.lineno}: {text}")
    assert found == []


def _counts(part: ast.FormattedValue) -> bool:
    """Whether a number, by its looks, is put in: `len(...)`, a name, or with digits grouped."""
    if isinstance(part.value, ast.Call):
        return isinstance(part.value.func, ast.Name) and part.value.func.id in {"len", "sum"}
    return part.format_spec is not None or isinstance(part.value, ast.Name | ast.Attribute)
