"""CoinStats: balances and prices of wallets on about 150 chains, paid in credits."""

BASE_URL = "https://openapiv1.coinstats.app"

CREDITS_PER_SWEEP = 400
"""For `all`: ten times 40. For `forceall` no document names a price; it is not less."""
