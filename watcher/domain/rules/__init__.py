"""The rule types: one file each, listed here and nowhere else."""

from __future__ import annotations

from watcher.domain.rules.aggregate import Per, Side, SumRule, Total
from watcher.domain.rules.base import (
    PATTERN,
    Bound,
    ClockRule,
    EventRule,
    LevelRule,
    Match,
    Rule,
    StateRule,
    TrailingRule,
    Unmet,
    Untold,
    folded,
    id_in,
)
from watcher.domain.rules.conditions import Condition
from watcher.domain.rules.distance import Near, unsure
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
    "PATTERN",
    "TYPES",
    "AssetRule",
    "Bound",
    "BudgetRule",
    "ChangeRule",
    "ClockRule",
    "Condition",
    "EventRule",
    "LevelRule",
    "Match",
    "Near",
    "NoDataRule",
    "Per",
    "RatioRule",
    "Rule",
    "RunwayRule",
    "Side",
    "StateRule",
    "SumRule",
    "ThresholdRule",
    "Total",
    "TrailingRule",
    "Unmet",
    "Untold",
    "Use",
    "folded",
    "id_in",
    "pace_since",
    "unsure",
]
