"""The printed index of tests: every file says in one sentence what it holds, and every rule type has one."""

from __future__ import annotations

import ast

from tests import index


def test_every_test_file_begins_with_a_sentence_that_says_what_it_holds() -> None:
    silent = [str(path) for path in index.files() if not index.sentence(index.tree(path))]
    assert silent == []


def test_the_first_sentence_is_taken_and_no_more() -> None:
    module = ast.parse('"""One thing, of 1.5\nlines. And another.\n\nMore."""')
    assert index.sentence(module) == "One thing, of 1.5 lines."


def test_tests_are_counted_wherever_they_stand() -> None:
    module = ast.parse(
        "def test_a(): ...\nasync def test_b(): ...\nclass C:\n def test_c(self): ...\ndef x(): ..."
    )
    assert index.count(module) == 3


def test_every_rule_type_has_a_file_that_is_about_it() -> None:
    for word, files in index.about(index.rule_types()).items():
        assert files, f"no test file is about {word}: write tests/domain/rules/test_{word}.py"
