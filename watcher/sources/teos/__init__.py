"""CoreLedger TEOS: tokenised assets counted in sparks, limited per minute and per day."""
