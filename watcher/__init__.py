"""Watch crypto balances within a credit budget, and tell people what changed."""

__version__ = "1.0.0"
