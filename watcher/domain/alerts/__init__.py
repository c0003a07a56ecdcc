"""Alerts: their life, who is silenced, and when somebody else is told instead."""
