"""The URLs of TEOS calls, sent exactly as built here.

Arrays stand inline in the path with single quotes, as in TEOS' own test collection; percent-encoded,
because some servers refuse raw quotes and brackets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from yarl import URL

_FIELDS = "$select=Id,Name,SparkFactor,UnitOfMeasureCode,CurrencyCode"


MOST_ROWS = 50
"""Addresses × assets of a request: TEOS pages its collections at 50 rows."""


class Urls:
    """Builds URLs below one root. `spelled`: asset number → the id as the operator wrote it.

    Whether TEOS minds a leading zero is not documented, so the operator's spelling is sent.
    """

    def __init__(self, root: str, spelled: Mapping[int, str]) -> None:
        self._root = root
        self._spelled = spelled

    def size(self, number: int) -> int:
        """Bytes that one more asset adds."""
        return len(quote(f"'{self._spelled[number]}',", safe=""))

    @staticmethod
    def address_size(address: str) -> int:
        """Bytes that one more address adds."""
        return len(quote(f"'{address}',", safe=""))

    def many(self, addresses: Sequence[str], numbers: Sequence[int]) -> URL:
        arrays = f"Addresses=%5B{_quoted(addresses)}%5D,UniqueAssetIds=%5B{self._ids(numbers)}%5D"
        return URL(f"{self._root}/Balances/GetAssetsBalances({arrays})", encoded=True)

    def single(self, address: str, number: int) -> URL:
        call = f"Balances(address={_quoted([address])},uniqueAssetId={self._ids([number])})"
        return URL(f"{self._root}/{call}", encoded=True)

    def assets(self, numbers: Sequence[int]) -> URL:
        chosen = f"$filter=Id%20in%20({self._ids(numbers)})"
        return URL(f"{self._root}/Assets?{_FIELDS}&{chosen}", encoded=True)

    def asset(self, number: int) -> URL:
        return URL(f"{self._root}/Assets({self._ids([number])})?{_FIELDS}", encoded=True)

    def next_page(self, text: str) -> URL | None:
        """The address of the next page, always on our own host: the key goes nowhere else.

        An API behind a proxy names itself as it knows itself, with another host, port or scheme, or without
        the proxy's path. What follows the root of its version is the same. None for what lies elsewhere.
        """
        root = URL(self._root)
        as_built = text.isascii() and text.isprintable() and " " not in text
        try:
            link = (root / "").join(URL(text, encoded=as_built))
        except ValueError:
            return None
        _, found, rest = link.raw_path.lower().partition(
            f"/{'/'.join(root.raw_path.split('/')[-2:])}/".lower()
        )
        if not found or not rest or ".." in link.path:
            return None
        below = link.raw_path[-len(rest) :]
        query = f"?{link.raw_query_string}" if link.raw_query_string else ""
        return URL(f"{self._root}/{below}{query}", encoded=True)

    def _ids(self, numbers: Sequence[int]) -> str:
        return _quoted([self._spelled[number] for number in numbers])


def _quoted(texts: Sequence[str]) -> str:
    return quote(",".join(f"'{text}'" for text in texts), safe="")
