"""Answers of `watcher init --answers FILE`: what the interview asks for, written down for scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from watcher.cli._drafting import CHANNEL, Trial, said
from watcher.config.problems import checked
from watcher.config.starter import ChannelDraft, StarterDraft, key_variable
from watcher.config.wishes import WISHES
from watcher.config.yaml_reader import read_document
from watcher.domain.records import replace
from watcher.domain.values.decimals import count_in
from watcher.domain.values.errors import ConfigurationError
from watcher.domain.values.spelling import nearest
from watcher.notify.kind import Clock
from watcher.sources import KINDS
from watcher.sources.setup import SourceSetup

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _count(value: object) -> object:
    return count_in(value) if isinstance(value, str) else value


class _Answers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SourceAnswers(_Answers):
    """Access to one API."""

    key: str = ""
    """The API key, or `${VAR}`. It goes into a file in credentials/; empty: you set it later."""
    credits: Annotated[int, BeforeValidator(_count, json_schema_input_type=int | str), Field(gt=0)] | None = (
        None
    )
    """Credits a month in your plan, as in 20000, 20k or 2M."""
    url: str = ""
    """Another address of the API."""


class WalletAnswers(_Answers):
    """One wallet, or a CSV file of many."""

    source: str
    """The API that reads it: coinstats or teos."""
    purpose: Annotated[str, Field(alias="for")]
    """What it is for, which decides its rules: treasury, hot, gas; at TEOS issued."""
    name: str = ""
    """Name in messages and rules; left out: what it is for, and a number."""
    address: str = ""
    """Its address, in quotes."""
    file: str = ""
    """A CSV file of another program, as `watcher import wallets` takes it. Seen from the folder of the
    answers."""
    chains: tuple[str, ...] = ()
    """CoinStats only: ids of the chains, as in `[ethereum, base-wallet]`."""
    assets: tuple[str, ...] = ()
    """TEOS only: UniqueAssetIds of the assets to watch."""


class QuietAnswers(_Answers):
    """When only what is critical rings."""

    from_: Annotated[Clock, Field(alias="from")]
    """Time of day at which it begins, in quotes."""
    to: Clock
    """Time of day at which it ends, in quotes."""


class ChannelAnswers(_Answers):
    """Who is told."""

    url: str
    """An apprise URL, or `${VAR}`."""
    quiet: QuietAnswers | None = None
    """Hours in which only what is critical is told."""
    test: bool = False
    """Send a test message before anything is written."""


class InitAnswers(_Answers):
    """Answers to all questions of `watcher init`."""

    sources: dict[str, SourceAnswers]
    """Access to coinstats, to teos, or to both."""
    wallets: tuple[WalletAnswers, ...]
    """What is to be watched."""
    leave_out: tuple[str, ...] = ()
    """Ids of rules that you do not want; all rules for the purposes of your wallets are written."""
    timezone: str = ""
    """IANA name of the zone in which messages tell times, as in Europe/Zurich."""
    currency: str = ""
    """Code of a currency that stands beside US dollars, as in CHF."""
    channel: ChannelAnswers | None = None
    """Who is told; left out: the terminal."""


class AnswersFile:
    """File of answers. ConfigurationError, with every mistake at its place, unless all are sound."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self._document = read_document(path)
        self._document.page = "init-answers"
        self._env = env
        self._secrets: dict[str, str] = {}
        answers = None if self._document.problems else checked(self._document, (), InitAnswers)
        if answers is None:
            raise ConfigurationError(self._document.in_order())
        self._answers = answers

    def secrets(self) -> dict[str, str]:
        """Variable → what stood in the file; what the environment is to hold is not in it."""
        return dict(self._secrets)

    def trial(self, draft: StarterDraft) -> Trial:
        return Trial(draft, {**self._env, **self._secrets})

    def draft(self) -> StarterDraft:
        """What they come to; a test message was taken if one is wanted."""
        answers = self._answers
        draft = StarterDraft(
            limits={
                name: self._limit(name) for name in answers.sources if self._setup(("sources", name), name)
            },
            keys={
                name: self._variable(("sources", name, "key"), each.key, key_variable(name))
                for name, each in answers.sources.items()
            },
            urls={name: each.url for name, each in answers.sources.items() if each.url},
            unwanted=frozenset(answers.leave_out),
            timezone=answers.timezone,
            currency=answers.currency,
            channel=self._channel(),
        )
        for index, wallet in enumerate(answers.wallets):
            draft = self._wallet(draft, index, wallet)
        known = [rule for purpose in draft.purposes for rule in WISHES[purpose]]
        for index, rule in enumerate(answers.leave_out):
            if rule not in known:
                self._document.report(
                    ("leave_out", index), f"there is no rule '{rule}'", nearest(rule, known)
                )
        self._stop()
        if wrong := self.trial(draft).mistakes():
            for each in wrong:
                self._document.report((), each)
            self._stop()
        if answers.channel is not None and answers.channel.test:
            self._test(draft)
        self._stop()
        return draft

    def _test(self, draft: StarterDraft) -> None:
        trial, loc = self.trial(draft), ("channel", "url")
        if draft.channel is not None and not trial.env.get(draft.channel.variable):
            what = f"there is no URL to send a test message to: {draft.channel.variable} is not set"
            self._document.report(loc, what, "set it in the environment, or write 'test: false'")
        elif not trial.told():
            self._document.report(loc, "the test message was not taken", "nothing was written")

    def _stop(self) -> None:
        if self._document.problems:
            raise ConfigurationError(self._document.in_order())

    def _setup(self, loc: tuple[str | int, ...], name: str) -> SourceSetup | None:
        setups = {each: setup for each, kind in KINDS.items() if (setup := kind.setup()) is not None}
        if name not in setups:
            self._document.report(loc, f"there is no source '{name}'", nearest(name, setups))
        return setups.get(name)

    def _limit(self, name: str) -> str:
        setup = self._setup(("sources", name), name)
        return setup.limit(self._answers.sources[name].credits) if setup is not None else ""

    def _variable(self, loc: tuple[str, ...], text: str, usual: str) -> str:
        """The variable that an answer names; a secret itself is kept under the usual one."""
        if found := _VARIABLE.fullmatch(text):
            return found[1]
        if "${" in text:
            what = "a secret is a ${VARIABLE} as a whole, or has none in it"
            self._document.report(loc, what, "put all of it into the variable")
        elif text:
            self._secrets[usual] = text
        return usual

    def _channel(self) -> ChannelDraft | None:
        channel = self._answers.channel
        if channel is None:
            return None
        quiet = None if channel.quiet is None else (channel.quiet.from_, channel.quiet.to)
        return ChannelDraft(self._variable(("channel", "url"), channel.url, CHANNEL), quiet)

    def _wallet(self, draft: StarterDraft, index: int, wallet: WalletAnswers) -> StarterDraft:
        loc = ("wallets", index)
        if wallet.source not in self._answers.sources:
            what = f"there is no source '{wallet.source}' among the answers"
            self._document.report((*loc, "source"), what, nearest(wallet.source, self._answers.sources))
            return draft
        setup = self._setup((*loc, "source"), wallet.source)
        if setup is None:
            return draft
        if wallet.purpose not in setup.purposes:
            what = f"'{wallet.purpose}' is nothing that a wallet is for"
            self._document.report((*loc, "for"), what, nearest(wallet.purpose, setup.purposes))
            return draft
        if bool(wallet.file) == bool(wallet.address):
            self._document.report(loc, "a wallet has an 'address', or a 'file' of many", "write one of them")
            return draft
        if wallet.file:
            return self._table(draft, loc, wallet)
        watched = wallet.chains if setup.key == "chains" else wallet.assets
        if not watched:
            self._document.report(loc, f"'{setup.key}' is missing", f"write {setup.key}: [...]")
        name = wallet.name or f"{wallet.purpose}-{index + 1}"
        return replace(
            draft, wallets=(*draft.wallets, setup.draft(name, wallet.address, watched, wallet.purpose))
        )

    def _table(self, draft: StarterDraft, loc: tuple[str | int, ...], wallet: WalletAnswers) -> StarterDraft:
        path = self._document.path.parent / wallet.file
        if not path.is_file():
            self._document.report((*loc, "file"), f"there is no file {path}", "it is seen from the answers")
            return draft
        trial = self.trial(draft)
        try:
            found = trial.read_table(path, wallet.source, wallet.chains, wallet.purpose)
        except ConfigurationError as error:
            for each in dict.fromkeys(map(said, error.problems)):
                self._document.report(loc, each)
            return draft
        self._document.problems += found.problems
        if not (found.wallets or found.problems):
            self._document.report((*loc, "file"), "all its wallets stand before it", "leave this entry out")
            return draft
        return trial.with_table(found, wallet.purpose)
