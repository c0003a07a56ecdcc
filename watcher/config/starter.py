"""What `watcher init` writes: a commented configuration and the rule packs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from watcher.config.wishes import rule_files
from watcher.domain.model import EMPTY
from watcher.domain.records import Record, field
from watcher.sources import KINDS
from watcher.sources.setup import WalletDraft

if TYPE_CHECKING:
    from watcher.hints.setup import HintDraft

STORE = "store: {kind: sqlite, path: watcher.db}"
"""The line that says where the store is."""

PACKS = ("treasury", "hot-wallet", "gas", "issuer")

CONFIG = """\
# Balance watcher. 'watcher check' says what is wrong in here; 'watcher run' starts to watch.
# ${VAR} and ${VAR:-default} come from the environment or from the file credentials/VAR; $$ is a dollar sign.
version: 1

store: {kind: sqlite, path: watcher.db}

# Where balances come from. Each key stands in a file of its own: credentials/COINSTATS_API_KEY (or another
# one, with api_key_file: PATH).
sources:
  coinstats:
    kind: coinstats
    api_key: ${COINSTATS_API_KEY}
    credits:                        # the plan that you bought; it is never overspent
      limit: 20000
      period: month                 # or day
      resets_on: 1                  # day of the month
      reserve: 10%                  # kept for confirmations and polls by hand
    requests_per_second: 0.5
  teos:
    kind: teos
    api_key: ${TEOS_API_KEY}
    limits: {per_minute: 300, per_day: 30000}

# What to watch. Addresses need quotes: YAML reads an unquoted 0x... as a number.
# Tags are what the rules choose by. A long list is better kept in a file:
# '- wallets.csv' (docs/howto/many-wallets.md).
wallets:
  - name: treasury-main
    source: coinstats
    address: "0x9f114da25b61b77606d47eab414b9360f8783979"
    chains: [ethereum]              # CoinStats ids; or all (ten times the credits)
    tags: [treasury]
    discover: monthly               # look for value on other chains too (400 credits each time)
    every: auto                     # or 5m, or {cron: "*/10 9-17 * * mon-fri", timezone: Europe/Zurich}
    at_least_every: 12h             # a promise that auto keeps
  - name: payouts
    source: coinstats
    address: "0x52908400098527886e0f7030069857d2e4169ee7"
    chains: [ethereum, base-wallet]
    tags: [hot]
    weight: 5                       # what a minute of delay is worth here, relative to others
  - name: gas-tank
    source: coinstats
    address: "0x8617e340b3d01fa5f11f306f4090fd50e238070d"
    chains: [base-wallet]
    tags: [gas]
  - name: reserve
    source: coinstats
    address: "0xde0b295669a9fd93d5f28d9ec85e40f4cb697bae"
    chains: [ethereum]
    tags: [reserve]                 # what stands behind the issued tokens
    at_least_every: 12h
  - name: bond-desk
    source: teos
    address: "0xd9d18f6979473f8bdc6290ad772000c53bd5c907"
    assets: ["0x0fc6e610b23b09fae00e10001"]
    tags: [issued]
    every: 1m

# Who says that an account has just moved: it is then read within seconds, at the same credits. Take away
# the # of those that you have. Accounts that none of them tells of are read as before.
# hints:
#   mainnet:                        # a node of an EVM chain, your own or a provider's
#     {kind: evm, url: "${ETHEREUM_WSS_URL}", chains: [ethereum]}
#   teos-events:                    # the message broker of TEOS (pip install 'balance-watcher[amqp]')
#     {kind: teos, source: teos, url: "${TEOS_AMQP_URL}"}
#   teos-looks:                     # the API of TEOS itself, one free call for all addresses
#     {kind: teos-poll, source: teos}
#   alchemy:                        # a webhook: alchemy, quicknode, helius, or generic for a script of yours
#     {kind: webhook, scheme: alchemy, signing_key: "${ALCHEMY_SIGNING_KEY}", chains: {ETH_MAINNET: ethereum}}
#   bitcoin:                        # an Electrum server
#     {kind: electrum, url: "ssl://electrum.example:50002", chains: [bitcoin]}
#   solana:                         # a node of Solana, your own or a provider's
#     {kind: solana, url: "${SOLANA_WSS_URL}"}
#   portfolio:                      # CoinStats itself: one paid look at all wallets
#     {kind: coinstats-portfolio, source: coinstats, every: 2h, sync: none}

# Who is told. A rule without 'notify' tells every channel; 'watcher send-test' tries them.
channels:
  terminal: {kind: console}
  # ops: {url: "${SLACK_URL}"}                         # an apprise URL: Slack, Telegram, e-mail, ...
  # treasurer: {url_file: /etc/watcher/treasurer.url}  # the URL holds a password: keep it in a file

