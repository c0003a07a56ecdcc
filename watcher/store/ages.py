"""How long each kind of row is kept. Balances, changes and the hours of spending are kept for ever."""

from __future__ import annotations

from datetime import timedelta

POLL_LOG = timedelta(days=35)
"""Longer than any window of calls; what was spent is in the hours of spending."""

SETTLED_DELIVERIES = timedelta(days=90)
TRANSITIONS = timedelta(days=1)
RESOLVED_ALERTS = timedelta(days=400)
SPELLS = RESOLVED_ALERTS
PRICES = timedelta(days=400)
GONE_MEMBERS = timedelta(days=7)

FINE_PRICES = timedelta(days=35)
"""Older prices are thinned to the last of each hour."""
