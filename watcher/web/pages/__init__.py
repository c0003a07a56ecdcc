"""The pages: one file each, its addresses and what its template shows."""
