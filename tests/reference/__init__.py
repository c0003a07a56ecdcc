"""Pages of reference that are made from the code, so that they cannot go stale."""
