"""History: stored changes as the readings that led to them, and as pieces of time."""
