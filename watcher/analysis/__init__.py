"""Analysis: what would be. Plans, simulations, backtests, lints and rule tests."""
