"""Hints: when a hinted account is polled, and what hints have earned. Seconds and credits; no clock."""
