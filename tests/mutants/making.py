"""Mutants of a module: its source with one small mistake, such as a slip of the hand would make."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_ASSIGNED = (ast.Assign, ast.AnnAssign)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change in one file."""

    path: Path
    number: int
    line: int
    name: str
    """The constant of the module that it is in, or the outermost function, with its class."""
    first: int
    """The line on which that function begins, decorators included; 0: it is a constant."""
    words: str

    def code(self) -> CodeType:
        """The whole module with this change."""
        tree = ast.parse(self.path.read_text(encoding="utf-8"))
        _Maker(self.path, self.number).module(tree)
        return compile(ast.fix_missing_locations(tree), str(self.path), "exec")

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}: {self.words}"


def mutants(path: Path) -> list[Mutant]:
    """Every mutant of a file. Signatures, and what classes say outside of their methods, are left alone."""
    maker = _Maker(path)
    maker.module(ast.parse(path.read_text(encoding="utf-8")))
    return maker.found


class _Maker(ast.NodeTransformer):
    """Lists the changes that are possible, and makes the one that is wanted."""

    def __init__(self, path: Path, wanted: int = -1) -> None:
        self._path, self._wanted = path, wanted
        self._name, self._first = "", 0
        self.found: list[Mutant] = []

    def module(self, tree: ast.Module) -> None:
        self._places(tree.body, "")

    def _places(self, body: list[ast.stmt], within: str) -> None:
        for statement in body:
            if isinstance(statement, ast.ClassDef):
                self._places(statement.body, f"{within}{statement.name}.")
            elif isinstance(statement, _FUNCTION):
                self._name = f"{within}{statement.name}"
                self._first = min(each.lineno for each in (statement, *statement.decorator_list))
                statement.body = [self.visit(each) for each in statement.body]
            elif isinstance(statement, _ASSIGNED) and not within and statement.value is not None:
                target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
                if isinstance(target, ast.Name):
                    self._name, self._first = target.id, 0
                    statement.value = self.visit(statement.value)

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.AnnAssign):
            node.value = self.visit(node.value) if node.value is not None else None
        elif isinstance(node, _FUNCTION):
            node.body = [self.visit(each) for each in node.body]
        elif not isinstance(node, ast.JoinedStr | ast.arguments):
            self.generic_visit(node)
        for words, other in _instead(node):
            line: int = getattr(node, "lineno", 0)
            found = Mutant(self._path, len(self.found), line, self._name, self._first, words)
            self.found.append(found)
            if found.number == self._wanted:
                return ast.copy_location(other, node)
        return node


def _instead(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may be mistaken for, in words and as it is then."""
    for other in (*_signs(node), *_values(node), *_steps(node)):
        yield f"{ast.unparse(node)}  →  {ast.unparse(other)}", other


def _signs(node: ast.AST) -> Iterator[ast.AST]:
    """Another sign between the same parts, or one part left out."""
    match node:
        case ast.Compare():
            for at, sign in enumerate(node.ops):
                other = copy.copy(node)
                other.ops = [*node.ops[:at], _COMPARED[type(sign)](), *node.ops[at + 1 :]]
                yield other
        case ast.BoolOp():
            for at in range(len(node.values)):
                left = [*node.values[:at], *node.values[at + 1 :]]
                yield left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _COUNTED:
            yield ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right)


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """Another value."""
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(number) | float(number)):
            yield ast.Constant(number + 1)
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))]):
            found = _NUMBER.match(text)
            if found is not None:
                more = f"{found[0]}1" if "." in found[0] else str(int(found[0]) + 1)
                yield ast.Call(node.func, [ast.Constant(more + text[found.end() :])], [])
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield ast.Call(ast.Name(_CALLED[name], ast.Load()), node.args, node.keywords)


def _steps(node: ast.AST) -> Iterator[ast.AST]:
    """Another way, nothing returned, or a step left out."""
    match node:
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.If(test=ast.Name() | ast.Attribute() | ast.Call()):
            yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Delete():
            yield ast.Pass()
