"""The questions of `watcher init`: each answer is tried at once with the code that reads the files."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer
import tzlocal

from watcher.cli._drafting import CHANNEL, Trial, said
from watcher.cli._tables import fold, screen
from watcher.config.starter import ChannelDraft, StarterDraft, key_variable
from watcher.config.wishes import WISHES
from watcher.domain.records import replace
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.formatting import counted
from watcher.domain.values.spelling import closest
from watcher.sources import KINDS
from watcher.sources.setup import Probe, SourceSetup

if TYPE_CHECKING:
    from watcher.analysis.wallet_import import WalletImport
    from watcher.hints.setup import HintDraft

SHOWN = 10
"""Mistakes that are shown of a file."""
_HOURS = re.compile(r"([0-9]{1,2}:[0-9]{2}) ?[-–] ?([0-9]{1,2}:[0-9]{2})")


class Terminal:
    """The dialogue with whoever sits at the terminal."""

    def say(self, text: str) -> None:
        typer.echo(text)

    def list(self, words: Collection[str]) -> None:
        typer.echo("\n".join(fold(", ".join(sorted(words)), screen().width)))

    def ask(self, question: str, default: str | None = None) -> str:
        return str(typer.prompt(question, default=default, show_default=bool(default))).strip()

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
        while not draft.limits:
            for name, setup in setups.items():
                if typer.confirm(setup.offer, default=not draft.limits):
                    draft = self._access(draft, name, setup)
            if not draft.limits:
                typer.echo("There would be nothing to watch: choose at least one.\n")
        for line in self._trial(draft).cost():
            typer.echo(f"  {line}")
        return self._channel(self._display(self._wishes(self._hints(draft))))

    def secrets(self) -> dict[str, str]:
        """Variable → what was answered; what was left out is not in it."""
        return {name: value for name, value in self._secrets.items() if value}

    def _trial(self, draft: StarterDraft) -> Trial:
        return Trial(draft, self._secrets, self._stand_ins)

    # Sources and wallets

    def _access(self, draft: StarterDraft, name: str, setup: SourceSetup) -> StarterDraft:
        """One source with its key, its limits and its wallets."""
        url = self._urls.get(name, setup.base_url)
        key, probe = self._key(key_variable(name), setup, url)
        draft = replace(draft, limits={**draft.limits, name: setup.limits(self._terminal, probe)})
        draft = self._wallet(draft, setup, url, key)
        while typer.confirm(f"Another wallet on {setup.title}?", default=False):
            draft = self._wallet(draft, setup, url, key)
        return draft

    def _wallet(self, draft: StarterDraft, setup: SourceSetup, url: str, key: str) -> StarterDraft:
        """One more wallet or file of wallets, asked for until it is sound; what was answered stands there."""
        number = len(draft.wallets) + len(draft.tables) + 1
        address: str | None = None
        name, what = "treasury" if number == 1 else f"wallet-{number}", tuple[str, ...]()
        purpose = next(iter(setup.purposes))
        while True:
            address = self._terminal.ask("Address, or a CSV file of many", address)
            if Path(address).suffix.lower() in (".csv", ".tsv", ".txt"):
                path = Path(os.path.expanduser(address))  # noqa: PTH111  # an unknown ~user stays as it is
                found = self._table(draft, setup, url, key, path)
            else:
                name = self._terminal.ask("A name for it", name)
                purpose = self._purpose(setup, purpose)
                what = setup.what(self._terminal, url, key, what)
                wallet = setup.draft(name, address, what, purpose)
                found = replace(draft, wallets=(*draft.wallets, wallet))
            wrong = self._trial(found).mistakes() if found is not None else []
            if found is not None and not wrong:
                return found
            for line in wrong:
                typer.echo(f"  {line}")
            typer.echo("  Once more; Enter keeps an answer:")

    def _purpose(self, setup: SourceSetup, usual: str) -> str:
        if len(setup.purposes) == 1:
            return usual
        return self._terminal.choose("What it is", setup.purposes, usual)

    def _table(
        self, draft: StarterDraft, setup: SourceSetup, url: str, key: str, path: Path
    ) -> StarterDraft | None:
        """Wallets of a file of another program; None if it has mistakes, which are told."""
        if not path.is_file():
            typer.echo(f"  {path}: there is no such file")
            return None
        tag = self._purpose(setup, next(iter(setup.purposes)))
        chains = setup.what(self._terminal, url, key, ()) if setup.key == "chains" else ()
        trial = self._trial(draft)
        try:
            found = trial.read_table(path, setup.source, chains, tag)
        except ConfigurationError as error:
            typer.echo("\n".join(f"  {said(each)}" for each in error.problems))
            return None
        self._told_table(found)
        return trial.with_table(found, tag) if found.wallets and not found.problems else None

    def _told_table(self, found: WalletImport) -> None:
        for each in found.problems[:SHOWN]:
            typer.echo(f"  {each}")
        if len(found.problems) > SHOWN:
            typer.echo(f"  … {counted(len(found.problems), 'mistake')} in all")
        if not found.problems:
            typer.echo(f"  {counted(len(found.wallets), 'wallet')} in {found.path}")

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

        wallets = self._trial(draft).configured().settings.wallets
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
        wrong = self._trial(found).mistakes()
        for line in wrong:
            typer.echo(f"  {line}")
        if not wrong:
            return found
        for variable in entry.secrets:
            self._secrets.pop(variable, None)
        return draft

    # Rules

    def _wishes(self, draft: StarterDraft) -> StarterDraft:
        """What somebody wants to know: all that the packs tell of such wallets, or less."""
        wishes = [
            (purpose, rule, text) for purpose in draft.purposes for rule, text in WISHES[purpose].items()
        ]
        typer.echo("I want to know when …")
        for number, (purpose, _, text) in enumerate(wishes, 1):
            typer.echo(f"  {number:2}  {purpose}: {text}")

        def chosen(answer: str) -> StarterDraft | str:
            words = answer.replace(",", " ").split()
            wrong = [word for word in words if not (word.isascii() and word.isdecimal())]
            wrong += [word for word in words if word not in wrong and not 0 < int(word) <= len(wishes)]
            if wrong:
                return f"'{wrong[0][:40]}' is no number from 1 to {len(wishes)}"
            return replace(draft, unwanted=frozenset(wishes[int(word) - 1][1] for word in words))

        return self._until_sound(
            "Numbers to leave out, with commas between (none: tell me all of it)", chosen
        )

    def _until_sound(
        self, question: str, chosen: Callable[[str], StarterDraft | str], default: str = ""
    ) -> StarterDraft:
        """Ask until the answer makes a draft that is sound. `chosen` gives the draft, or what is wrong."""
        while True:
            found = chosen(self._terminal.ask(question, default))
            wrong = [found] if isinstance(found, str) else self._trial(found).mistakes()
            if not wrong and not isinstance(found, str):
                return found
            typer.echo(f"  {wrong[0]}")

    # People

    def _display(self, draft: StarterDraft) -> StarterDraft:
        """In whose time and money people are told."""
        zone = tzlocal.get_localzone_name() or "UTC"
        draft = self._until_sound("Time zone of messages", lambda text: replace(draft, timezone=text), zone)
        if not any(KINDS[source].tells_rates for source in draft.limits):
            return draft
        asked = "Currency beside US dollars, as in CHF (none: dollars alone)"
        kept = draft
        return self._until_sound(asked, lambda text: replace(kept, currency=text.upper()))

    def _channel(self, draft: StarterDraft) -> StarterDraft:
        """Who is told: asked until it is sound, and takes a test message if one is wanted."""
        question = "Apprise URL of a channel, as slack://… or mailtos://… (empty: this terminal)"
        while True:
            url = self._terminal.hidden(f"{question}, not shown")
            if not url:
                return draft
            if "'" in url or not url.isprintable():
                typer.echo("  That has a quote or an invisible sign; write it percent-encoded.")
                continue
            self._secrets[CHANNEL] = url
            found = replace(draft, channel=ChannelDraft(CHANNEL))
            wrong = self._trial(found).mistakes()
            for line in wrong[:1]:
                typer.echo(f"  {line}")
            if not wrong and (not self._terminal.agree("Send a test message?") or self._reached(found)):
                return self._quiet(found)
            del self._secrets[CHANNEL]

    def _reached(self, draft: StarterDraft) -> bool:
        if self._trial(draft).told():
            return True
        return typer.confirm("Keep it all the same?", default=False)

    def _quiet(self, draft: StarterDraft) -> StarterDraft:
        def chosen(answer: str) -> StarterDraft | str:
            if not answer:
                return draft
            found = _HOURS.fullmatch(answer)
            if found is None:
                return f"'{answer[:40]}' is no time span; write it as in 22:00-07:00"
            begin, end = (f"{time:0>5}" for time in found.groups())
            return replace(draft, channel=ChannelDraft(CHANNEL, (begin, end)))

        return self._until_sound(
            "Quiet hours, in which only critical alerts ring, as in 22:00-07:00 (none)", chosen
        )
