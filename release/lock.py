"""`make lock`: the versions of constraints.txt with the sums of their files, for pip's `--require-hashes`.

    python -m release.lock

What the product and its extras need, and nothing of what the tests need. uv asks the registry for the sums.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
CONSTRAINTS = ROOT / "constraints.txt"
FOR_DEVELOPERS = frozenset({"dev", "docs"})
LEFT_OUT = ("pip", "colorama")
"""What a library asks for and nothing of ours uses: pip to install plugins, colorama on Windows."""
HEAD = """\
# Every library of the product and its extras, with the sums of its files. Written by `make lock`.
#   pip install --require-hashes --no-deps -r requirements.lock
#   pip install --no-deps balance_watcher-VERSION-py3-none-any.whl
"""


def extras() -> list[str]:
    """Extras of the product."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return sorted(set(project["optional-dependencies"]) - FOR_DEVELOPERS)


def versions(path: Path) -> dict[str, str]:
    """Name → version of what a file pins."""
    found = re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", path.read_text())
    return {str(canonicalize_name(name)): version for name, version in found}


def main() -> int:
    words = [
        *(sys.executable, "-m", "uv", "--quiet", "pip", "compile", "--universal", "--python-version", "3.11"),
        *("--generate-hashes", "--no-annotate", "--no-header", "--constraints", str(CONSTRAINTS)),
        *(word for extra in extras() for word in ("--extra", extra)),
        *(word for name in LEFT_OUT for word in ("--no-emit-package", name)),
        "pyproject.toml",
    ]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr)
        return 1
    lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    LOCK.write_text(HEAD + "\n".join([*lines, ""]))
    pinned = versions(CONSTRAINTS)
    new = [name for name in versions(LOCK) if name not in pinned]
    if new:
        print(f"not in {CONSTRAINTS.name}, so that their versions are anybody's: {', '.join(new)}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
