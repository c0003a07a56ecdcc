"""Hints, polls, failures, refusals, budgets and clocks in any order: what never happens."""

from __future__ import annotations

import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.domain.hints.given import DAY, START, scheduler
from watcher.domain.hints.desk import GAP
from watcher.domain.scheduler import Budget, Item

ITEMS = (
    Item("auto", 40, min_every=300),
    Item("cheap", 1, min_every=60),
    Item("promised", 40, min_every=300, at_least_every=DAY / 2),
    Item("fixed", 40, at_least_every=DAY / 4, fixed=DAY / 4),
    Item("ticked", 40, at_least_every=DAY / 2, ticked=True),
    Item("deaf", 40, min_every=300),
)
TOLD = {item.key: ["push", "other"][: 1 + (item.key == "auto")] for item in ITEMS if item.key != "deaf"}
COST = {item.key: item.cost for item in ITEMS}
KEYS = st.sampled_from([*COST, "stranger"])
SOON = st.sampled_from([0.0, 0.5, 9.0, 30.0, 600.0, DAY / 3])
LIMITS = st.sampled_from([0.0, 30.0, 39.0, 200.0, 1000.0, 20_000.0])


class AnyOrder(RuleBasedStateMachine):
    """The ledger is kept here, and the clock."""

    @initialize(
        limit=LIMITS, days=st.sampled_from([0.5, 3.0]), share=st.sampled_from([0.0, 0.4]), new=st.booleans()
    )
    def begin(self, limit: float, days: float, share: float, new: bool) -> None:
        self.now, self.limit, self.period = START, limit, days * DAY
        self.ends, self.spent = START + self.period, 0.0
        self.by_hint: dict[str, bool] = {}
        """Who is under way, and whether because of a hint."""
        self.hinted: dict[str, float] = {}
        """When each was polled last because of a hint."""
        self.share, self.wasted, self.fastest, self.passed = share, 0.0, limit / self.period, 0.0
        self.made = scheduler(ITEMS, self.budget, coverage=TOLD, waste=share, new=new)

    @property
    def budget(self) -> Budget:
        return Budget(self.limit, self.limit - self.spent, self.ends, self.period)

    def move(self, to: float) -> None:
        self.passed += max(to - self.now, 0.0)
        self.now = to
        while self.now >= self.ends:
            self.ends, self.spent = self.ends + self.period, 0.0
        self.made.due(self.now)

    def start(self, key: str) -> None:
        hint = self.made.hinted(key)
        assert key not in self.by_hint, "two polls at a time"
        assert hint or key != "ticked", "it is not polled here"
        if hint:
            assert self.now - self.hinted.get(key, -math.inf) >= GAP
            self.hinted[key] = self.now
        self.made.take(key, self.now)
        self.by_hint[key] = hint
        self.spent += COST[key]
        assert self.spent <= self.limit + 1e-6, "there is no money for it"

    # ------------------------------------------------------------------ what may happen

    @rule(
        key=KEYS,
        by=st.sampled_from(["push", "push", "other", "nobody"]),
        times=st.sampled_from([1, 1, 3, 50]),
    )
    def tell(self, key: str, by: str, times: int) -> None:
        for _ in range(times):
            news = self.made.hint(key, by, self.now)
            assert not news or by in TOLD[key]

    @rule(keys=st.lists(KEYS, max_size=4, unique=True))
    def miss(self, keys: list[str]) -> None:
        self.made.gap(keys, self.now)

    @rule(wait=SOON)
    def wait(self, wait: float) -> None:
        self.move(self.now + wait)

    @rule()
    def next(self) -> None:
        due = self.made.due(self.now)
        if due is not None:
            self.move(due[0])
            if (due := self.made.due(self.now)) is not None and due[0] <= self.now:
                self.start(due[1])

    @rule(changed=st.sampled_from([True, False, None]), refused=st.booleans(), which=st.integers(0, 9))
    def answer(self, changed: bool | None, refused: bool, which: int) -> None:
        if self.by_hint:
            key = sorted(self.by_hint)[which % len(self.by_hint)]
            self.end(key, changed, refused=refused and changed is None)

    def end(self, key: str, changed: bool | None, *, refused: bool = False) -> None:
        hint = self.by_hint.pop(key)
        if refused:
            self.spent -= COST[key]
        before = self.made._waste._at(self.now)
        self.made.observe(key, self.now, changed, charged=not refused)
        taken = before - self.made._waste._at(self.now)
        assert taken <= COST[key] * (hint and changed is False) + 1e-6
        self.wasted += taken

    @rule(key=st.sampled_from(sorted(COST)), changed=st.booleans())
    def by_hand(self, key: str, changed: bool) -> None:
        if key not in self.by_hint and self.spent + COST[key] <= self.limit:
            self.spent += COST[key] * (key != "ticked")
            self.made.observe(key, self.now, changed)

    @rule()
    def read_the_ledger(self) -> None:
        self.made.set_budget(self.budget, self.now)

    @rule(limit=LIMITS)
    def get_another_limit(self, limit: float) -> None:
        self.limit = max(limit, self.spent)
        self.fastest = max(self.fastest, self.limit / self.period)
        self.made.set_budget(self.budget, self.now)

    @rule()
    def sleep_for_ten_days(self) -> None:
        self.move(self.now + 10 * DAY)

    @rule(by=st.sampled_from([1.0, 59.0, 61.0, DAY, 5 * DAY]))
    def set_the_clock_back(self, by: float) -> None:
        self.hinted = (
            {key: min(at, self.now - by) for key, at in self.hinted.items()} if by > 60 else self.hinted
        )
        self.now -= by
        self.made.due(self.now)

    @rule(changed=st.sampled_from([True, False, None]))
    def poll_all_that_is_due(self, changed: bool | None) -> None:
        """It ends, without the clock moving."""
        for _ in range(3 * len(ITEMS)):
            due = self.made.due(self.now)
            if due is None or due[0] > self.now:
                return
            self.start(due[1])
            self.end(due[1], changed)
        raise AssertionError("it never ends")

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def asking_changes_nothing(self) -> None:
        first = self.made.due(self.now)
        assert self.made.due(self.now) == first
        if first is not None:
            assert self.now <= first[0] < math.inf
            assert first[1] not in self.by_hint

    @invariant()
    def no_hint_waits_for_ever(self) -> None:
        desk = self.made.desk
        places = {key: time for time, ticket, key in desk._heap if desk.accounts[key].ticket == ticket}
        for key, account in desk.accounts.items():
            assert account.under_way == (key in self.by_hint)
            if account.pending is not None and not account.under_way and key not in self.made._unpaid:
                assert places[key] <= max(self.now, self.ends) + 5 * self.period + DAY

    @invariant()
    def lies_take_their_share(self) -> None:
        saved = max(self.share * self.fastest * DAY, 5 * 40 * (self.share > 0))
        assert self.wasted <= saved + self.share * self.fastest * self.passed + len(ITEMS) * 40 + 1e-3


AnyOrder.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
test_what_never_happens_in_any_order = AnyOrder.TestCase
