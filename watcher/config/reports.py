"""Reports in a configuration: of which period a statement is made, of which wallets, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Tag, model_validator

from watcher.config.document import Document
from watcher.config.models import DistinctWords
from watcher.config.problems import checked
from watcher.domain.model import Wallet
from watcher.domain.rules.match import Globs, Match
from watcher.domain.values.cron import check_cron
from watcher.domain.values.errors import InputError, Problem
from watcher.domain.values.fields import Zone
from watcher.domain.values.normalization import one_form
from watcher.domain.values.periods import times_a_day
from watcher.domain.values.spelling import nearest
from watcher.notify.kind import Clock

SEVEN = "07:00"

_DAYS = {"daily": "* * *", "weekly": "* * mon", "monthly": "1 * *"}
"""On which days the report of a period is due: on the one after its last."""


def _once_a_day(line: str) -> str:
    line = check_cron(line)
    if (times := times_a_day(line)) > 1:
        raise InputError(
            f"comes {times} times a day, and a report is about whole days",
            'choose one time, as in "0 7 1 * *"',
        )
    return line


def _somebody(channels: tuple[str, ...]) -> tuple[str, ...]:
    if not channels:
        raise InputError("names no channel: nobody would be told", "write [NAME]")
    return channels


def _every_kind(value: Any) -> str:
    return "<cron>" if isinstance(value, dict | ReportCron) else "<period>"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class ReportCron(_Model):
    """Days and a time of a calendar: each report is about the days since the one before."""

    cron: Annotated[str, AfterValidator(_once_a_day)]
    """Five fields (minute hour day month weekday), once a day at most."""


Every = Annotated[
    Annotated[Literal["daily", "weekly", "monthly"], Tag("<period>")] | Annotated[ReportCron, Tag("<cron>")],
    Discriminator(_every_kind),
]


class ReportSettings(_Model):
    """Report that is told after each period: balances, what came in and went out, alerts, and costs."""

    every: Annotated[
        Annotated[Literal["daily", "weekly", "monthly"], Tag("<period>")]
        | Annotated[ReportCron, Tag("<cron>")],
        Discriminator(_every_kind),
    ] = "monthly"
    """Period that each report is about: the last whole day, week (Monday to Sunday) or month."""
    at: Clock = SEVEN
    """Time of day at which it is told, on the first day after the period."""
    timezone: Zone = "UTC"
    """Zone in which days begin and end, as in `Europe/Zurich`."""
    channels: Annotated[DistinctWords, AfterValidator(_somebody)]
    """Channels that it is told to."""
    wallets: Globs = ()
    """Names or patterns of the wallets that it is about; all that are watched, if left out."""
    tags: Globs = ()
    """Tags or patterns of tags of the wallets that it is about."""

    @model_validator(mode="after")
    def _the_line_says_when(self) -> ReportSettings:
        if isinstance(self.every, ReportCron) and "at" in self.model_fields_set:
            raise InputError("the cron line says when", "leave 'at' out", ("at",))
        return self

    @property
    def line(self) -> str:
        """The cron line at whose ticks it is due."""
        if isinstance(self.every, ReportCron):
            return self.every.cron
        hour, minute = self.at.split(":")
        return f"{int(minute)} {int(hour)} {_DAYS[self.every]}"

    @property
    def chosen(self) -> Match:
        """The wallets that it is about."""
        return Match(wallets=self.wallets, tags=self.tags)


def read_reports(
    document: Document, wallets: Sequence[Wallet]
) -> tuple[dict[str, ReportSettings], list[Problem]]:
    """The sound reports, and what is probably not meant; mistakes are reported in the document."""
    node = document.root.get("reports")
    if node is None or node.value is None:
        return {}, []
    if not isinstance(node.value, dict):
        document.report(("reports",), "reports must be a mapping", "write 'NAME: {channels: […]}' below it")
        return {}, []
    read = {name: checked(document, ("reports", name), ReportSettings) for name in node.plain_keys()}
    found = {name: settings for name, settings in read.items() if settings is not None}
    section = document.root.get("channels")
    channels = section.plain_keys() if section is not None else ()
    for name, report in found.items():
        for number, channel in enumerate(report.channels):
            if channel not in channels:
                what = f"there is no channel '{channel}'"
                document.report(("reports", name, "channels", number), what, nearest(channel, channels))
    return found, list(_about_nothing(document, found, wallets))


def _about_nothing(
    document: Document, reports: Mapping[str, ReportSettings], wallets: Sequence[Wallet]
) -> Iterator[Problem]:
    """Names and tags that no wallet has, and reports that no wallet is in."""
    names = {wallet.name for wallet in wallets}
    tags = {tag for wallet in wallets for tag in wallet.tags}
    for name, report in reports.items():
        unmatched = False
        for key, patterns, known in (("wallets", report.wallets, names), ("tags", report.tags, tags)):
            for pattern in patterns:
                if not any(fnmatchcase(one_form(each), pattern) for each in known):
                    unmatched = True
                    what = f"report {name}: no {key.removesuffix('s')} is called '{pattern}'"
                    yield Problem(document.place(("reports", name, key)), what, nearest(pattern, known))
        if wallets and not unmatched and not any(map(report.chosen.wallet, wallets)):
            what, remedy = f"report {name}: it is about no wallet", "no wallet has such a name and such a tag"
            yield Problem(document.place(("reports", name), key=True), what, remedy)
