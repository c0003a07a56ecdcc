"""Whatever stands in an operator's file: it is taken, or every mistake is told in words without a secret."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.config.given import ENV, KEY, KINDS, SOUND
from tests.config.test_rule_files import WALLETS
from tests.configured import load_settings
from tests.fuzz.conftest import fuzz
from watcher.config.rule_files import load_rules
from watcher.domain.messages.template_engine import check_template, render
from watcher.domain.messages.template_variables import LONGEST, VARIABLES, TemplateFailedError
from watcher.domain.values.durations import format_duration, parse_duration
from watcher.domain.values.errors import ConfigurationError, Problem

RULES = "\n".join(
    path.read_text() for path in sorted((Path(__file__).parents[2] / "rules").glob("*.yaml"))[:1]
)
PIECES = [
    "{", "}", "[", "]", ": ", "- ", "\n", "  ", "&a ", "*a", "<<: *a", "!!python/object:os.system ", "|", ">",
    "'", '"', "#", "\t", "${COINSTATS_API_KEY}", "${X", "$$", "0x52", "1e999", "-1", "nan", "null", "true",
    "every: ", "kind: ", "\x00", "\u202e", "é", "../../etc/passwd", "_file: ", "999999999999d", "{{ 7*7 }}",
]  # fmt: skip

Edit = tuple[int, int, str]
edits = st.lists(
    st.tuples(
        st.integers(0, 4000), st.integers(0, 12), st.one_of(st.sampled_from(PIECES), st.text(max_size=6))
    ),
    min_size=1,
    max_size=4,
)


def edited(text: str, changes: list[Edit]) -> str:
    """The text with a few of its parts replaced."""
    for at, length, piece in changes:
        start = at % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    return text


def told(load: Callable[[Path], object], text: str) -> None:
    """It is taken, or each mistake says where it is, in one printable line without the key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(ConfigurationError):
            load(path)
            return
        problems = _problems(load, path)
        assert problems
        for problem in problems:
            assert problem.where.startswith(folder)
            assert problem.what
            assert KEY not in str(problem)
            assert "root:x:0" not in str(problem)


def _problems(load: Callable[[Path], object], path: Path) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    return caught.value.problems


@fuzz
@given(edits)
@example([(0, 0, "a: &a [*a]\n")])
@example([(0, 4000, "[" * 3000)])
@example([(0, 0, "store: !!python/object/apply:os.system ['true']\n")])
def test_configuration(changes: list[Edit]) -> None:
    told(lambda path: load_settings(path, ENV, KINDS), edited(SOUND, changes))


@fuzz
@given(edits)
def test_rule_files(changes: list[Edit]) -> None:
    told(lambda path: load_rules([path], {"ops"}, WALLETS, {"coinstats"}), edited(RULES, changes))


@fuzz
@given(st.one_of(st.text(max_size=20), st.from_regex(r"[0-9٠-٩]{1,14}[smhdw ]?", fullmatch=True)))
@example("٣s")
def test_durations(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert duration.total_seconds() >= 0
    assert parse_duration(format_duration(duration)) == duration


WORDS = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    " wallet",
    " amount",
    "|amount",
    "|ago",
    "(2)",
    "()",
    ".__class__",
    "[0]",
    "['__globals__']",
    " for x in amount",
    " endfor",
    " if ",
    " endif",
    " set y=",
    " import",
    "'a'",
    "*9999",
    "**9",
    "~",
    "|attr('__init__')",
    "|format",
    ".format",
    " self",
    " cycler",
    " range(10**9)",
    "|join",
    "|center(10**9)",
    " macro m()",
    " endmacro",
    " raw",
    "|urlize",
    "|pprint",
    "|xmlattr",
    "'{:>999999999}'",
    "'%999999999d' % ",
    ".format(amount, 9)",
    " set a=[a,a]",
    " set a=a~a",
    "{{ a }}",
    ".replace('', a)",
    " for a in address",
    " recursive",
    "(((((",
]


@fuzz
@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=3)), max_size=9).map("".join),
    st.text(max_size=8),
)
@example("{{ wallet.__class__.__mro__ }}", "")
@example("{{ amount|center(10**9) }}", "")
@example("{{ '%99999999d'|format(1) }}", "")
@example("{% for x in range(10**9) %}a{% endfor %}", "")
def test_templates(text: str, name: str) -> None:
    try:
        check_template("summary", text)
    except ValueError:
        return
    hostile = dict.fromkeys(VARIABLES, f"{name}{{{{ 7*7 }}}}")
    try:
        shown = render(text, {**hostile, "at": "2026-03-01T12:00:00Z"})
    except TemplateFailedError:
        return
    assert len(shown) <= LONGEST
    assert "object at 0x" not in shown
    assert "<class" not in shown
