"""Setup of TEOS: its questions in `watcher init`, and its check of a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from watcher.ports.dialogue import Dialogue
from watcher.sources.http import HttpFailure, get_once
from watcher.sources.setup import Probe, SourceSetup, failed, words_of
from watcher.sources.teos import BASE_URL, VERSION


class TeosSetup(SourceSetup):
    """Questions about the assets to watch: TEOS lists none."""

    source = "teos"
    key = "assets"
    every = "1m"
    purposes: ClassVar = {"issued": "an asset that is issued: each movement is told"}
    title = "TEOS"
    offer = "Watch tokenised assets on CoreLedger TEOS?"
    base_url = BASE_URL
    check_cost = "it is one call of the 300 a minute; TEOS sells no credits"

    async def probe(self, base_url: str, key: str) -> Probe:
        """`GET /odata/v…/Ping`: 200, or 401 for a key that is not valid (TEOS docs)."""
        url = f"{base_url}/odata/v{VERSION}/Ping"
        answer = await get_once(url, {"Authorization": f"Bearer {key}"}, key)
        if isinstance(answer, HttpFailure):
            return failed(answer)
        return Probe(sound=True, refused=False, text="TEOS takes it")

    def limits(self, dialogue: Dialogue, probe: Probe | None) -> str:  # noqa: ARG002
        return self.limit(None)

    def limit(self, count: int | None) -> str:  # noqa: ARG002
        return "limits: {per_minute: 300, per_day: 30000}"

    def what(self, dialogue: Dialogue, base_url: str, key: str, usual: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG002
        asked = "UniqueAssetIds to watch, with commas between (0x…)"
        return words_of(dialogue.ask(asked, ", ".join(usual) or None))
