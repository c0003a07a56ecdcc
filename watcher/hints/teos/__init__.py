"""TEOS events: what the message broker of CoreLedger TEOS tells of accounts (TEOS docs, "TEOS Events")."""
