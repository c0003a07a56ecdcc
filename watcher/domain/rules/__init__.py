"""The rule types: one file each, listed here and nowhere else."""

from __future__ import annotations

from watcher.domain.rules.aggregate import Side, SumRule, Total
from watcher.domain.rules.base import ClockRule, EventRule, LevelRule, Rule, StateRule, TrailingRule
from watcher.domain.rules.match import Match
from watcher.domain.rules.types.asset import AssetRule
from watcher.domain.rules.types.budget import BudgetRule, Use, pace_since
from watcher.domain.rules.types.change import ChangeRule
from watcher.domain.rules.types.no_data import NoDataRule
from watcher.domain.rules.types.ratio import RatioRule
from watcher.domain.rules.types.runway import RunwayRule
from watcher.domain.rules.types.threshold import ThresholdRule

TYPES: dict[str, type[Rule]] = {
    "threshold": ThresholdRule,
    "change": ChangeRule,
    "asset": AssetRule,
    "no_data": NoDataRule,
    "ratio": RatioRule,
    "runway": RunwayRule,
    "budget": BudgetRule,
}

__all__ = [
    "TYPES",
    "AssetRule",
    "BudgetRule",
    "ChangeRule",
    "ClockRule",
    "EventRule",
    "LevelRule",
    "Match",
    "NoDataRule",
    "RatioRule",
    "Rule",
    "RunwayRule",
    "Side",
    "StateRule",
    "SumRule",
    "ThresholdRule",
    "Total",
    "TrailingRule",
    "Use",
    "pace_since",
]
