"""A configuration with hint sources, and a store in which they have told something."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tests.contract.given import ETH, HOT, NOW, THIRTY, always, book, changed, known, plan
from watcher.config.configuration import configure
from watcher.config.settings import Settings
from watcher.domain.credits.allowance import Purpose
from watcher.domain.decision import Decision
from watcher.domain.hints.lag import ProviderLag
from watcher.domain.hints.persistence import HINTS
from watcher.domain.hints.trust import SourceTrust
from watcher.domain.scheduler.outlook import OUTLOOK, Outlook
from watcher.ports.hint_state import STATE, HintSourceState
from watcher.ports.hints import HintedPoll, HintWord
from watcher.ports.store import Settlement, Store, hints_of

KEY = f"{HOT.chain}:{HOT.address}"

CONFIG = f"""\
version: 1
sources:
  coinstats: {{kind: coinstats, api_key: key-one, credits: {{limit: 20000}}}}
wallets:
  - {{name: hot, source: coinstats, address: "{HOT.address}", chains: [ethereum]}}
  - {{name: other, source: coinstats, address: "0x{2:040x}", chains: [ethereum], hints: false}}
channels:
  ops: {{url: "json://127.0.0.1:9/ops"}}
web: {{listen: "127.0.0.1:8787"}}
"""
SOURCES = """\
hints:
  mainnet: {kind: evm, url: "wss://node.example/k", chains: [ethereum]}
  scripts: {kind: webhook, scheme: generic, signing_key: "0123456789abcdef0123456789abcdef"}
"""
RULES = """\
rules:
  - {id: low, type: threshold, match: {wallets: [hot], assets: [ETH]}, below: "0.5"}
"""


def configured(folder: Path, hints: str = SOURCES, more: str = "") -> Settings:
    """The settings, with a rule file beside them."""
    path = folder / "watcher.yaml"
    (folder / "rules.yaml").write_text(RULES)
    path.write_text(CONFIG + hints + more + "rules: [rules.yaml]\n")
    return configure(path, {}).settings


def told(*, silent: bool = False) -> HintSourceState:
    """Of a source that is heard, and told something today."""
    return HintSourceState(
        up_since=NOW - timedelta(hours=5), last_alive=NOW, last_hint=NOW - timedelta(seconds=40), at=NOW,
        silent_since=NOW - timedelta(hours=2) if silent else None, day=NOW.date(),
        today=Counter(taken=5, gathered=7, unknown=100_000, gaps=1),
    )  # fmt: skip


def learnt(changes: int = 40, *, lag: float = 14.0, untold: float = 0.1) -> str:
    """The fact that whoever plans keeps: mainnet told of all of them, and they were shown after `lag`."""
    trust, late = SourceTrust(), ProviderLag()
    for _ in range(changes):
        trust.change(1.0, 0.9, NOW.timestamp())
        trust.hint(1.0, 1.0)
        late.learn(lag - 1, lag + 1)
    sources = {
        "mainnet": [trust.dump(), late.dump()],
        "scripts": [SourceTrust().dump(), ProviderLag().dump()],
    }
    accounts = {KEY: [float(changes), 0.0, 0, untold, None, 0]}
    return json.dumps({"version": 1, "sources": sources, "accounts": accounts})


async def keep_state(store: Store, state: HintSourceState, name: str = "mainnet") -> None:
    await store.keep_facts(hints_of(name), {STATE: state.dump()}, NOW)


async def keep_learnt(store: Store, text: str | None = None) -> None:
    """What was learnt, and an outlook of six hours for the account."""
    outlook = Outlook(0.0, 0.0, 1.0, {KEY: 21600.0})
    await store.keep_facts("coinstats", {HINTS: text or learnt(), OUTLOOK: outlook.dump()}, NOW)


async def polled(store: Store, found: Sequence[bool], *, hint: str = "0xab:0") -> None:
    """Polls upon a word of mainnet, a second apart, the last one at `NOW`."""
    for number, moved in enumerate(found, 1 - len(found)):
        at = NOW + timedelta(seconds=number)
        word = HintWord("mainnet", at - timedelta(seconds=15), hint)
        grant = await book(store, 40, plan(100_000), at, purpose=Purpose.HINTED)
        assert grant
        polls = (HintedPoll(HOT, word, at, changed=False, credits=40),)
        changes = (changed(HOT, ETH, "1", THIRTY, at),) if moved else ()
        state = known(HOT, at, ethereum=str(THIRTY))
        decision = Decision(at, (state,), changes, symbols={ETH: "ETH"})
        await store.conclude([HOT], always(decision), Settlement(grant, at, 40, hinted=polls))
