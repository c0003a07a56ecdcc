"""A reply for a request that failed by a fault of ours, and what the log says of replies."""

from __future__ import annotations

import logging

from watcher.domain.model import Miss, MissReason
from watcher.ports.source import Reply, Request

log = logging.getLogger(__name__)


def broken(request: Request, error: Exception) -> Reply:
    """A miss for each account that was asked for."""
    detail = type(error).__name__
    misses = tuple(Miss(account, MissReason.INTERNAL, detail) for account in request.accounts)
    return Reply(misses, failure=f"internal error: {detail}")


def report(source: str, reply: Reply) -> None:
    """Say what was not read, and what was odd about the rest. That a whole request failed is one line."""
    each = logging.DEBUG if reply.failure else logging.INFO
    missed = [outcome for outcome in reply.outcomes if isinstance(outcome, Miss)]
    if missed and reply.failure:
        log.info(
            "%s: %d of %d accounts not read: %s", source, len(missed), len(reply.outcomes), reply.failure
        )
    for miss in missed:
        log.log(each, "%s: %s on %s not read: %s", source, miss.account.address, miss.account.chain, miss)
    for outcome in reply.outcomes:
        if isinstance(outcome, Miss):
            continue
        for note in outcome.notes:
            log.info("%s: %s: %s", source, outcome.account.address, note)
        for asset, why in outcome.unclear.items():
            name = outcome.symbols.get(asset, asset.token)
            log.info("%s: %s: %s on %s: %s", source, outcome.account.address, name, asset.chain, why)
