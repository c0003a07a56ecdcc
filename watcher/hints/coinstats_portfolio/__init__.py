"""`coinstats-portfolio`: one paid look at the sum over all wallets, as word that something changed."""
