"""The rules: what each matches now, what it says of it, and how far that is from its level.

The answers are those of `watcher explain`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from typing_extensions import TypedDict

from watcher.domain.alerts.selection import AlertFilter
from watcher.domain.evaluation.rule_index import Rules
from watcher.domain.messages.message import Severity
from watcher.domain.records import Record, replace
from watcher.domain.rules import BudgetRule, Rule
from watcher.domain.values.formatting import plain
from watcher.domain.values.verdict import Answer
from watcher.ports.queries import Queries
from watcher.reports.alerts import AlertViews
from watcher.reports.credits import use_of
from watcher.reports.explain import Explainer, RuleAnswer
from watcher.reports.watching import is_slow, nearest, share
from watcher.web.addresses import name_in
from watcher.web.errors import UnknownNameError
from watcher.web.listing import (
    ListFilter,
    Listing,
    ListOrder,
    ListPage,
    ListQuery,
    as_choices,
    list_routes,
    natural,
    sheet_answer,
)
from watcher.web.snapshot import PageSnapshot
from watcher.web.templating import PageView, Templating

LISTED, LISTED_SLOW = 1000, 100
"""Subjects that the list of rules judges, those of all its rules together; and of these, how many that have
to be looked up in history."""

MOST_LISTED, FEWEST_LISTED = 200, 5
"""Subjects of one rule of the list; more are not counted either."""

JUDGED, SLOW = 1000, 100
"""Subjects that the page of one rule judges; and how many where each has to be looked up in history."""


LIST = Listing(
    (ListFilter("q", "Find"), ListFilter("severity", "Severity", as_choices(Severity))),
    (
        ListOrder("file", "order of the files"),
        ListOrder("rule", "rule"),
        ListOrder("severity", "severity", descending=True),
    ),
)
HOLDS: dict[str, Callable[[Rule, str], bool]] = {
    "q": lambda rule, words: any(
        words.lower() in each.lower() for each in (rule.id, rule.type, rule.describe(), rule.match.describe())
    ),
    "severity": lambda rule, severity: rule.severity == severity,
}
KEYS: dict[str, Callable[[Rule], object]] = {
    "file": lambda _: 0,
    "rule": lambda rule: rule.id,
    "severity": lambda rule: list(Severity).index(rule.severity),
}


SUBJECTS = Listing(
    (ListFilter("q", "Find"), ListFilter("answer", "Answer", as_choices(Answer))),
    (ListOrder("near", "nearest"), ListOrder("subject", "subject"), ListOrder("read", "as of")),
)
SUBJECT_HOLDS: dict[str, Callable[[RuleAnswer, str], bool]] = {
    "q": lambda _row, _words: True,  # only those are judged
    "answer": lambda row, answer: row.answer == answer,
}
SUBJECT_KEYS: dict[str, Callable[[RuleAnswer], Any]] = {
    "near": nearest,
    "subject": lambda row: natural(row.subject),
    "read": lambda row: (row.at is not None, row.at),
}
LATELY, SHOWN = timedelta(hours=24), 10
"""What happened that a rule's page tells of."""


class SubjectRow(TypedDict):
    """A subject of a rule, and what the rule says of it."""

    subject: str
    wallet: str
    answer: Answer
    because: str
    distance: str | None
    near: str
    at: datetime | None
    alert: str


class RuleListRow(TypedDict):
    """A rule with its live alerts."""

    rule: str
    type: str
    severity: Severity
    condition: str
    matches: str
    pending: int
    firing: int


class ListedRule(Record, frozen=True):
    """A rule in the list, with its live alerts, how many subjects it has, and the nearest of those that were
    judged."""

    rule: Rule
    alerts: Counter[str]
    count: int
    more: bool
    judged: int
    counts: Counter[Answer]
    nearest: RuleAnswer | None


