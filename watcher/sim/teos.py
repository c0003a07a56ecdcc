"""The simulated TEOS: OData calls, limits and errors as its documents describe them (TEOS docs)."""

from __future__ import annotations

import re
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from watcher.sim import spoiling
from watcher.sim.faults import Faults
from watcher.sim.operations import is_search, search, transactions
from watcher.sim.wire import Answer, Log, Recorded
from watcher.sim.world import TeosAsset, World, fold

_ROOT = re.compile(r"/teos/odata/v(?P<version>[0-9.]+)/(?P<rest>.*)", re.IGNORECASE)
_MANY = re.compile(r"balances/getassetsbalances\((?P<arguments>.*)\)", re.IGNORECASE)
_QUEUES = "/teos/api/v1.1/events/queue"
_ONE = re.compile(r"balances\((?P<arguments>.*)\)", re.IGNORECASE)
_ASSET = re.compile(r"assets\('(?P<id>[^']*)'\)", re.IGNORECASE)
_ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*(\[[^\]]*\]|'[^']*')\s*(?:,|$)")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_HEX = re.compile(r"(0x)?[0-9a-fA-F]+")
_EPOCH = datetime.fromtimestamp(0, UTC)
_TEXTS = {
    400: ("12001", "There were OData validation errors"),
    401: ("11001", "UserId was not found in provided authentication data"),
    403: ("11002", "Forbidden"),
    404: ("12000", "Resource not found"),
    414: ("12000", "URI Too Long"),
    429: ("13000", "API calls quota exceeded"),
    500: ("10000", "Internal server error"),
    503: ("10000", "Service unavailable"),
}


class Bucket:
    """A rolling window of calls. Calls made while blocked count too and lengthen the block (TEOS docs)."""

    def __init__(self, limit: int, period: int) -> None:
        self.limit = limit
        self.period = period
        self.name = "1m" if period == 60 else "1d"
        self._calls: deque[float] = deque(maxlen=limit)

    def take(self, now: float) -> bool:
        blocked = self.blocked_for(now) > 0
        self._calls.append(now)
        return not blocked

    def blocked_for(self, now: float) -> float:
        """Seconds until a call would pass."""
        if len(self._calls) < self.limit:
            return 0
        return max(0.0, self._calls[0] + self.period - now)

    def state(self, now: float) -> tuple[int, float]:
        """Calls left, and when the window is next relieved."""
        while self._calls and self._calls[0] <= now - self.period:
            self._calls.popleft()
        first = self._calls[0] if self._calls else now
        return self.limit - len(self._calls), first + self.period


