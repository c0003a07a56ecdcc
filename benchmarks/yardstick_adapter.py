"""The shipped cadence, under the names that the scheduling yardstick uses. No logic here."""

from __future__ import annotations

from typing import Any

from watcher.domain.scheduler import Budget, Item, Scheduler

DAY = 86400.0


class Production:
    """What ships, with its defaults."""

    name = "production"
    fairness = 1.0

    def start(self, env: Any) -> None:
        self.env, self.period, self.hour = env, 0, 0.0
        self.log: list[tuple[float, float, float]] = []
        self.items = [
            Item(str(i), float(env.cost[i]), float(env.weight[i]), float(env.lo[i]), float(env.hi[i]))
            for i in range(env.n)
        ]
        seen = {item.key: env.t0 for item in self.items}
        self.cadence = Scheduler(self.items, self.budget(), env.t0, seen=seen, fairness=self.fairness)

    def budget(self) -> Budget:
        """The ledger's words at the start of a period."""
        env = self.env
        return Budget(env.budget, env.credits(self.period), env.t0 + env.end(self.period), 30 * DAY)

    def renew(self, t: float) -> None:
        """The ledger sees a new period."""
        if self.env.index(t) != self.period:
            self.period = self.env.index(t)
            self.cadence.set_budget(self.budget(), self.env.t0 + t)

    def due(self, now: float) -> tuple[float, int]:
        """Next poll; the forecast of every hour is noted, to be compared with what came."""
        self.renew(now)
        if now >= self.hour:
            rows = self.cadence.forecast().rows
            value = [row.changes_a_day * item.weight for row, item in zip(rows, self.items, strict=True)]
            waits = sum(row.expected_delay * v for row, v in zip(rows, value, strict=True))
            self.log.append((now, waits, sum(value)))
            self.hour = now + 3600
        time, key = self.cadence.due(self.env.t0 + now) or (float("inf"), "0")
        return time - self.env.t0, int(key)

    def observe(self, i: int, t: float, changed: bool) -> None:  # noqa: FBT001
        self.renew(t)
        self.cadence.observe(str(i), self.env.t0 + t, changed)


class Fair(Production):
    """The same, caring for the average account."""

    name = "production-fair"
    fairness = 0.5
