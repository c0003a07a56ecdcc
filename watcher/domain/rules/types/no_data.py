"""`no_data`: an account that could not be read for too long."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from pydantic import model_validator

from watcher.domain.model import AccountState
from watcher.domain.rules.base import ClockRule
from watcher.domain.rules.distance import Near, near, unsure
from watcher.domain.values.durations import format_duration
from watcher.domain.values.errors import InputError
from watcher.domain.values.fields import Duration
from watcher.domain.values.formatting import moment
from watcher.domain.values.verdict import Answer, Verdict, met

MILLISECOND = timedelta(milliseconds=1)


class NoDataRule(ClockRule):
    """Fires when the last reading of an account is older than `longer_than`.

    Time in which the daemon did not run counts only once a poll has failed since.
    """

    type: Literal["no_data"] = "no_data"
    longer_than: Duration
    """Age of the last reading from which it fires, as in `30m`."""

    @model_validator(mode="after")
    def _is_about_accounts(self) -> NoDataRule:
        if self.match.assets:
            what = "no_data is about whole accounts: leave match.assets out"
            raise InputError(what, place=("match", "assets"))
        if self.blind_after is not None:
            raise InputError("no_data tells of what is not read itself", "leave it out", ("blind_after",))
        if self.longer_than <= timedelta(0):
            raise InputError("longer_than must be positive", place=("longer_than",))
        return self

    def patience(self) -> timedelta:
        return self.longer_than

    def answer(self, state: AccountState, now: datetime, running_since: datetime) -> Answer:
        since = state.last_reading or state.watched_since or now
        if now - since <= self.longer_than:
            return Answer.NOT_MET
        attempt = state.last_attempt
        failed = state.misses > 0 and attempt is not None and attempt >= running_since
        if failed or now - running_since > self.longer_than:
            return Answer.MET
        return Answer.UNKNOWN

    def judge(self, state: AccountState, now: datetime, running_since: datetime) -> Verdict:
        """The answer; its words stay the same from one look to the next while nothing new happens."""
        last = state.last_reading
        seen = f"last read {moment(last)}" if last else "never read"
        answer = self.answer(state, now, running_since)
        if answer is not Answer.MET:
            return Verdict(answer, seen)
        # What of a reading could not be used is not in history: a backtest would say it otherwise.
        why = f" ({state.miss})" if state.misses else ""
        return met(f"no reading for longer than {format_duration(self.longer_than)}, {seen}{why}")

    def near(self, state: AccountState, now: datetime) -> Near:
        """How far the age of the last reading is from what is borne."""
        since = state.last_reading or state.watched_since
        if since is None:
            return unsure("never read")
        return near(Decimal((now - since) // MILLISECOND), Decimal(self.longer_than // MILLISECOND))

    def describe(self) -> str:
        return f"no reading for longer than {format_duration(self.longer_than)}"
