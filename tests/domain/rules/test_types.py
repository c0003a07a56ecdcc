"""Every rule type answers all that its base is asked, and is told apart by its word."""

from __future__ import annotations

from types import FunctionType
from typing import Literal

import pytest

from watcher.domain.rules import TYPES, Rule, TrailingRule
from watcher.domain.rules.base import left_open

WHERE_PRICED = "judge_unpriced"
"""Only of a rule that needs a price."""


def missing(rule: type[Rule]) -> list[str]:
    """Methods that a base leaves to the type, and that the type leaves out, in words."""
    names = {name for base in rule.__mro__ if issubclass(base, Rule) for name in vars(base)}
    if rule.priced is Rule.priced:
        names -= {WHERE_PRICED}
    methods = [found for name in names if isinstance(found := getattr(rule, name, None), FunctionType)]
    return sorted(
        left_open(rule, each) for each in methods if "NotImplementedError" in each.__code__.co_names
    )


@pytest.mark.parametrize("rule", TYPES.values())
def test_a_rule_type_leaves_no_method_of_its_base_open(rule: type[Rule]) -> None:
    assert missing(rule) == []


def test_what_is_missing_is_named_with_its_base() -> None:
    class BegunRule(TrailingRule):
        type: Literal["begun"] = "begun"

    assert "BegunRule does not answer speaks_at, which TrailingRule leaves to it" in missing(BegunRule)


@pytest.mark.parametrize("word", TYPES)
def test_a_rule_type_has_the_word_under_which_it_is_listed(word: str) -> None:
    assert TYPES[word].model_fields["type"].default == word
