"""The rule types: one file each, listed here and nowhere else."""

from __future__ import annotations

from watcher.domain.rules._base import (
    ClockRule,
    EventRule,
    LevelRule,
    Match,
    Rule,
    StateRule,
    TrailingRule,
    Unmet,
)
from watcher.domain.rules.asset import AssetRule
from watcher.domain.rules.change import ChangeRule
from watcher.domain.rules.no_data import NoDataRule
from watcher.domain.rules.runway import RunwayRule
from watcher.domain.rules.threshold import ThresholdRule

TYPES: dict[str, type[Rule]] = {
    "threshold": ThresholdRule,
    "change": ChangeRule,
    "asset": AssetRule,
    "no_data": NoDataRule,
    "runway": RunwayRule,
}

__all__ = [
    "TYPES",
    "AssetRule",
    "ChangeRule",
    "ClockRule",
    "EventRule",
    "LevelRule",
    "Match",
    "NoDataRule",
    "Rule",
    "RunwayRule",
    "StateRule",
    "ThresholdRule",
    "TrailingRule",
    "Unmet",
]