class BadRequestError(Exception):
    """A request TEOS refuses, with its sub-code."""

    def __init__(self, code: str, message: str, detail: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.detail = code, message, detail


class Teos:
    """One tenant behind one key. Owns its windows of calls and the log of requests."""

    def __init__(self, world: World, faults: Faults, seed: int) -> None:
        self._world = world
        self._faults = faults
        self._random = Random(seed)
        self._windows: dict[int, Bucket] = {}
        self.url = ""
        self.stranger = ""
        """Another host, to which the fault "foreign-next" sends."""
        self.key = "teos-key"
        self.wrapped = False
        self.page_size = 50
        self.zero = "omit"
        self.per_minute: int | None = 300
        self.per_day: int | None = 30_000
        self.limit_headers = True
        self.versions = {"1.0", "1.1"}
        self.unknown_asset = "400"
        """ "400", or "omit": an asset that does not exist is refused, or left out."""
        self.max_url_bytes = 8_192
        self.search_form = "call"
        """ "call" or "query": how SparkOperations/Search takes its arguments; TEOS documents both."""
        self.newest_first = True
        self.queue = ""
        """The queue of events that its broker holds; without one, none can be had."""
        self.requests = Log()

    def answer(self, recorded: Recorded) -> Answer:
        """Answer one request; faults of the transport come later."""
        answer = self._limited(recorded) or self._decide(recorded)
        answer.headers = {**self._headers(), **(answer.headers or {})}
        recorded.status = answer.status
        return answer

    def error(self, status: int, path: str, problem: BadRequestError | None = None) -> Answer:
        """An error in TEOS' own shape, not OData's."""
        code, message = _TEXTS.get(status, ("10000", "Error"))
        details = []
        if problem:
            code, message = problem.code, problem.message
            if problem.detail:
                details = [{"code": problem.detail, "message": message, "arguments": {}}]
        trace = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        target = unquote(path).rpartition("/odata/")[2]
        body = {"code": code, "message": message, "target": target, "details": details, "clTraceId": trace}
        return Answer(status, body)

    def refusal(self, name: str, recorded: Recorded) -> Answer:
        """What the fault of this name says."""
        status = int(name[:3])
        answer = self.error(status, recorded.path)
        if status == 429:
            answer.headers = {"Retry-After": "30"}
        recorded.status = status
        return answer

    def _limited(self, recorded: Recorded) -> Answer | None:
        now = self._world.clock.seconds()
        passed = [window.take(now) for window in self._buckets()]
        if all(passed):
            return None
        worst = max(self._buckets(), key=lambda window: window.blocked_for(now))
        text = f"API calls quota exceeded! maximum admitted {worst.limit} per {worst.name}."
        answer = self.error(429, recorded.path, BadRequestError("13000", text))
        answer.headers = {"Retry-After": str(max(1, ceil(worst.blocked_for(now))))}
        return answer

    def _buckets(self) -> list[Bucket]:
        for period, limit in ((60, self.per_minute), (86_400, self.per_day)):
            if limit is None:
                self._windows.pop(period, None)
            elif period not in self._windows or self._windows[period].limit != limit:
                self._windows[period] = Bucket(limit, period)
        return list(self._windows.values())

    def _headers(self) -> dict[str, str]:
        """The headers describe the longest period."""
        windows = self._buckets()
        if not windows or not self.limit_headers:
            return {}
        longest = max(windows, key=lambda window: window.period)
        left, reset = longest.state(self._world.clock.seconds())
        return {
            "X-Rate-Limit-Limit": longest.name,
            "X-Rate-Limit-Remaining": str(max(0, left)),
            "X-Rate-Limit-Reset": f"{_EPOCH + timedelta(seconds=reset):%Y-%m-%dT%H:%M:%S.%f}0Z",
        }

    def _decide(self, recorded: Recorded) -> Answer:
        path = recorded.path
        if recorded.headers.get("authorization") != f"Bearer {self.key}":
            return self.error(401, path)
        if len(path) + len(recorded.query) > self.max_url_bytes:
            return self.error(414, path)
        if path.lower() == _QUEUES:
            return self._event_queue(recorded)
        found = _ROOT.fullmatch(path)
        if not found or found["version"] not in self.versions:
            return self.error(404, path)
        try:
            return self._call(unquote(found["rest"]), recorded)
        except BadRequestError as problem:
            return self.error(400, path, problem)

    def _call(self, call: str, recorded: Recorded) -> Answer:
        query = dict(parse_qsl(recorded.query))
        if call.lower() == "ping":
            return Answer(200, {"value": "Pong"})
        if found := _MANY.fullmatch(call):
            return self._many(_arguments(found["arguments"]), query, recorded)
        if found := _ONE.fullmatch(call):
            return self._one(_arguments(found["arguments"]), recorded)
        if found := _ASSET.fullmatch(call):
            asset = self._world.assets.get(_asset_number(found["id"]))
            return Answer(200, _described(asset, query)) if asset else self.error(404, recorded.path)
        if call.lower() == "assets":
            return self._assets(query, recorded)
        if call.lower() == "transactions":
            return self._page(transactions(self._world.operations, query), query, recorded)
        if is_search(call):
            return self._search(call, query)
        return self.error(404, recorded.path)

    def _event_queue(self, recorded: Recorded) -> Answer:
        if recorded.method != "POST" or not self.queue:
            return self.error(404, recorded.path)
        key = dict(parse_qsl(recorded.query)).get("eventRoutingKey", "#")
        body = {"QuorumQueueName": self.queue, "ExpirationDueToInactivity": "00:30:00", "RoutingKey": key}
        return Answer(200, body)

    def _search(self, call: str, query: dict[str, str]) -> Answer:
        rows = search(self._world.operations, call, query, self.search_form, newest_first=self.newest_first)
        if rows is None:
            raise BadRequestError("12001", "There were OData validation errors")
        return Answer(200, {"value": rows} if self.wrapped else rows)

    def _many(self, arguments: dict[str, list[str]], query: dict[str, str], recorded: Recorded) -> Answer:
        addresses, ids = arguments.get("addresses"), arguments.get("uniqueassetids")
        if not addresses or not ids:
            raise BadRequestError("12002", "Input binding failed")
        assets = [asset for one in ids if (asset := self._asset(one))]
        rows = [
            row for address in addresses for asset in assets if (row := self._row(address, asset, self.zero))
        ]
        spoiled = self._spoiled(rows, recorded)
        return self._page(spoiled, query, recorded) if isinstance(spoiled, list) else Answer(200, spoiled)

    def _one(self, arguments: dict[str, list[str]], recorded: Recorded) -> Answer:
        addresses, ids = arguments.get("address"), arguments.get("uniqueassetid")
        if not addresses or not ids:
            raise BadRequestError("12002", "Input binding failed")
        asset = self._asset(ids[0])
        row = self._row(addresses[0], asset, "zero") if asset else None
        rows = self._spoiled([row] if row else [], recorded)
        if not isinstance(rows, list):
            return Answer(200, rows)
        return Answer(200, rows[0]) if rows else self.error(404, recorded.path)

    def _spoiled(self, rows: Any, recorded: Recorded) -> Any:
        for fault in self._faults.content("teos", recorded.path):
            if fault.name not in {"endless-pages", "foreign-next"}:
                rows = spoiling.spoil_teos(rows, fault, self._faults)
        return rows

    def _assets(self, query: dict[str, str], recorded: Recorded) -> Answer:
        wanted = _QUOTED.findall(query.get("$filter", ""))
        found = {number: self._world.assets.get(number) for number in map(_asset_number, wanted)}
        chosen = found.values() if "$filter" in query else self._world.assets.values()
        return self._page([_described(asset, query) for asset in chosen if asset], query, recorded)

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str], recorded: Recorded) -> Answer:
        """One page. A bare array has no place for a link: it is cut."""
        skip = int(query.get("$skip", "0"))
        page = rows[skip : skip + self.page_size]
        if not self.wrapped:
            return Answer(200, page)
        body: dict[str, Any] = {
            "@odata.context": f"{self.url}/odata/v1.1/$metadata#Collection",
            "value": page,
        }
        more = skip + self.page_size if len(rows) > skip + self.page_size else None
        link = self._link(recorded, query, more)
        return Answer(200, {**body, "@odata.nextLink": link} if link else body)

    def _link(self, recorded: Recorded, query: dict[str, str], skip: int | None) -> str | None:
        host = self.url
        for fault in self._faults.content("teos", recorded.path):
            if fault.name == "endless-pages" and self._faults.strike(fault):
                skip = skip or 0
            elif fault.name == "foreign-next" and self._faults.strike(fault):
                skip, host = skip or 0, self.stranger
        if skip is None:
            return None
        path = recorded.path.removeprefix("/teos")
        return f"{host}{path}?{urlencode({**query, '$skip': skip}, safe='$', quote_via=quote)}"

    def _asset(self, text: str) -> TeosAsset | None:
        asset = self._world.assets.get(_asset_number(text))
        if asset is None and self.unknown_asset == "400":
            raise BadRequestError("21000", f"Asset with uinque Id '{text}' does not exist", "1001")
        return asset

    def _row(self, address: str, asset: TeosAsset, zero: str) -> dict[str, Any] | None:
        sparks = self._world.sparks.get((fold(address), int(asset.id_text, 16)), "0")
        if sparks == "0" and zero == "omit":
            return None
        return {"Address": fold(address), "UniqueAssetId": asset.id_text, "Amount": sparks}


def _arguments(text: str) -> dict[str, list[str]]:
    """`Addresses=['a','b'],UniqueAssetIds=['c']` as lists, names in lower case."""
    found: dict[str, list[str]] = {}
    end = 0
    while argument := _ARGUMENT.match(text, end):
        found[argument[1].lower()] = [one.replace("''", "'") for one in _QUOTED.findall(argument[2])]
        end = argument.end()
    if end != len(text):
        raise BadRequestError("12001", "There were OData validation errors")
    return found


def _asset_number(text: str) -> int:
    if not _HEX.fullmatch(text):
        raise BadRequestError("12002", "Input binding failed")
    return int(text, 16)


def _described(asset: TeosAsset, query: dict[str, str]) -> dict[str, Any]:
    full = {
        "Id": asset.id_text,
        "Name": asset.name,
        "SparkFactor": asset.spark_factor,
        "UnitOfMeasureCode": asset.unit or None,
        "CurrencyCode": asset.currency,
    }
    wanted = {name.strip().lower() for name in query.get("$select", "").split(",") if name.strip()}
    return {name: value for name, value in full.items() if not wanted or name.lower() in wanted}
