"""Portfolio: everything that is held, by tag, asset, chain, source and wallet, now and over a period."""
