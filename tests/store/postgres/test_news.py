"""News of what other members owe: whoever tells is woken for it."""

from __future__ import annotations

from tests.store.postgres.given import opened


async def test_what_was_owed_before_the_first_look_is_news(database: str) -> None:
    """Who tells begins before anybody looks for news, and may have found nothing then."""
    async with opened(database) as store:
        assert await store.others_wrote()
        assert not await store.others_wrote()
