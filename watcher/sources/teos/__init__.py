"""CoreLedger TEOS: tokenised assets counted in sparks, limited per minute and per day."""

BASE_URL = "https://teosapi.coreledger.net"
VERSION = "1.0"
