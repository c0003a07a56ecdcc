"""`electrum`: hints of an Electrum server, about addresses of Bitcoin and its kin."""
