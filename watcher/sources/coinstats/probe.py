"""Does a key work? Asked once, before there is a store, by whoever sets things up.

Each call says what it costs; none is made without that having been said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from yarl import URL

from watcher.domain.credits.provider_count import Usage
from watcher.sources.coinstats.wire import read_usage
from watcher.sources.http import Body, Http, HttpFailure, Limits
from watcher.sources.json_repair import UnusableAnswerError

COINSTATS_CHECK_COSTS = "it reads /usage/credits: the documents name no cost, it was seen to be free"
COINSTATS_CHAINS_COST = "it costs 1 credit"
TEOS_CHECK_COSTS = "it is one call of the 300 a minute; TEOS sells no credits"
REFUSED = frozenset({401, 403})
_PATIENCE = Limits(timedelta(seconds=20), timedelta(seconds=10))


@dataclass(frozen=True, slots=True)
class Probe:
    """`refused`: the key is wrong. Neither `refused` nor `sound`: nobody knows, `text` says why."""

    sound: bool
    refused: bool
    text: str
    usage: Usage | None = None


class _Chain(msgspec.Struct):
    connection_id: str = msgspec.field(name="connectionId")
    name: str = ""


_chains = msgspec.json.Decoder(list[_Chain])


async def probe_coinstats(base_url: str, key: str) -> Probe:
    """`GET /usage/credits` (CoinStats docs)."""
    answer = await _first(base_url, key, "usage/credits")
    if isinstance(answer, HttpFailure):
        return _failed(answer)
    try:
        usage = read_usage(answer.data)
    except UnusableAnswerError as error:
        return Probe(sound=False, refused=False, text=str(error))
    text = f"{usage.used:,} of {usage.total:,} credits are used"
    return Probe(sound=True, refused=False, text=text, usage=usage)


async def coinstats_chains(base_url: str, key: str) -> Mapping[str, str] | str:
    """`GET /wallet/blockchains` (CoinStats docs): chain id → name, or why they cannot be listed."""
    answer = await _first(base_url, key, "wallet/blockchains")
    if isinstance(answer, HttpFailure):
        return answer.text
    try:
        return {chain.connection_id: chain.name for chain in _chains.decode(answer.data)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "the answer is no list of chains"


async def probe_teos(base_url: str, version: str, key: str) -> Probe:
    """`GET /odata/v…/Ping`: 200, or 401 for a key that is not valid (TEOS docs)."""
    answer = await _get(f"{base_url}/odata/v{version}/Ping", {"Authorization": f"Bearer {key}"}, key)
    if isinstance(answer, HttpFailure):
        return _failed(answer)
    return Probe(sound=True, refused=False, text="TEOS takes it")


async def _first(base_url: str, key: str, path: str) -> Body | HttpFailure:
    """With /v1 and, where there is no such path, without: documents and clients have both."""
    root = base_url.rstrip("/").removesuffix("/v1")
    answer = await _get(f"{root}/v1/{path}", {"X-API-KEY": key}, key)
    if isinstance(answer, HttpFailure) and answer.status == 404:
        answer = await _get(f"{root}/{path}", {"X-API-KEY": key}, key)
    return answer


async def _get(url: str, headers: Mapping[str, str], key: str) -> Body | HttpFailure:
    http = Http(headers, key, _PATIENCE)
    try:
        return await http.get(URL(url))
    finally:
        await http.close()


def _failed(failure: HttpFailure) -> Probe:
    return Probe(sound=False, refused=failure.status in REFUSED, text=failure.text)
