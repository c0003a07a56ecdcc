"""Credits: what requests cost, what an allowance has room for, and what the provider itself counts."""
