"""Setup of CoinStats: its questions in `watcher init`, its check of a key, and its list of chains.

Each call says what it costs; none is made without that having been said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from watcher.domain.values.decimals import count_in
from watcher.domain.values.spelling import nearest
from watcher.ports.dialogue import Dialogue
from watcher.sources.coinstats import BASE_URL
from watcher.sources.coinstats.chains import meant, stranger
from watcher.sources.coinstats.wire import read_usage
from watcher.sources.http import Body, HttpFailure, get_once
from watcher.sources.json_repair import UnusableAnswerError
from watcher.sources.setup import Probe, SourceSetup, failed, words_of

PURPOSES = {
    "treasury": "money that should seldom move",
    "hot": "money that moves all day",
    "gas": "pays fees, must not run dry",
}
"""What a wallet is for, which is its tag and its pack of rules."""

FREE_PLAN = 20_000
"""Credits a month of the free plan, as third parties tell of it; the documents name no figure."""

CHAINS_COST = "it costs 1 credit"


class _Chain(msgspec.Struct):
    connection_id: str = msgspec.field(name="connectionId")
    name: str = ""


_decoder = msgspec.json.Decoder(list[_Chain])


class CoinStatsSetup(SourceSetup):
    """Questions about the plan that was bought, and about chains, which can be listed."""

    source = "coinstats"
    key = "chains"
    title = "CoinStats"
    offer = "Watch wallets on CoinStats (some 150 chains, paid in credits)?"
    base_url = BASE_URL
    purposes = PURPOSES
    check_cost = "it reads /usage/credits: the documents name no cost, it was seen to be free"

    async def probe(self, base_url: str, key: str) -> Probe:
        """`GET /usage/credits` (CoinStats docs)."""
        answer = await _get(base_url, key, "usage/credits")
        if isinstance(answer, HttpFailure):
            return failed(answer)
        try:
            usage = read_usage(answer.data)
        except UnusableAnswerError as error:
            return Probe(sound=False, refused=False, text=str(error))
        text = f"{usage.used:,} of {usage.total:,} credits are used"
        return Probe(sound=True, refused=False, text=text, usage=usage)

    def limits(self, dialogue: Dialogue, probe: Probe | None) -> str:
        known = probe.usage.total if probe is not None and probe.usage is not None else FREE_PLAN
        return self.limit(_count(dialogue, "Credits a month in your plan", known))

    def limit(self, count: int | None) -> str:
        plan = f"{{limit: {count or FREE_PLAN}, period: month, resets_on: 1, reserve: 10%}}"
        return f"credits: {plan}   # the plan that you bought; it is never overspent"

    def what(self, dialogue: Dialogue, base_url: str, key: str, usual: Sequence[str]) -> tuple[str, ...]:
        return _chains(dialogue, base_url, key, ", ".join(usual) or "ethereum")


def _count(dialogue: Dialogue, question: str, default: int) -> int:
    while True:
        try:
            count = count_in(dialogue.ask(question, str(default)))
        except ValueError as error:
            dialogue.say(f"  That {error}.")
            continue
        if count > 0:
            return count
        dialogue.say("  That must be more than nothing; the plan's page in your CoinStats account says it.")


def _chains(dialogue: Dialogue, base_url: str, key: str, usual: str) -> tuple[str, ...]:
    """Chain ids; `?` lists them, and then they are known and held against the answer."""
    known: Mapping[str, str] = {}
    while True:
        chains = words_of(dialogue.ask("Chains, with commas between (? lists them)", usual))
        unknown = [chain for chain in chains if known and chain not in {*known, "all", "forceall"}]
        if chains == ("?",):
            known = _listed(dialogue, base_url, key) or known
        elif unknown:
            dialogue.say(f"  there is no chain '{unknown[0]}'; {nearest(unknown[0], known)}")
        elif strange := [
            said for chain in chains if not known and meant(chain) and (said := stranger(chain))
        ]:
            dialogue.say(f"  {strange[0]}")
        elif chains:
            return chains


def _listed(dialogue: Dialogue, base_url: str, key: str) -> Mapping[str, str]:
    if not key:
        dialogue.say("  Only with a key; common ones: ethereum, base-wallet, bitcoin, solana.")
        return {}
    if not dialogue.agree(f"List the chains? ({CHAINS_COST})"):
        return {}
    found = asyncio.run(_list_chains(base_url, key))
    if isinstance(found, str):
        dialogue.say(f"  They cannot be listed: {found}")
        return {}
    dialogue.list(found)
    return found


async def _list_chains(base_url: str, key: str) -> Mapping[str, str] | str:
    """Chains by `GET /wallet/blockchains` (CoinStats docs): id → name, or why they cannot be listed."""
    answer = await _get(base_url, key, "wallet/blockchains")
    if isinstance(answer, HttpFailure):
        return answer.text
    try:
        return {chain.connection_id: chain.name for chain in _decoder.decode(answer.data)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the answer is no list of chains"


async def _get(base_url: str, key: str, path: str) -> Body | HttpFailure:
    """With /v1 and, where there is no such path, without: documents and clients have both."""
    root = base_url.rstrip("/").removesuffix("/v1")
    answer = await get_once(f"{root}/v1/{path}", {"X-API-KEY": key}, key)
    if isinstance(answer, HttpFailure) and answer.status == 404:
        answer = await get_once(f"{root}/{path}", {"X-API-KEY": key}, key)
    return answer
