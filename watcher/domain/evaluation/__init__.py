"""Evaluation: rules over what was read, into alerts and messages; `decide` is its door."""
