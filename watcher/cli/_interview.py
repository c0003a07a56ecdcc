"""The questions of `watcher init`: each answer is tried at once with the code that reads the files."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import typer

from watcher.cli._tables import fold, screen
from watcher.config.configuration import configure
from watcher.config.starter import DraftWallet, StarterDraft, drafted_files
from watcher.domain.values.chains import KNOWN, meant, stranger
from watcher.domain.values.decimals import count_in
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.spelling import nearest
from watcher.sources.coinstats import probe as probing

COINSTATS_URL, TEOS_URL = "https://openapiv1.coinstats.app", "https://teosapi.coreledger.net"
TEOS_VERSION = "1.0"
CHANNEL = "WATCHER_OPS_URL"
KINDS = {
    "treasury": "money that should seldom move",
    "hot": "money that moves all day",
    "gas": "pays fees, must not run dry",
}
"""What a wallet is for, which is its tag and its pack of rules."""


class Interview:
    """Asks, and remembers the answers. `urls`: sources at another address than the usual one."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._secrets: dict[str, str] = {}
        self._credits = 20_000

    def draft(self) -> StarterDraft:
        """All questions, in their order."""
        typer.echo("A few questions; Ctrl-C ends them and writes nothing.\n")
        draft = StarterDraft((), urls=tuple(self._urls.items()))
        while not draft.wallets:
            if typer.confirm("Watch wallets on CoinStats (some 150 chains, paid in credits)?", default=True):
                self._coinstats_key()
                draft = self._sound_wallet(replace(draft, credits=self._credits), self._coinstats_wallet)
            if typer.confirm("Watch tokenised assets on CoreLedger TEOS?", default=not draft.wallets):
                self._teos_key()
                draft = self._sound_wallet(draft, self._teos_wallet)
            if not draft.wallets:
                typer.echo("There would be nothing to watch: choose at least one.\n")
        return self._channel(draft)

    def secrets(self) -> dict[str, str]:
        """Variable → what was answered; what was left out is not in it."""
        return {name: value for name, value in self._secrets.items() if value}

    # Keys

    def _coinstats_key(self) -> None:
        url = self._urls.get("coinstats", COINSTATS_URL)
        while key := self._secret("COINSTATS_API_KEY", "CoinStats API key"):
            if not self._agreed("Check the key?", probing.COINSTATS_CHECK_COSTS, default=True):
                break
            probe = asyncio.run(probing.probe_coinstats(url, key))
            if self._told(probe):
                if probe.usage is not None:
                    self._credits = probe.usage.total
                break
        self._credits = self._count("Credits a month in your plan", self._credits)

    @staticmethod
    def _count(question: str, default: int) -> int:
        while True:
            text = str(typer.prompt(question, default=str(default)))
            try:
                count = count_in(text)
            except ValueError as error:
                typer.echo(f"  That {error}.")
                continue
            if count > 0:
                return count
            typer.echo("  That must be more than nothing; the plan's page in your CoinStats account says it.")

    def _teos_key(self) -> None:
        url = self._urls.get("teos", TEOS_URL)
        while key := self._secret("TEOS_API_KEY", "TEOS API key"):
            if not self._agreed("Check the key?", probing.TEOS_CHECK_COSTS, default=True):
                break
            if self._told(asyncio.run(probing.probe_teos(url, TEOS_VERSION, key))):
                break

    def _told(self, probe: probing.Probe) -> bool:
        """Say what came of it; False if another key is wanted."""
        if probe.sound:
            typer.echo(f"  The key works: {probe.text}.")
        elif probe.refused:
            typer.echo(f"  The key was refused: {probe.text}. Another one, or nothing to set it later.")
        else:
            typer.echo(f"  It could not be checked ({probe.text}); it is kept as it is.")
        return not probe.refused

    def _secret(self, name: str, question: str) -> str:
        """Not shown while it is typed; empty: to be set later."""
        while True:
            asked = f"{question} (not shown; empty: set {name} later)"
            value = str(typer.prompt(asked, default="", show_default=False, hide_input=True)).strip()
            if value.isprintable() and value.isascii() and "'" not in value:
                self._secrets[name] = value
                return value
            typer.echo("  That has a quote or a sign that no key has; try again.")

    @staticmethod
    def _agreed(question: str, cost: str, *, default: bool) -> bool:
        return typer.confirm(f"{question} ({cost})", default=default)

    # Wallets

    def _sound_wallet(self, draft: StarterDraft, ask: Callable[[], DraftWallet]) -> StarterDraft:
        """Ask until the configuration takes the wallet."""
        while True:
            found = replace(draft, wallets=(*draft.wallets, ask()))
            wrong = self._mistakes(found)
            if not wrong:
                return found
            for line in wrong:
                typer.echo(f"  {line}")
            typer.echo("  Once more:")

    def _coinstats_wallet(self) -> DraftWallet:
        name = typer.prompt("Name of the first wallet", default="treasury")
        words = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
        while True:
            kind = str(typer.prompt(f"What it is ({words})", default="treasury")).strip().lower()
            if kind in KINDS:
                break
            typer.echo(f"  '{kind[:40]}' is none of {', '.join(KINDS)}; {nearest(kind, KINDS)}")
        address = typer.prompt("Address")
        return DraftWallet(name, "coinstats", str(address).strip(), self._chains(), kind)

    def _chains(self) -> tuple[str, ...]:
        """Chain ids; `?` lists them, and then they are known and held against the answer."""
        known: Mapping[str, str] = {}
        while True:
            asked = "Chains, with commas between (? lists them)"
            chains = _words(typer.prompt(asked, default="ethereum"))
            unknown = [chain for chain in chains if known and chain not in {*known, "all", "forceall"}]
            if chains == ("?",):
                known = self._list_chains() or known
            elif unknown:
                typer.echo(f"  there is no chain '{unknown[0]}'; {nearest(unknown[0], known)}")
            elif strange := [chain for chain in chains if not known and chain not in KNOWN and meant(chain)]:
                typer.echo(f"  {stranger(strange[0])}")
            elif chains:
                return chains

    def _list_chains(self) -> Mapping[str, str]:
        key = self._secrets.get("COINSTATS_API_KEY", "")
        if not key:
            typer.echo("  Only with a key; common ones: ethereum, base-wallet, bitcoin, solana.")
            return {}
        if not self._agreed("List the chains?", probing.COINSTATS_CHAINS_COST, default=True):
            return {}
        found = asyncio.run(probing.coinstats_chains(self._urls.get("coinstats", COINSTATS_URL), key))
        if isinstance(found, str):
            typer.echo(f"  They cannot be listed: {found}")
            return {}
        typer.echo("\n".join(fold(", ".join(sorted(found)), screen().width)))
        return found

    def _teos_wallet(self) -> DraftWallet:
        name = typer.prompt("Name of the first TEOS wallet", default="desk")
        address = str(typer.prompt("Address")).strip()
        assets = _words(typer.prompt("UniqueAssetIds to watch, with commas between (0x…)"))
        return DraftWallet(name, "teos", address, assets, "issued")

    # Channel

    def _channel(self, draft: StarterDraft) -> StarterDraft:
        question = "Apprise URL of a channel, as slack://… or mailtos://… (empty: this terminal)"
        while True:
            asked = f"{question}, not shown"
            url = str(typer.prompt(asked, default="", show_default=False, hide_input=True)).strip()
            if not url:
                return draft
            if "'" in url or not url.isprintable():
                typer.echo("  That has a quote or an invisible sign; write it percent-encoded.")
                continue
            self._secrets[CHANNEL] = url
            found = replace(draft, channel=True)
            wrong = self._mistakes(found)
            if not wrong:
                return found
            del self._secrets[CHANNEL]
            typer.echo(f"  {wrong[0]}")

    def _mistakes(self, draft: StarterDraft) -> list[str]:
        """What `watcher check` would say of these answers, were all keys there."""
        env = {name: value or "set-later" for name, value in self._secrets.items()}
        with tempfile.TemporaryDirectory(prefix="watcher-init-") as folder:
            for name, text in drafted_files(draft).items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            try:
                warnings = configure(Path(folder) / "watcher.yaml", env, telling=True).warnings
                address = draft.wallets[-1].address if draft.wallets else "\n"
                return [each.partition(": ")[2] for each in warnings if address in each]
            except ConfigurationError as error:
                return [
                    f"{each.what}; {each.remedy}" if each.remedy else each.what for each in error.problems
                ]


def _words(text: object) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in str(text).split(",")) if word)