class RulePages:
    """`/rules` and what is below it."""

    def __init__(self, templating: Templating) -> None:
        self._templating, self._snapshots = templating, templating.snapshots

    def routes(self) -> list[web.RouteDef]:
        return [*list_routes("/rules", self.rules), *list_routes("/rules/{id}", self.rule)]

    async def rules(self, request: web.Request) -> web.Response:
        query = LIST.read(request, self._templating.base)

        def found() -> ListPage[Rule]:
            return query.pick(self._rules.by_id.values(), HOLDS, KEYS)

        def render(view: PageView) -> str:
            snapshot, page = view.snapshot, found()
            slow = sum(map(is_slow, page.rows))
            with self._snapshots.store.queries() as reader:
                explainer = self._explainer(reader, snapshot)
                most = {True: _share(LISTED_SLOW, slow), False: _share(LISTED, len(page.rows) - slow)}
                rows = [
                    self._listed(rule, reader, explainer, snapshot, most[is_slow(rule)]) for rule in page.rows
                ]
            return self._templating.render("rules.html", view, list=query, found=page, rows=rows)

        if query.sheet:
            return await sheet_answer(
                self._templating, request, RuleListRow.__annotations__,
                lambda view: _rows(found().rows, view.snapshot),
            )  # fmt: skip
        return await self._templating.page(request, render)

    async def rule(self, request: web.Request) -> web.Response:
        query = SUBJECTS.read(request, self._templating.base)
        name = name_in(request.match_info["id"])
        rule = await self._snapshots.work(lambda: self._rules.by_id.get(name))
        if rule is None:
            raise UnknownNameError("rule", name, self._rules.by_id, "/rules")

        def render(view: PageView) -> str:
            snapshot = view.snapshot
            alerts = AlertFilter(rule=name, since=snapshot.at - LATELY)
            with self._snapshots.store.queries() as reader:
                rows, most = self._judged(rule, query["q"], reader, snapshot)
                happened, count = reader.happened(alerts, SHOWN, worst=True), reader.count_happened(alerts)
            views = AlertViews(self._snapshots.settings, snapshot.past.silences, snapshot.at)
            return self._templating.render(
                "rule.html", view, rule=rule, list=query, found=self._picked(query, rows[:most]),
                judged=min(len(rows), most), more=len(rows) > most, channels=self._rules.channels_of(rule),
                happened=views.rows(happened), more_happened=count - len(happened),
                counts=Counter(row.answer for row in rows[:most]),
            )  # fmt: skip

        def sheet(view: PageView) -> list[SubjectRow]:
            with self._snapshots.store.queries() as reader:
                rows, most = self._judged(rule, query["q"], reader, view.snapshot)
            return [_subject_row(row) for row in self._picked(query, rows[:most]).rows]

        if query.sheet:
            return await sheet_answer(self._templating, request, SubjectRow.__annotations__, sheet)
        return await self._templating.page(request, render)

    @staticmethod
    def _picked(query: ListQuery, rows: list[RuleAnswer]) -> ListPage[RuleAnswer]:
        return query.pick(rows, SUBJECT_HOLDS, SUBJECT_KEYS)

    def _judged(
        self, rule: Rule, words: str, reader: Queries, snapshot: PageSnapshot
    ) -> tuple[list[RuleAnswer], int]:
        """The first subjects that are called so, judged, and one more if there are more; and how many are."""
        most = SLOW if is_slow(rule) else JUDGED
        if isinstance(rule, BudgetRule):
            return [self._budget(rule, reader, snapshot)], most
        explainer = self._explainer(reader, snapshot)
        return [explainer.answer(rule, subject) for subject in explainer.first(rule, most, words)], most

    @property
    def _rules(self) -> Rules:
        return self._templating.rules

    def _explainer(self, reader: Queries, snapshot: PageSnapshot) -> Explainer:
        # Without a revision the sums are looked through anew: what has changed since is not told here.
        return Explainer(
            self._snapshots.settings, self._rules, reader, snapshot.at, replace(snapshot.past, revision=None),
            memo=self._templating.memo,
        )  # fmt: skip

    def _listed(
        self, rule: Rule, reader: Queries, explainer: Explainer, snapshot: PageSnapshot, most: int
    ) -> ListedRule:
        alerts = [row for row in snapshot.status["alerts"] if row["rule"] == rule.id]
        if isinstance(rule, BudgetRule):
            count, rows = 1, [self._budget(rule, reader, snapshot)]
        else:
            subjects = explainer.first(rule, MOST_LISTED)
            count, rows = len(subjects), [explainer.answer(rule, subject) for subject in subjects[:most]]
        return ListedRule(
            rule,
            Counter(each["state"] for each in alerts),
            min(count, MOST_LISTED),
            count > MOST_LISTED,
            len(rows),
            Counter(each.answer for each in rows),
            min(rows, key=nearest, default=None),
        )

    def _budget(self, rule: BudgetRule, reader: Queries, snapshot: PageSnapshot) -> RuleAnswer:
        alert = next((row for row in snapshot.status["alerts"] if row["rule"] == rule.id), None)
        subject = f"credits of {rule.source}"
        plan = self._snapshots.plans.get(rule.source)
        if plan is None:
            why = "no credits are sold there"
            return RuleAnswer(subject, "", Answer.UNKNOWN, why, None, f"unknown: {why}", snapshot.at, alert)
        firing = alert is not None and alert["state"] != "pending"
        use = use_of(reader, rule.source, plan, snapshot.at)
        verdict, near = rule.judge(use, firing=firing), rule.near(use)
        return RuleAnswer(
            subject, "", verdict.answer, verdict.because, near.distance, near.words, snapshot.at, alert
        )


def _rows(rules: Iterable[Rule], snapshot: PageSnapshot) -> list[RuleListRow]:
    live = Counter((each["rule"], each["state"] == "pending") for each in snapshot.status["alerts"])
    return [
        {
            "rule": rule.id,
            "type": rule.type,
            "severity": rule.severity,
            "condition": rule.describe(),
            "matches": rule.match.describe(),
            "pending": live[rule.id, True],
            "firing": live[rule.id, False],
        }
        for rule in rules
    ]


def _subject_row(row: RuleAnswer) -> SubjectRow:
    return {
        "subject": row.subject,
        "wallet": row.wallet,
        "answer": row.answer,
        "because": row.because,
        "distance": plain(row.distance) if row.distance is not None else None,
        "near": row.near,
        "at": row.at,
        "alert": row.alert["id"] if row.alert else "",
    }


def _share(all_: int, rules: int) -> int:
    """How many subjects of each rule of the list are judged."""
    return min(share(all_, rules, FEWEST_LISTED), MOST_LISTED)
