"""Every rule type answers all that its base is asked, and is told apart by its word."""

from __future__ import annotations

from types import FunctionType

import pytest

from watcher.domain.rules import TYPES, Rule

WHERE_PRICED = "judge_unpriced"
"""Only of a rule that needs a price."""


def left_open(rule: type[Rule]) -> set[str]:
    """Methods that a base leaves to the type, and that the type leaves out."""
    names = {name for base in rule.__mro__ if issubclass(base, Rule) for name in vars(base)}
    methods = {name: found for name in names if isinstance(found := getattr(rule, name, None), FunctionType)}
    missing = {name for name, each in methods.items() if "NotImplementedError" in each.__code__.co_names}
    return missing if rule.priced is not Rule.priced else missing - {WHERE_PRICED}


@pytest.mark.parametrize("rule", TYPES.values())
def test_a_rule_type_leaves_no_method_of_its_base_open(rule: type[Rule]) -> None:
    assert left_open(rule) == set()


@pytest.mark.parametrize("word", TYPES)
def test_a_rule_type_has_the_word_under_which_it_is_listed(word: str) -> None:
    assert TYPES[word].model_fields["type"].default == word
