"""Looks at TEOS: a few calls, of which it sells none for credits, that name what moved at many addresses."""
