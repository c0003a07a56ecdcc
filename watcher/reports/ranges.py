"""Ranges: how far back people look, in charts and in sums alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

RANGES: Mapping[str, timedelta | None] = {
    "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90),
    "1y": timedelta(days=365), "all": None,
}  # fmt: skip
"""Name → how far back; None: to the beginning."""
