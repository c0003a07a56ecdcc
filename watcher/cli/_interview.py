"""The questions of `watcher init`: each answer is tried at once with the code that reads the files."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from watcher.cli._tables import fold, screen
from watcher.config.configuration import Configuration, configure
from watcher.config.starter import StarterDraft, drafted_files, key_variable
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.spelling import closest
from watcher.sources import KINDS
from watcher.sources.setup import Probe, SourceSetup

if TYPE_CHECKING:
    from watcher.hints.setup import HintDraft

CHANNEL = "WATCHER_OPS_URL"


class Terminal:
    """The dialogue with whoever sits at the terminal."""

    def say(self, text: str) -> None:
        typer.echo(text)

    def list(self, words: Collection[str]) -> None:
        typer.echo("\n".join(fold(", ".join(sorted(words)), screen().width)))

    def ask(self, question: str, default: str | None = None) -> str:
        return str(typer.prompt(question, default=default)).strip()

    def choose(self, question: str, options: Mapping[str, str], default: str) -> str:
        meanings = "; ".join(f"{word}: {meaning}" for word, meaning in options.items())
        if len(meanings) > (screen().width or len(meanings)):  # one a line
            typer.echo("\n".join(f"  {word}: {meaning}" for word, meaning in options.items()))
            meanings = ", ".join(options)
        while True:
            word = self.ask(f"{question} ({meanings})", default).lower()
            if word in options:
                return word
            meant = closest(word, options)
            hint = f"; did you mean '{meant}'?" if meant else ""
            typer.echo(f"  '{word[:40]}' is none of {', '.join(options)}{hint}")

    def agree(self, question: str) -> bool:
        return typer.confirm(question, default=True)

    def hidden(self, question: str) -> str:
        """An answer that is not shown while it is typed; it may be empty."""
        return str(typer.prompt(question, default="", show_default=False, hide_input=True)).strip()


class Interview:
    """Asks, and remembers the answers. `urls`: sources at another address than the usual one."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._secrets: dict[str, str] = {}
        self._stand_ins: dict[str, str] = {}
        """Variable → what its kind takes in place of one that is to be set later."""
        self._terminal = Terminal()

    def draft(self) -> StarterDraft:
        """All questions, in their order."""
        typer.echo("A few questions; Ctrl-C ends them and writes nothing.\n")
        draft = StarterDraft(urls=self._urls)
        setups = {name: setup for name, kind in KINDS.items() if (setup := kind.setup()) is not None}
        while not draft.wallets:
            for name, setup in setups.items():
                if typer.confirm(setup.offer, default=not draft.wallets):
                    draft = self._access(draft, name, setup)
            if not draft.wallets:
                typer.echo("There would be nothing to watch: choose at least one.\n")
        return self._channel(self._hints(draft))

    def secrets(self) -> dict[str, str]:
        """Variable → what was answered; what was left out is not in it."""
        return {name: value for name, value in self._secrets.items() if value}

    # Sources

    def _access(self, draft: StarterDraft, name: str, setup: SourceSetup) -> StarterDraft:
        """One source with its key, its limits and its first wallet, asked for until it is sound."""
        url = self._urls.get(name, setup.base_url)
        key, probe = self._key(key_variable(name), setup, url)
        draft = replace(draft, limits={**draft.limits, name: setup.limits(self._terminal, probe)})
        while True:
            wallet = setup.wallet(self._terminal, url, key)
            found = replace(draft, wallets=(*draft.wallets, wallet))
            wrong = self._mistakes(found)
            if not wrong:
                return found
            for line in wrong:
                typer.echo(f"  {line}")
            typer.echo("  Once more:")

    def _key(self, variable: str, setup: SourceSetup, url: str) -> tuple[str, Probe | None]:
        """The key, empty if it is to be set later, and what is known of it."""
        while key := self._secret(variable, f"{setup.title} API key"):
            if not self._terminal.agree(f"Check the key? ({setup.check_cost})"):
                break
            probe = asyncio.run(setup.probe(url, key))
            if self._told(probe):
                return key, probe
        return key, None

    def _told(self, probe: Probe) -> bool:
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
            value = self._terminal.hidden(f"{question} (not shown; empty: set {name} later)")
            if value.isprintable() and value.isascii() and "'" not in value:
                self._secrets[name] = value
                return value
            typer.echo("  That has a quote or a sign that no key has; try again.")

    # Hints

    def _hints(self, draft: StarterDraft) -> StarterDraft:
        """Who says that an account has just moved; asked until there is nobody more."""
        from watcher.hints import KINDS as HINT_KINDS

        wallets = self._configured(draft).settings.wallets
        accounts = [account for wallet in wallets for account in wallet.accounts]
        setups = {word: setup for word, kind in HINT_KINDS.items() if (setup := kind.setup(accounts))}
        if setups:
            typer.echo("Hints say which account has just moved: it is then read within seconds, not hours.")
        while setups:
            options = {"none": "the schedule alone", **{word: each.meaning for word, each in setups.items()}}
            if draft.hints:
                options["none"] = "that is all"
            word = self._terminal.choose("Hints from", options, "none")
            if word == "none":
                break
            entry = setups[word].draft(self._terminal, accounts)
            draft = self._hint_source(draft, word, entry, HINT_KINDS[word].stand_in)
        return draft

    def _hint_source(self, draft: StarterDraft, kind: str, entry: HintDraft, stand_in: str) -> StarterDraft:
        """One hint source with its secrets, if it is sound."""
        for variable, question in entry.secrets.items():
            self._secret(variable, question)
            self._stand_ins[variable] = stand_in
        found = replace(draft, hints=(*draft.hints, (kind, entry)))
        wrong = self._mistakes(found)
        for line in wrong:
            typer.echo(f"  {line}")
        if not wrong:
            return found
        for variable in entry.secrets:
            self._secrets.pop(variable, None)
        return draft

    # Channel

    def _channel(self, draft: StarterDraft) -> StarterDraft:
        question = "Apprise URL of a channel, as slack://… or mailtos://… (empty: this terminal)"
        while True:
            url = self._terminal.hidden(f"{question}, not shown")
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
        try:
            warnings = self._configured(draft).warnings
        except ConfigurationError as error:
            return [f"{each.what}; {each.remedy}" if each.remedy else each.what for each in error.problems]
        address = draft.wallets[-1].address if draft.wallets else "\n"
        return [each.partition(": ")[2] for each in warnings if address in each]

    def _configured(self, draft: StarterDraft) -> Configuration:
        """The configuration that these answers make. ConfigurationError says what is wrong with it."""
        env = {name: value or self._stand_ins.get(name, "set-later") for name, value in self._secrets.items()}
        with tempfile.TemporaryDirectory(prefix="watcher-init-") as folder:
            for name, text in drafted_files(draft).items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return configure(Path(folder) / "watcher.yaml", env, channels=True)
