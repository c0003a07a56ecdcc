"""Rule tests: files that tell readings, and what must come of them."""
