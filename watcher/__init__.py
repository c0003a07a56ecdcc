"""Watch crypto balances within a credit budget, and tell people what changed."""

__version__ = "0.1.0"
