"""`solana`: hints of a Solana node, about lamports and the tokens that wallets hold."""
