"""Selections: what a rule is about."""

from __future__ import annotations

import re
from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from watcher.domain.model import Asset, Wallet
from watcher.domain.values.chains import canonical
from watcher.domain.values.fields import words_of
from watcher.domain.values.normalization import one_form


def _globs(value: object) -> object:
    words = words_of(value)
    if not isinstance(words, tuple | list):
        return words
    return tuple(one_form(word) if isinstance(word, str) else word for word in words)


Globs = Annotated[tuple[str, ...], BeforeValidator(_globs)]


class Match(BaseModel):
    """A selection by globs; what is left out selects everything.

    `assets` compares with the symbol (case does not matter) and with the asset's identity
    (contract or UniqueAssetId). A symbol is only a name that anybody can give to a token: to
    be exact, name the contract.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    wallets: Globs = ()
    """Names of wallets, or patterns such as `gas-*`."""
    tags: Globs = ()
    """Tags of wallets, or patterns; one of them is enough."""
    sources: Globs = ()
    """Names of sources, or patterns."""
    chains: Globs = ()
    """Ids of chains, or patterns."""
    assets: Globs = ()
    """Symbols, contracts or UniqueAssetIds, or patterns. Anybody can give a token any symbol; a contract
    is exact."""

    def wallet(self, wallet: Wallet) -> bool:
        return (
            _any(self.wallets, wallet.name)
            and _any(self.sources, wallet.source)
            and (not self.tags or any(_any(self.tags, tag) for tag in wallet.tags))
        )

    def chain(self, chain: str) -> bool:
        """Also under its other names: `all` brings as `base` what wallets call `base-wallet`."""
        return _any(self.chains, chain) or self.names_chain(chain)

    def names_chain(self, chain: str) -> bool:
        """Whether the chain is named, under one of its names, and not by a pattern only."""
        return any(canonical(each) == canonical(chain) for each in self.chains)

    def asset(self, asset: Asset, symbol: str, also: Collection[str] = ()) -> bool:
        """`also`: what else it was called, or is called elsewhere, in lower case."""
        if not self.assets:
            return True
        names = (symbol.lower(), asset.token.lower(), *also)
        return any(fnmatchcase(name, folded(glob)) for glob in self.assets for name in names)

    def describe(self) -> str:
        """The selection in a few words."""
        words = [f"tag {' or '.join(self.tags)}"] if self.tags else []
        words += [
            " or ".join(names) for names in (self.wallets, self.sources, self.chains, self.assets) if names
        ]
        return ", ".join(words) or "everything watched"

    @property
    def exact_assets(self) -> bool:
        """Whether the assets are named, none by a pattern."""
        return bool(self.assets) and not any(sign in glob for glob in self.assets for sign in PATTERN)

    @property
    def exact_ids(self) -> bool:
        """Whether the assets are named by what they are, not by symbols that anybody can give."""
        return self.exact_assets and all(map(id_in, self.assets))

    def tags_of(self, wallet: Wallet) -> tuple[str, ...]:
        """The tags of a wallet that are selected."""
        return tuple(tag for tag in wallet.tags if _any(self.tags, tag))


PATTERN = "*?["
"""What makes a glob out of a name."""


def id_in(name: str) -> bool:
    """Whether a name is a contract or a UniqueAssetId, in hexadecimal."""
    return re.fullmatch(r"0[xX][0-9a-fA-F]+", name) is not None


def _any(globs: tuple[str, ...], word: str) -> bool:
    return not globs or any(fnmatchcase(word, glob) for glob in globs)


def folded(glob: str) -> str:
    """A name as identities are written: lower case, and a short hex id (TEOS) without leading zeros.

    An EVM contract has 40 digits and keeps all of them: some begin with ten zeros and more.
    """
    glob = glob.lower()
    if re.fullmatch(r"0x0[0-9a-f]{1,38}", glob):
        return "0x" + glob[2:].lstrip("0")
    return glob
