"""Rule test files → tests, or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from watcher.analysis.ruletest.models import RuleTest, Series, TestFile, TestWallet, sweeps
from watcher.analysis.ruletest.series import MOST
from watcher.config.document import Document, Loc
from watcher.config.problems import checked
from watcher.config.rule_files import load_rules
from watcher.config.starter import PACKS
from watcher.config.yaml_reader import read_document
from watcher.domain.records import Record
from watcher.domain.rules import Rule
from watcher.domain.values.errors import ConfigurationError, InputError, Problem
from watcher.domain.values.spelling import nearest
from watcher.system.files import matching

BUILT_IN = "watcher."
"""How the ids of built-in notices begin."""

EVERYONE = "everyone"
"""The channel of rules that tell every channel, in tests that name none."""


class TestCase(Record, frozen=True):
    """One test with the wallets that it may name, and the line in which it begins."""

    test: RuleTest
    wallets: Mapping[str, TestWallet]
    line: int


class TestSuite(Record, frozen=True):
    """The tests of one file, and the rules that they are about."""

    path: Path
    rules: tuple[Rule, ...]
    channels: tuple[str, ...]
    cases: tuple[TestCase, ...]


def load_suites(paths: Sequence[Path]) -> list[TestSuite]:
    """Read test files and the rules that they name. ConfigurationError carries every mistake of all files."""
    problems: list[Problem] = []
    suites: list[TestSuite] = []
    for path in paths:
        try:
            suites.append(_suite(path))
        except ConfigurationError as error:
            problems += [each for each in error.problems if each not in problems]
    if problems:
        raise ConfigurationError(problems)
    return suites


def _suite(path: Path) -> TestSuite:
    document = read_document(path)
    document.page = "rule-tests"
    if document.problems:
        raise ConfigurationError(document.in_order())
    if not isinstance(document.root.value, dict):
        document.report((), "this is no file of rule tests", "begin it with 'rules:' and 'tests:'")
        raise ConfigurationError(document.in_order())
    file = checked(document, (), TestFile)
    if file is None:
        raise ConfigurationError(document.in_order())
    readings = sum(len(series.items(test.every)) for test in file.tests for series in test.readings)
    if readings > MOST:
        what = f"this file has {readings:,} readings, more than {MOST:,}"
        document.report(("tests",), what, "split it into several files, or make the series shorter")
    rule_files = list(_rule_files(document, file))
    try:
        rules = load_rules(rule_files, file.channels or None, None, None).rules
    except ConfigurationError as error:
        raise ConfigurationError([*document.in_order(), *error.problems]) from None
    channels = file.channels or _channels(rules)
    cases = tuple(_cases(document, file, {rule.id for rule in rules}, channels))
    if document.problems:
        raise ConfigurationError(document.in_order())
    return TestSuite(path, rules, channels, cases)


def _rule_files(document: Document, file: TestFile) -> Iterator[Path]:
    if file.pack is not None:
        if file.pack not in PACKS:
            document.report(("pack",), f"there is no pack '{file.pack}'", nearest(file.pack, PACKS))
            return
        yield Path(str(files("watcher") / "packs" / f"{file.pack}.yaml"))
    for index, name in enumerate(file.rules):
        try:
            found = matching(document.path.parent, name)
        except InputError as error:
            document.report(("rules", index), f"'{name}' looks through too much", str(error))
            continue
        if not found:
            what = f"no file matches '{name}'"
            document.report(("rules", index), what, "paths are as seen from the folder of this file")
        yield from found


def _channels(rules: Sequence[Rule]) -> tuple[str, ...]:
    """The channels that the rules name; one more if there is a rule that tells every channel."""
    named = dict.fromkeys(name for rule in rules for name in rule.notify or ())
    if not named or any(rule.notify is None for rule in rules):
        named[EVERYONE] = None
    return tuple(named)


def _cases(
    document: Document, file: TestFile, rules: set[str], channels: Sequence[str]
) -> Iterator[TestCase]:
    _distinct(document, ("wallets",), [wallet.name for wallet in file.wallets], "wallets are named")
    _distinct(document, ("tests",), [test.name for test in file.tests], "tests are named")
    for index, test in enumerate(file.tests):
        loc = ("tests", index)
        wallets = {wallet.name: wallet for wallet in (*file.wallets, *test.wallets)}
        seen: dict[tuple[str, str, str], int] = {}
        for number, series in enumerate(test.readings):
            place = (*loc, "readings", number)
            _series(document, place, series, wallets.get(series.wallet), wallets)
            key = (series.wallet, series.chain or "", series.token or series.asset.lower())
            if key in seen:
                what = f"{series.asset} of '{series.wallet}' has a series already"
                document.report(place, what, "join the two, or give a token or a chain")
            seen[key] = number
        _expectations(document, loc, test, (rules, set(wallets), set(channels)))
        yield TestCase(test, wallets, document.line(loc))


def _series(
    document: Document, loc: Loc, series: Series, wallet: TestWallet | None, known: Mapping[str, TestWallet]
) -> None:
    if wallet is None:
        what = f"there is no wallet '{series.wallet}'"
        document.report(
            (*loc, "wallet"), what, nearest(series.wallet, known) if known else "add it to wallets:"
        )
    elif series.chain is None and (len(wallet.on) > 1 or sweeps(wallet)):
        document.report(loc, f"'{wallet.name}' is on several chains", "add 'chain: …' to this series")
    elif series.chain is not None and series.chain not in wallet.on and not sweeps(wallet):
        what = f"'{wallet.name}' is not on the chain '{series.chain}'"
        document.report((*loc, "chain"), what, nearest(series.chain, wallet.on))


def _expectations(
    document: Document, loc: Loc, test: RuleTest, known: tuple[set[str], set[str], set[str]]
) -> None:
    """A word that nobody knows would make an expectation that can never hold, or always does."""
    rules, wallets, channels = known
    for index, expectation in enumerate(test.expect):
        for key in ("alerts", "told"):
            for number, each in enumerate(getattr(expectation, key) or ()):
                place = (*loc, "expect", index, key, number)
                if each.rule not in rules and not each.rule.startswith(BUILT_IN):
                    what = f"there is no rule '{each.rule}'"
                    document.report((*place, "rule"), what, nearest(each.rule, rules))
                if each.wallet is not None and each.wallet not in wallets:
                    what = f"there is no wallet '{each.wallet}'"
                    document.report((*place, "wallet"), what, nearest(each.wallet, wallets))
                for position, name in enumerate(getattr(each, "channels", None) or ()):
                    if name not in channels:
                        what = f"there is no channel '{name}'"
                        document.report((*place, "channels", position), what, nearest(name, channels))


def _distinct(document: Document, loc: Loc, names: Sequence[str], words: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            place = (*loc, index, "name")
            document.report(place, f"two {words} '{name}'", "give each a name of its own")
