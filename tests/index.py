"""`make test-index`: each test file with the first sentence of its docstring, and the number of its tests.

Read from the source alone, so nothing is imported or collected. A test is counted once, with however many
parameters it runs.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
RULES = ROOT / "watcher" / "domain" / "rules" / "__init__.py"
MOST = 5
"""Files that are named for one rule type."""


def files() -> list[Path]:
    return sorted(TESTS.rglob("test_*.py"), key=lambda path: (path.parent.as_posix(), path.name))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sentence(module: ast.Module) -> str:
    """The first sentence of the docstring, on one line; empty if there is none."""
    words = " ".join((ast.get_docstring(module) or "").split())
    found = re.match(r".*?[.?!](?=\s|$)", words)
    return found[0] if found else ""


def count(module: ast.Module) -> int:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return sum(isinstance(node, functions) and node.name.startswith("test_") for node in ast.walk(module))


def rule_types() -> dict[str, str]:
    """The words of `type:` → the names of their classes, as the rules' own table has them."""
    for node in tree(RULES).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {str(ast.literal_eval(key)): ast.unparse(value) for key, value in pairs if key}
    raise LookupError(f"there is no table of rule types in {RULES}")


def spoken_of(text: str, types: dict[str, str]) -> Counter[str]:
    """How often a file names each type of rule, by its class or as `type:`."""
    found: Counter[str] = Counter()
    for word, name in types.items():
        found[word] = len(re.findall(rf"\b{name}\b|\btype['\"]?\s*[:=]\s*['\"]?{word}\b", text))
    return found


def about(types: dict[str, str]) -> dict[str, list[Path]]:
    """Rule type → the files that name it twice or more, and for a third, at least, of all types named."""
    found: dict[str, list[tuple[float, Path]]] = {word: [] for word in types}
    for path in files():
        named = spoken_of(path.read_text(encoding="utf-8"), types)
        for word, times in named.items():
            if times > 1 and 3 * times >= named.total():
                found[word].append((-times * times / named.total(), path))
    return {word: [path for _, path in sorted(each)[:MOST]] for word, each in found.items()}


def main() -> None:
    modules = {path: tree(path) for path in files()}
    for folder, some in groupby(modules, key=lambda path: path.parent):
        mine = list(some)
        tests = sum(count(modules[path]) for path in mine)
        held = "1 file" if len(mine) == 1 else f"{len(mine)} files"
        print(f"\n{folder.relative_to(ROOT)}/  {tests} tests in {held}")
        wide = max(len(path.name) for path in mine)
        for path in mine:
            print(f"  {path.name:<{wide}}  {count(modules[path]):>3}  {sentence(modules[path])}")
    types = rule_types()
    print("\nRule types, and the files that name them most")
    for word, mine in about(types).items():
        names = ", ".join(str(path.relative_to(TESTS)) for path in mine)
        print(f"  {word:<{max(map(len, types))}}  {names or '(none)'}")
    print(f"\n{len(modules)} files, {sum(map(count, modules.values()))} tests")


if __name__ == "__main__":
    main()
