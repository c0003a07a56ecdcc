"""CoinStats: balances and prices of wallets on about 150 chains, paid in credits."""
