"""The store in memory: plain Python state, for rule tests, backtests and tests; gone when it is closed."""
