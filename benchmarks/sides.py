"""Source trees beside each other: each figure is compared within a round, in which all of them run at once.

A machine that does other things as well reads 20 % more in one minute than in the next. What two trees take
in the same seconds differs by what they are: the ratio within a round holds to some 3 %.
"""

from __future__ import annotations

import compileall
import contextlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import ROOT

Figures = dict[str, float]
"""What was measured, with its unit at the end ("memory, MiB"), and how much it was."""


@dataclass(frozen=True)
class Side:
    """One source tree, by the name that it has in the table."""

    name: str
    env: Mapping[str, str] = field(default_factory=dict)
    """What makes Python import `watcher` from this tree, and `benchmarks` from the one that measures."""


HERE = Side("here")


@contextlib.contextmanager
def sides(against: str | None) -> Iterator[list[Side]]:
    """This tree, and beside it another checkout or a revision of this one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watcher-sides-")))
        found = [side(folder, HERE.name, ROOT)]
        if against:
            tree = Path(against).resolve()
            if not (tree / "watcher").is_dir():
                tree = stack.enter_context(revision(against, folder / "checkout"))
            found.append(side(folder, against, tree))
        yield found


def side(folder: Path, name: str, tree: Path) -> Side:
    imported = folder / f"imported-{len(list(folder.iterdir()))}"
    imported.mkdir()
    for package, root in (("watcher", tree), ("benchmarks", ROOT)):
        compileall.compile_dir(
            root / package, quiet=1
        )  # as an installation does; or each start may do it anew
        (imported / package).symlink_to(root / package)
    return Side(name, {"PYTHONPATH": str(imported), "PYTHONSAFEPATH": "1"})


@contextlib.contextmanager
def revision(name: str, folder: Path) -> Iterator[Path]:
    """A revision in a worktree that ends with the block."""
    git = ["git", "-C", str(ROOT), "worktree"]
    try:
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), name], check=True)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"--against {name}: neither a folder with `watcher` in it nor a revision") from error
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def rotated(items: Sequence[Side], turn: int) -> list[Side]:
    """The same, with another one first in each round."""
    at = turn % len(items)
    return [*items[at:], *items[:at]]


def ratios(rounds: Sequence[Mapping[str, Figures]], what: str, name: str, base: str) -> list[float]:
    """A figure of one side as a share of the other's, round by round; none where that is nothing."""
    pairs = [(found[name][what], found[base][what]) for found in rounds if what in found[name]]
    return [ours / theirs for ours, theirs in pairs if theirs]


def table(rounds: Sequence[Mapping[str, Figures]]) -> Iterator[str]:
    """A line a figure: each side's median, and the first side's ratio to each other one with its spread."""
    first, *others = rounds[0]
    head = f"medians; rounds: {len(rounds)}"
    yield f"{head:<40}" + "".join(f" {name[-20:]:>20}" for name in rounds[0]) + "   ratio, within a round"
    for what in rounds[0][first]:
        middle = [statistics.median(found[name][what] for found in rounds) for name in rounds[0]]
        line = f"{what:<40}" + "".join(f" {value:>20,.4g}" for value in middle)
        for other in others:
            if found := ratios(rounds, what, first, other):
                line += f"   {statistics.median(found):.3f} [{min(found):.3f}-{max(found):.3f}]"
        yield line
