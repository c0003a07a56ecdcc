"""Drafts of `watcher init`: held against the code that reads the files, priced, and tried at the channel."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from watcher.analysis.plan import Supposed, misfit
from watcher.analysis.wallet_import import ImportWishes, WalletImport, read_import
from watcher.cli.plan import headline, plans_of
from watcher.config.configuration import Configuration, configure
from watcher.config.document import NO_KEYS, Document, Node
from watcher.config.settings import read_settings
from watcher.config.starter import StarterDraft, TableDraft, drafted_files
from watcher.domain.records import Record, field, replace
from watcher.domain.values.errors import ConfigurationError, Problem

CHANNEL = "WATCHER_OPS_URL"
"""The variable that holds the URL of the channel."""
NO_CHANNEL = "json://127.0.0.1"
"""Stands in for a URL that is not there yet: it is one that apprise takes."""


class Trial(Record, frozen=True):
    """Draft on trial, with what its variables hold. `stand_ins`: what its kind takes where one is empty."""

    draft: StarterDraft
    env: Mapping[str, str]
    stand_ins: Mapping[str, str] = field(default_factory=dict)

    def configured(self) -> Configuration:
        """The configuration that these answers make. ConfigurationError says what is wrong with it."""
        with self._written() as path:
            return configure(path, self._filled(), channels=True)

    def mistakes(self) -> list[str]:
        """What `watcher check` would say of these answers, were all keys there."""
        try:
            warnings = self.configured().warnings
        except ConfigurationError as error:
            return [said(each) for each in error.problems]
        address = self.draft.wallets[-1].address if self.draft.wallets else "\n"
        return [each.partition(": ")[2] for each in warnings if address in each]

    def cost(self) -> list[str]:
        """What these wallets will cost, how soon a change is seen, and what cannot fit."""
        lines = []
        for plan in plans_of(self.configured().settings, Supposed(), None):
            lines += headline(plan)[:2]
            lines += misfit(plan)
        return lines

    def read_table(self, path: Path, source: str, chains: tuple[str, ...], tag: str) -> WalletImport:
        """Wallets of a CSV file; each is one that the configuration takes, or there are problems."""
        with self._written() as there:
            nothing = Document(path, Node(1, 0, [], "", NO_KEYS))
            before = read_settings(there, self._filled(), secrets=False, more=nothing)
            if before.settings is None:
                raise ConfigurationError(before.problems)
            found = read_import(path, before.settings, ImportWishes(source, chains, (tag,)))
            if found.wallets and not found.problems:
                found.problems += read_settings(there, self._filled(), more=found.entries()).problems
            return found

    def with_table(self, found: WalletImport, tag: str) -> StarterDraft:
        """The draft with these wallets in a file of their own."""
        number = len(self.draft.tables)
        table = TableDraft(f"wallets{number + 1 if number else ''}.csv", found.text(), tag, found.source)
        return replace(self.draft, tables=(*self.draft.tables, table))

    def told(self) -> bool:
        """Send a test message to the channel and say what came of it; whether it was taken."""
        from watcher.cli.send_test import send_tests

        return asyncio.run(send_tests(self.configured(), "ops", json=False)) == 0

    def _filled(self) -> dict[str, str]:
        draft = self.draft
        needed = {draft.variable(source): "set-later" for source in draft.limits}
        if draft.channel is not None:
            needed[draft.channel.variable] = NO_CHANNEL
        filled = {**needed, **self.stand_ins}
        return {**filled, **{name: value for name, value in self.env.items() if value}}

    @contextmanager
    def _written(self) -> Iterator[Path]:
        """The files of the draft in a folder that is gone afterwards; the path of its watcher.yaml."""
        with tempfile.TemporaryDirectory(prefix="watcher-init-") as folder:
            for name, text in drafted_files(self.draft).items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            yield Path(folder) / "watcher.yaml"


def said(problem: Problem) -> str:
    """A mistake without its place, which is in a folder that nobody has seen."""
    text = f"{problem.what}; {problem.remedy}" if problem.remedy else problem.what
    return text.replace(f"{Path(problem.place.file).parent}/", "")