rules: [rules/*.yaml]

web: {listen: "127.0.0.1:8787"}      # the status page, JSON, metrics; null: none

log: {level: info, format: console}  # format: logfmt or json for machines
"""


_PLAIN = re.compile(r"[\w/+-]+")


def key_variable(source: str) -> str:
    """The variable that holds the key of a source."""
    return f"{source.upper()}_API_KEY"


def starter_files(packs: tuple[str, ...] = PACKS, urls: Mapping[str, str] = EMPTY) -> dict[str, str]:
    """Relative path → text of each file to start from: the configuration, rules, and tests of the rules.

    `urls`: source → base URL, if it is not the usual one.
    """
    folder = files("watcher") / "packs"
    config = CONFIG
    for source, url in urls.items():
        key = f"    api_key: ${{{key_variable(source)}}}\n"
        config = config.replace(key, f"{key}    base_url: {json.dumps(url)}\n")
    found = {"watcher.yaml": config}
    for name in (*(f"{pack}.yaml" for pack in packs), *(f"tests/{pack}.yaml" for pack in packs)):
        found[f"rules/{name}"] = (folder / name).read_text(encoding="utf-8")
    return found


class TableDraft(Record, frozen=True):
    """File of many wallets: `text` is written beside the configuration, under `name`."""

    name: str
    text: str
    tag: str
    source: str


class ChannelDraft(Record, frozen=True):
    """Channel as it was answered. `variable` names its URL."""

    variable: str
    quiet: tuple[str, str] | None = None
    """From when to when only what is critical rings, as in 22:00 and 07:00."""


class StarterDraft(Record, frozen=True):
    """What somebody answered: enough for a configuration that is sound."""

    wallets: tuple[WalletDraft, ...] = ()
    tables: tuple[TableDraft, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    """Source → the line that says what may be spent there."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Source → the variable that holds its key, if it is not the usual one."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Source → base URL, if it is not the usual one."""
    hints: tuple[tuple[str, HintDraft], ...] = ()
    """Kind of each hint source, and its entry."""
    unwanted: frozenset[str] = frozenset()
    """Ids of rules that are left out of the packs."""
    timezone: str = ""
    currency: str = ""
    channel: ChannelDraft | None = None

    @property
    def purposes(self) -> tuple[str, ...]:
        """What its wallets are for: their tags, each once."""
        return tuple(
            dict.fromkeys([*(each.tag for each in self.wallets), *(each.tag for each in self.tables)])
        )

    def variable(self, source: str) -> str:
        """The variable that holds the key of a source."""
        return self.keys.get(source, key_variable(source))


def drafted_files(draft: StarterDraft) -> dict[str, str]:
    """Relative path → text: a configuration of what was answered, and rules for its wallets."""
    rules = rule_files(draft.purposes, draft.unwanted)
    return {
        "watcher.yaml": _configuration(draft, rules=bool(rules)),
        **{table.name: table.text for table in draft.tables},
        **{f"rules/{name}": text for name, text in rules.items()},
    }


def _configuration(draft: StarterDraft, *, rules: bool) -> str:
    lines = [
        "# Balance watcher. `watcher check` says what is wrong in here; `watcher run` starts to watch.",
        "# ${VAR} comes from the environment, or from the file credentials/VAR: what you were asked for.",
        "version: 1",
        "",
        STORE,
        "",
        "sources:",
    ]
    for source in dict.fromkeys([*draft.limits, *(wallet.source for wallet in draft.wallets)]):
        lines += [f"  {source}:", f"    kind: {source}", f"    api_key: ${{{draft.variable(source)}}}"]
        if source in draft.urls:
            lines.append(f"    base_url: {json.dumps(draft.urls[source])}")
        if source in draft.limits:
            lines.append(f"    {draft.limits[source]}")
    lines += ["", "wallets:                          # the rules choose by tags"]
    lines += [f"  - {json.dumps(table.name)}" for table in draft.tables]
    for wallet in draft.wallets:
        key, words = wallet.what
        lines += [
            f"  - name: {json.dumps(wallet.name, ensure_ascii=False)}",
            f"    source: {wallet.source}",
            f"    address: {json.dumps(wallet.address)}",
            f"    {key}: {json.dumps(list(words))}",
            f"    tags: [{wallet.tag}]",
            f"    every: {wallet.every}",
        ]
    lines += [*_hints(draft), *_display(draft), *_channels(draft), ""]
    lines.append("rules: [rules/*.yaml]" if rules else "rules: []    # nothing is judged yet: docs/rules")
    lines += ["", 'web: {listen: "127.0.0.1:8787"}    # null: no page', ""]
    return "\n".join(lines)


def _hints(draft: StarterDraft) -> list[str]:
    lines = []
    for kind, entry in draft.hints:
        settings = ", ".join(f"{key}: {text}" for key, text in {"kind": kind, **entry.settings}.items())
        lines.append(f"  {entry.name}: {{{settings}}}")
    head = "hints:                            # who says that an account has just moved: docs/hints/index.md"
    return ["", head, *lines] if lines else []


def _display(draft: StarterDraft) -> list[str]:
    found = {"timezone": draft.timezone, "currency": draft.currency}
    wanted = {key: value for key, value in found.items() if value}
    if draft.currency and (telling := next((each for each in draft.limits if KINDS[each].tells_rates), "")):
        wanted["rates"] = telling
    plain = {key: value if _PLAIN.fullmatch(value) else json.dumps(value) for key, value in wanted.items()}
    shown = ", ".join(f"{key}: {value}" for key, value in plain.items())
    return ["", f"display: {{{shown}}}    # of messages and page; rules judge US dollars"] if wanted else []


def _channels(draft: StarterDraft) -> list[str]:
    lines = ["", "channels:                         # a rule without `notify` tells every one"]
    if draft.channel is None:
        return [*lines, "  terminal: {kind: console}"]
    lines += ["  ops:", f'    url: "${{{draft.channel.variable}}}"']
    if draft.channel.quiet is not None:
        begin, end = map(json.dumps, draft.channel.quiet)
        zone = draft.timezone or "UTC"
        lines.append(f"    quiet: {{from: {begin}, to: {end}, timezone: {zone}}}   # critical ones ring")
    return lines
