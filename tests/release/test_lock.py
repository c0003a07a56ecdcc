"""requirements.lock: the versions of constraints.txt, each with sums; whole, and of no certain registry."""

from __future__ import annotations

import re
from importlib.metadata import requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.lock import CONSTRAINTS, LEFT_OUT, LOCK, extras, versions


def needed(name: str, wanted: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Names of all that a library needs with these extras, and what that needs."""
    if (name, wanted) in seen:
        return set()
    seen.add((name, wanted))
    found: set[str] = set()
    for line in requires(name) or ():
        each = Requirement(line)
        marker = each.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in (*wanted, "")):
            continue
        other = str(canonicalize_name(each.name))
        if other not in LEFT_OUT:
            found |= {other, *needed(other, frozenset(each.extras), seen)}
    return found


def test_each_version_is_the_pinned_one_and_has_its_sums() -> None:
    locked, pinned = versions(LOCK), versions(CONSTRAINTS)
    assert {name: pinned.get(name) for name in locked} == locked, "run `make lock`"
    text = LOCK.read_text()
    entries = re.split(r"(?m)^(?=[a-z])", re.sub(r"(?m)^#.*\n", "", text))[1:]
    assert len(entries) == len(locked)
    for entry in entries:
        assert re.fullmatch(r"\S+==\S+(?: ;.*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", entry), (
            entry
        )


def test_nothing_is_missing_that_the_product_or_an_extra_needs() -> None:
    assert needed("balance-watcher", frozenset(extras()), set()) - set(versions(LOCK)) == set(), (
        "run `make lock`"
    )


def test_it_names_no_registry() -> None:
    assert not re.search(r"://|--(?:extra-)?index|--find-links|--trusted-host", LOCK.read_text())
