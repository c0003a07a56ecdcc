"""Silences: whoever set one wants to hear nothing of what it matches, for a while and for a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from fnmatch import fnmatchcase

from watcher.domain.alerts.lifecycle import about
from watcher.domain.messages.message import Severity
from watcher.domain.records import Record
from watcher.domain.values.formatting import moment


class Topic(Record, frozen=True):
    """What suppression looks at: the rule's id, the wallet with its tags, the severity."""

    rule: str
    wallet: str
    severity: Severity
    tags: Collection[str] = ()


class Silence(Record, frozen=True):
    """Matchers are globs; within one kind any may match, of the kinds that are given all must. Who silences a
    rule silences the notice that it cannot be judged, too.

    It ends by itself at `until`, or earlier when somebody expires it (`until` is then that moment).
    """

    id: str
    author: str
    comment: str
    created: datetime
    until: datetime
    rules: tuple[str, ...] = ()
    wallets: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def matches(self, topic: Topic) -> bool:
        return (
            _any(self.rules, (topic.rule, about(topic.rule)))
            and _any(self.wallets, (topic.wallet,))
            and _any(self.severities, (str(topic.severity),))
            and _any(self.tags, topic.tags)
        )

    @property
    def matched(self) -> str:
        """What it matches, in words."""
        kinds = {"rule": self.rules, "wallet": self.wallets, "severity": self.severities, "tag": self.tags}
        return ", ".join(f"{kind} {' or '.join(globs)}" for kind, globs in kinds.items() if globs)

    def __str__(self) -> str:
        said = f": {self.comment}" if self.comment else ""
        return f"silenced by {self.author} until {moment(self.until)} (silence {self.id}){said}"


def silence_of(silences: Iterable[Silence], topic: Topic, now: datetime) -> Silence | None:
    """The silence in force that lasts longest of those that match."""
    found = [each for each in silences if now < each.until and each.matches(topic)]
    return max(found, key=lambda each: each.until, default=None)


def _any(globs: tuple[str, ...], words: Collection[str]) -> bool:
    return not globs or any(fnmatchcase(word, glob) for glob in globs for word in words)
