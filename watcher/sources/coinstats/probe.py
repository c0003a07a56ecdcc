"""Probe of a CoinStats key: asked once, before there is a store, by whoever sets things up.

Each call says what it costs; none is made without that having been said.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from watcher.sources.coinstats.wire import read_usage
from watcher.sources.http import Body, HttpFailure, get_once
from watcher.sources.json_repair import UnusableAnswerError
from watcher.sources.setup import Probe, failed

CHECK_COST = "it reads /usage/credits: the documents name no cost, it was seen to be free"
CHAINS_COST = "it costs 1 credit"


class _Chain(msgspec.Struct):
    connection_id: str = msgspec.field(name="connectionId")
    name: str = ""


_chains = msgspec.json.Decoder(list[_Chain])


async def probe(base_url: str, key: str) -> Probe:
    """Probe by `GET /usage/credits` (CoinStats docs)."""
    answer = await _first(base_url, key, "usage/credits")
    if isinstance(answer, HttpFailure):
        return failed(answer)
    try:
        usage = read_usage(answer.data)
    except UnusableAnswerError as error:
        return Probe(sound=False, refused=False, text=str(error))
    text = f"{usage.used:,} of {usage.total:,} credits are used"
    return Probe(sound=True, refused=False, text=text, usage=usage)


async def list_chains(base_url: str, key: str) -> Mapping[str, str] | str:
    """Chains by `GET /wallet/blockchains` (CoinStats docs): id → name, or why they cannot be listed."""
    answer = await _first(base_url, key, "wallet/blockchains")
    if isinstance(answer, HttpFailure):
        return answer.text
    try:
        return {chain.connection_id: chain.name for chain in _chains.decode(answer.data)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the answer is no list of chains"


async def _first(base_url: str, key: str, path: str) -> Body | HttpFailure:
    """With /v1 and, where there is no such path, without: documents and clients have both."""
    root = base_url.rstrip("/").removesuffix("/v1")
    answer = await get_once(f"{root}/v1/{path}", {"X-API-KEY": key}, key)
    if isinstance(answer, HttpFailure) and answer.status == 404:
        answer = await get_once(f"{root}/{path}", {"X-API-KEY": key}, key)
    return answer
