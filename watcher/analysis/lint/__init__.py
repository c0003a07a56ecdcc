"""Rules held against what the store has seen: what is allowed, and probably not meant."""

from __future__ import annotations

from watcher.analysis.lint.facts import LintFacts, look
from watcher.analysis.lint.finding import Finding
from watcher.analysis.lint.levels import lint_levels
from watcher.analysis.lint.selections import lint_selections
from watcher.analysis.lint.times import lint_times

__all__ = ["Finding", "LintFacts", "lint", "look"]


def lint(seen: LintFacts) -> list[Finding]:
    """Every finding, in the order of the rules; those about wallets last."""
    order = {rule.id: number for number, rule in enumerate(seen.rules)}
    found = [*lint_selections(seen), *lint_levels(seen), *lint_times(seen)]
    return sorted(found, key=lambda each: order.get(each.rule, len(order)))
