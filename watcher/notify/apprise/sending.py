"""Attempt to send through an apprise plugin: who of its recipients took it, and why others did not.

Plugins ask before each recipient whether it has the message already, and note who took it; apprise has
that for its own repeats. Here it serves ours, which survive a restart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import apprise
from apprise.attachment.memory import AttachMemory

from watcher.domain.alerts.lifecycle import short_id
from watcher.domain.messages.delivery import Fault, NotSent, SendResult, Sent
from watcher.domain.records import Record, field
from watcher.notify.apprise.http_outcome import HttpOutcome
from watcher.notify.files import left_out
from watcher.notify.refusals import ServiceRefusal
from watcher.ports.channel import Attachment

_MEMORY: Any = AttachMemory
_RINGS_FOR_EACH = frozenset({"NotifyNtfy", "NotifyPushover", "NotifyPushBullet"})
"""Plugins that send each file as a message of its own, as loud as the first."""
_KINDS = frozenset(
    {"message", "body", "attachment", "attach", "image", "media", "room", "user", "fields", "text", "channel"}
)
_LEAST_ID = 1000
"""A smaller number in a plugin's key counts pieces; it names nobody."""


class SendAttempt(Record):
    """Recipients of one attempt. `delivered_before` have it already; with `only`, nobody else is told now."""

    delivered_before: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    asked: dict[str, str] = field(default_factory=dict)
    """The mark of what the plugin asked for → the recipient behind it, for people."""
    delivered: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    remarks: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def skips(self, key: str) -> bool:
        """Whether a recipient is to be passed over."""
        if self.only and key not in self.only:
            self.left_out.add(key)
            return True
        return key in self.delivered_before or key in self.delivered

    def missing(self) -> list[str]:
        """Recipients who have not taken any of it, by their names."""
        done = {self.asked.get(key, "") for key in (*self.delivered, *self.delivered_before)}
        names = dict.fromkeys(name for name in self.asked.values() if name)
        return [name for name in names if name not in done]

    def result(
        self, refusals: Mapping[str, ServiceRefusal], last: ServiceRefusal | None, *, well: bool
    ) -> SendResult:
        """What to tell of it; refusals are by the names of recipients."""
        if well and not self.left_out:
            return Sent(self.remarks, self.facts)
        missing = self.missing()
        theirs = {name: refusals[name] for name in missing if name in refusals}
        if well:
            names = ", ".join(dict.fromkeys(self.asked.get(key, key) for key in self.left_out))
            last = ServiceRefusal(f"{names}: is yet to be told what came before")
        elif theirs:
            last = next(reversed(theirs.values()))
        if last is None:
            last = ServiceRefusal("apprise reports no success and no reason")
        words = last.words
        if theirs and (self.delivered or self.delivered_before or len(theirs) > 1):
            words = "; ".join(f"{name}: {each.words}" for name, each in theirs.items())
        return NotSent(
            words,
            retry_after=last.retry_after,
            maybe_sent=any(each.maybe_sent for each in theirs.values()) or last.maybe_sent,
            fault=last.fault,
            delivered_to=frozenset(self.delivered),
            remarks=self.remarks,
            facts=self.facts,
        )


def track(service: Any, attempt: SendAttempt, outcome: HttpOutcome) -> None:
    """Answer the plugin's questions from `attempt`, and know for whom its next request is."""

    def is_delivered(key: Any, **_: bool) -> bool:
        if type(key) is object:
            return False  # apprise's own mark for a whole message
        mark = _mark(key)
        outcome.about = attempt.asked.setdefault(mark, recipient(key))
        return attempt.skips(mark)

    def mark_delivered(key: Any, **_: bool) -> None:
        if type(key) is not object:
            mark = _mark(key)
            attempt.asked.setdefault(mark, recipient(key))
            attempt.delivered.add(mark)

    service.is_delivered, service.mark_delivered = is_delivered, mark_delivered


def _mark(key: Any) -> str:
    """What the store keeps of a plugin's key, in which a secret may stand (a topic of ntfy is one)."""
    return short_id(repr(key))


def recipient(key: Any) -> str:
    """The name in a plugin's key: a chat, a room, an address. Empty if there is none."""
    found = [text for text in _leaves(key) if text not in _KINDS]
    return found[0] if found else ""


def _leaves(key: Any) -> Iterable[str]:
    if isinstance(key, tuple | list):
        for each in key:
            yield from _leaves(each)
    elif isinstance(key, str):
        yield key
    elif isinstance(key, int) and not isinstance(key, bool) and abs(key) >= _LEAST_ID:
        yield str(key)


def without_bells(service: Any, files: Sequence[Attachment]) -> Sequence[Attachment]:
    """Files to go along: one picture where each of them is a notification that rings once more."""
    if type(service).__name__ not in _RINGS_FOR_EACH:
        return files
    first = next((each for each in files if each.is_picture), None)
    return [each for each in files if not each.is_picture or each is first]


def attached(files: Sequence[Attachment]) -> apprise.AppriseAttachment | None:
    """Files as apprise takes them; None for none."""
    found = apprise.AppriseAttachment()
    for each in files:
        found.add(_MEMORY(content=each.content, name=each.name, mimetype=each.mime))
    return found if len(found) else None


def through_plugin(
    service: Any,
    call: Callable[[Sequence[Attachment]], Any],
    files: Sequence[Attachment],
    attempt: SendAttempt,
    outcome: HttpOutcome,
) -> SendResult:
    """Result of a send, without the files if they are refused, and to the new id of a chat that moved."""
    track(service, attempt, outcome)
    result = call(files)
    if not _well(result) and _follow(service, attempt, outcome):
        result = call(files)
    if not _well(result) and files and not _may_have_arrived(outcome, attempt):
        why = outcome.last
        outcome.refusals.clear()
        result = call(())
        if _well(result):
            attempt.remarks["picture"] = f"{left_out(files)}: {why.words if why else 'not taken'}"
    last = outcome.last
    if last is None and (logs := [entry.message for entry in result.logs()]):
        last = ServiceRefusal(logs[0], Fault.PASSING)
    return attempt.result(outcome.refusals, last, well=_well(result))


def _well(result: Any) -> bool:
    return bool(result.status == apprise.AppriseResultStatus.SUCCESS)


def _may_have_arrived(outcome: HttpOutcome, attempt: SendAttempt) -> bool:
    """Whether sending again at once might tell somebody twice, or cannot help."""
    last = outcome.last
    return last is not None and not attempt.delivered and (last.maybe_sent or last.retry_after is not None)


def _follow(service: Any, attempt: SendAttempt, outcome: HttpOutcome) -> bool:
    """Take over the new ids of chats that moved; whether there were any."""
    moved = {name: each.moved for name, each in outcome.refusals.items() if each.moved}
    if not follow(service, moved):
        return False
    for old, new in moved.items():
        attempt.facts[f"chat {old}"] = new
        attempt.remarks[f"chat {old}"] = (
            f"the chat {old} has the id {new} now: update the URL of this channel"
        )
        outcome.refusals.pop(old, None)
    return True


def follow(service: Any, moved: Mapping[str, str]) -> bool:
    """Write to the new ids of chats; whether one of them is a recipient."""
    targets: Any = getattr(service, "targets", None)
    found = False
    for place, target in enumerate(targets if isinstance(targets, list) else ()):
        new = moved.get(recipient(target), "")
        if re.fullmatch(r"-?[0-9]{1,20}", new) and isinstance(target, tuple) and len(target) == 2:
            targets[place], found = (int(new), target[1]), True
    return found
