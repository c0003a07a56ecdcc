"""Aggregates: sums over accounts, exact, and unknown while any part of them is."""
