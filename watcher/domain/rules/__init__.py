"""The rule types: one file each, listed here and nowhere else."""

from __future__ import annotations

from watcher.domain.rules._base import (
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
from watcher.domain.rules._condition import Condition
from watcher.domain.rules._near import Near, unsure
from watcher.domain.rules._sums import Per, Side, SumRule, Total
from watcher.domain.rules.asset import AssetRule
from watcher.domain.rules.budget import BudgetRule, Use, pace_since
from watcher.domain.rules.change import ChangeRule
from watcher.domain.rules.no_data import NoDataRule
from watcher.domain.rules.ratio import RatioRule
from watcher.domain.rules.runway import RunwayRule
from watcher.domain.rules.threshold import ThresholdRule

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
