"""Setup of TEOS: its questions in `watcher init`."""

from __future__ import annotations

from watcher.sources.setup import Dialogue, Probe, SourceSetup, WalletDraft, words_of
from watcher.sources.teos.probe import CHECK_COST, probe
from watcher.sources.teos.urls import BASE_URL, VERSION


class TeosSetup(SourceSetup):
    """Questions about the assets to watch: TEOS lists none."""

    title = "TEOS"
    offer = "Watch tokenised assets on CoreLedger TEOS?"
    base_url = BASE_URL
    check_cost = CHECK_COST

    async def probe(self, base_url: str, key: str) -> Probe:
        return await probe(base_url, VERSION, key)

    def limits(self, dialogue: Dialogue, probe: Probe | None) -> str:  # noqa: ARG002
        return "limits: {per_minute: 300, per_day: 30000}"

    def wallet(self, dialogue: Dialogue, base_url: str, key: str) -> WalletDraft:  # noqa: ARG002
        name = dialogue.ask("Name of the first TEOS wallet", "desk")
        address = dialogue.ask("Address")
        assets = words_of(dialogue.ask("UniqueAssetIds to watch, with commas between (0x…)"))
        return WalletDraft("teos", name, address, ("assets", assets), "issued", "1m")
