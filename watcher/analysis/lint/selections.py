"""Lints about what is selected: nothing, too much, or by a name that anybody can give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watcher.analysis.lint.facts import LintFacts
from watcher.analysis.lint.finding import Finding, some
from watcher.domain.evaluation.never_held import never_held
from watcher.domain.evaluation.rule_index import matches_of
from watcher.domain.model import Account, Asset
from watcher.domain.readings.asset_policies import INTEREST, is_drift
from watcher.domain.rules import AssetRule, Match, Rule
from watcher.domain.values.decimals import ZERO
from watcher.domain.values.errors import Advice
from watcher.domain.values.formatting import counted, moment
from watcher.domain.values.spelling import nearest

SIGNS = "*?["

SYMBOLS = {
    "avalanche": "AVAX", "binance coin": "BNB", "bitcoin": "BTC", "cardano": "ADA", "cosmos": "ATOM",
    "dogecoin": "DOGE", "ether": "ETH", "ethereum": "ETH", "litecoin": "LTC",
    "polkadot": "DOT", "polygon": "POL", "ripple": "XRP", "solana": "SOL", "tether": "USDT", "toncoin": "TON",
    "tron": "TRX", "usd coin": "USDC",
}  # fmt: skip
"""What people call coins."""

REBASES = 10
"""So many tiny changes one way in 30 days are no transfers."""


def lint_selections(seen: LintFacts) -> Iterator[Finding]:
    """Selectors that match nothing, symbols with several tokens behind them, wallets without a rule."""
    for rule in seen.rules:
        for match in matches_of(rule):
            yield from _unmatched(rule, match, seen)
            yield from _ambiguous(rule, match, seen)
            yield from _shut_out(rule, match, seen)
    yield from _strange_chains(seen)
    yield from _never_held(seen)
    yield from _rebasing(seen)
    yield from _uncovered(seen)


def _unmatched(rule: Rule, match: Match, seen: LintFacts) -> Iterator[Finding]:
    accounts = seen.accounts(match)
    if not accounts:
        parts = [f"{name}: {', '.join(getattr(match, name))}" for name in _written(match)]
        what = f"no account is selected by {' and '.join(parts)} together"
        yield Finding("matches-nothing", rule.id, what, "correct match, or add the wallet that is meant")
        return
    yield from _names(rule, match, seen)
    newcomers = isinstance(rule, AssetRule) and rule.event == "appears"
    if newcomers or not match.assets or not all(map(seen.read, accounts)):
        return
    known = {
        (asset, seen.past.symbols.get(asset, ""))
        for account in accounts
        for asset in seen.past.accounts[account].amounts
        if match.chain(asset.chain)
    }
    for pattern in match.assets:
        alone = match.model_copy(update={"assets": (pattern,)})
        if not any(alone.asset(asset, symbol, seen.also.get(asset, ())) for asset, symbol in known):
            where = f"the {counted(len(accounts), 'account')} that it selects"
            what = f"nothing that was ever read of {where} is called '{pattern}'"
            remedy = nearest(pattern, {symbol for _, symbol in known if symbol})
            yield Finding("matches-nothing", rule.id, what, f"{remedy}; leave it if it is still to come")


def _names(rule: Rule, match: Match, seen: LintFacts) -> Iterator[Finding]:
    """The name of a coin in place of its symbol: it would match nothing, or only by its id."""
    held = {symbol.casefold() for symbol in seen.past.symbols.values()}
    for pattern in match.assets:
        symbol = SYMBOLS.get(pattern.casefold())
        if symbol is not None and pattern.casefold() not in held:
            what = f"'{pattern}' is the name of a coin; assets are selected by symbols, not names"
            yield Finding("name-for-symbol", rule.id, what, f"write {symbol}", (pattern,))


def _strange_chains(seen: LintFacts) -> Iterator[Finding]:
    """Ids of chains that nobody is known to have used, and that no answer has had yet."""
    warnings: dict[Advice, list[Account]] = {}
    read = {account.chain for account in seen.wallets if seen.read(account)}
    for account in sorted(seen.wallets, key=lambda each: each.chain):
        kind = seen.kinds.get(account.source)
        if kind is not None and account.chain not in read and (said := kind.chain_warning(account.chain)):
            warnings.setdefault(said, []).append(account)
    for (what, remedy), accounts in warnings.items():
        names = tuple(sorted({seen.wallets[account].name for account in accounts}))
        yield Finding("unknown-chain", "", f"{some(names)}: {what}", remedy, names)


def _never_held(seen: LintFacts) -> Iterator[Finding]:
    for name, since in never_held(seen.wallets, seen.past.accounts, seen.now).items():
        what = f"wallet {name} has held nothing since {moment(since)}, when it was first read"
        remedy = "see that its address is right; each reading of it is paid for"
        yield Finding("never-held", "", what, remedy, (name,))


def _written(match: Match) -> list[str]:
    return [name for name in type(match).model_fields if getattr(match, name)]


def _ambiguous(rule: Rule, match: Match, seen: LintFacts) -> Iterator[Finding]:
    """A symbol that several tokens on one chain bear: one of them may be there to deceive."""
    symbols = {pattern.lower() for pattern in match.assets if not any(sign in pattern for sign in SIGNS)}
    tokens: dict[tuple[str, str], set[Asset]] = {}
    for held in seen.holdings(match) if symbols else ():
        if held.amount and held.symbol.lower() in symbols:
            tokens.setdefault((held.symbol.upper(), held.asset.chain), set()).add(held.asset)
    for (symbol, chain), assets in sorted(tokens.items()):
        if len(assets) > 1:
            names = sorted(asset.token for asset in assets)
            what = f"{len(names)} different tokens on {chain} are called {symbol}: {some(names)}"
            yield Finding(
                "ambiguous-symbol",
                rule.id,
                what,
                "name the contract that is meant in match.assets",
                tuple(names),
            )


def _shut_out(rule: Rule, match: Match, seen: LintFacts) -> Iterator[Finding]:
    """A symbol that a rule names and that a token in quarantine bears: perhaps the one that is meant."""
    names = {pattern.lower() for pattern in match.assets if not any(sign in pattern for sign in SIGNS)}
    waiting = {
        f"{seen.past.symbols.get(asset, '')} ({asset.token}) in {seen.name(account)}"
        for account in (seen.accounts(match) if names else ())
        if (state := seen.past.accounts.get(account)) is not None
        for asset, entry in state.quarantined.items()
        if not entry.by and seen.past.symbols.get(asset, "").lower() in names and match.chain(asset.chain)
    }
    if waiting:
        shown = tuple(sorted(waiting))
        what = (
            f"{counted(len(shown), 'token')} of that name in quarantine, which it does not see: {some(shown)}"
        )
        remedy = "name the contract in match.assets, or let it in with `watcher assets release`"
        yield Finding("in-quarantine", rule.id, what, remedy, shown)


def _rebasing(seen: LintFacts) -> Iterator[Finding]:
    """Assets that grow a little, again and again: each time a transfer is told that was none."""
    found: dict[Asset, tuple[int, Account]] = {}
    for (account, asset), changes in seen.changes.items():
        if asset in found or len(changes) < REBASES or any(change.drift for change in changes):
            continue
        ups = [change.after > (change.before or ZERO) for change in changes]
        tiny = [is_drift(change, INTEREST) for change in changes]
        if sum(tiny) * 10 >= len(tiny) * 9 and (sum(ups) * 10 >= len(ups) * 9 or not any(ups)):
            found[asset] = len(changes), account
    for asset, (count, account) in sorted(found.items()):
        name = seen.past.symbols.get(asset, "") or asset.token
        what = (
            f"{name} in {seen.name(account)} changed {count} times in 30 days, each time by a hair, one way"
        )
        entry = f'{{match: {{assets: ["{asset.token}"]}}, rebasing: true}}'
        remedy = f"if it pays interest, say so under assets: {entry}"
        yield Finding("looks-rebasing", "", what, remedy, (name,))


def _uncovered(seen: LintFacts) -> Iterator[Finding]:
    covered = {
        account for rule in seen.rules for match in matches_of(rule) for account in seen.accounts(match)
    }
    missing: dict[str, list[str]] = {}
    for account in seen.wallets.keys() - covered:
        missing.setdefault(seen.wallets[account].name, []).append(account.chain)
    whole: list[tuple[str, list[str]]] = []
    parts: list[tuple[str, list[str]]] = []
    known = Counter(wallet.name for wallet in seen.wallets.values())
    for name, chains in sorted(missing.items()):
        (whole if len(chains) == known[name] else parts).append((name, sorted(chains)))
    if whole:
        names = [name for name, _ in whole]
        what = f"{counted(len(names), 'wallet')} that no rule covers: {some(names)}"
        yield Finding("no-rule", "", what, "nothing that happens there is told; add a rule", tuple(names))
    for name, chains in parts:
        what = f"no rule covers wallet {name} on {some(chains)}"
        yield Finding("no-rule", "", what, "nothing that happens there is told; widen match.chains", (name,))
