"""Template variables: what the operator's templates may name, and what they are tried on."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.domain.values.errors import WatcherError

VARIABLES: Mapping[str, str] = {
    "wallet": "name of the wallet",
    "chain": "chain of the asset, or of the account",
    "address": "address of the wallet",
    "source": "configured API access",
    "symbol": "symbol of the asset",
    "asset": "contract, coin id or UniqueAssetId",
    "amount": "amount held now, every digit",
    "before": "amount before a change, every digit",
    "after": "amount after a change, every digit",
    "change": "what moved, with its sign, symbol and share",
    "percent": "what moved, in percent of what was there",
    "price": "price in dollars",
    "value": "what it is worth; for a change, before and after and why",
    "because": "why the rule was met, or no longer is",
    "rule": "id of the rule",
    "severity": "info, warning or critical",
    "state": "firing, resolved or event",
    "tags": "tags of the wallet",
    "since": "when the alert began; for a change, the reading before",
    "at": "when this was decided",
}
"""Name → what it is. All are text, as they appear in the plain message; empty where they have no meaning."""


TEMPLATES = ("summary", "description", "runbook")
"""The fields of a rule that are templates."""


SAMPLES: Mapping[str, Mapping[str, str]] = {
    "with everything known": {
        "wallet": "treasury", "chain": "ethereum", "address": "0x9f114da25b61b77606d47eab414b9360f8783979",
        "source": "coinstats", "symbol": "ETH", "asset": "ethereum", "amount": "0.4", "before": "1.5",
        "after": "0.4", "change": "\N{MINUS SIGN}1.1 ETH (\N{MINUS SIGN}73.33\N{NARROW NO-BREAK SPACE}%)",
        "percent": "\N{MINUS SIGN}73.33\N{NARROW NO-BREAK SPACE}%", "price": "$3,000.00",
        "value": "$1,200.00",
        "because": "0.4 ETH is below 0.5 ETH", "rule": "sample", "severity": "warning", "state": "firing",
        "tags": "hot, gas", "since": "2026-01-05 08:00:00 UTC", "at": "2026-01-05 08:25:00 UTC",
    },
    "with all that can be unknown left empty": {},
}  # fmt: skip
"""What templates are tried on when they are loaded."""


LONGEST = 2000


class TemplateFailedError(WatcherError):
    """A template that was sound at load could not be rendered."""
