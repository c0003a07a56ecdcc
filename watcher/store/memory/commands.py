"""Changes by people to state in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from watcher.domain.alerts.lifecycle import Ack, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.audit import Actor, AuditAction, AuditEntry
from watcher.domain.decision import SumKey
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.model import Account, Asset, Quarantined, subject_key
from watcher.domain.records import replace
from watcher.ports.commands import Acknowledged
from watcher.store import audit as entries
from watcher.store.memory.state import State

_RETRIED = (DeliveryState.GIVEN_UP, DeliveryState.WITHHELD, DeliveryState.PENDING)
_DROPPED = (DeliveryState.GIVEN_UP, DeliveryState.PENDING)


class MemoryCommands:
    def __init__(self, state: State, actor: Actor) -> None:
        self._state, self._actor = state, actor

    def acknowledge(self, ids: Sequence[str], comment: str = "") -> Mapping[str, Acknowledged]:
        with self._state.lock:
            ack = Ack.of(self._actor, comment)
            found = {each: self._acknowledge(each, ack) for each in dict.fromkeys(ids)}
            done = [each.what for each in found.values() if each.done and each.what is not None]
            self._write(entries.acknowledged(self._actor, done, comment))
            return found

    def _acknowledge(self, identity: str, ack: Ack) -> Acknowledged:
        alert = self._state.alerts.get(identity)
        if alert is None:
            event = self._state.events().get(identity)
            if event is None or event.acknowledged is not None:
                return Acknowledged(event, done=False)
            self._state.event_acks[identity] = ack
            return Acknowledged(replace(event, acknowledged=ack), done=True)
        if alert.state is not AlertState.FIRING or alert.acknowledged is not None:
            return Acknowledged(alert, done=False)
        alert = self._state.alerts[identity] = replace(alert, acknowledged=ack)
        self._state.cache.put(alert)
        return Acknowledged(alert, done=True)

    def add_silence(self, silence: Silence) -> None:
        with self._state.lock:
            cache = self._state.cache
            others = [each for each in cache.silences if each.id != silence.id]
            cache.silences = tuple(sorted([*others, silence], key=lambda each: (each.created, each.id)))
            self._write(entries.silenced(self._actor, silence))

    def expire_silences(self, ids: Sequence[str]) -> list[str]:
        now = self._actor.at
        with self._state.lock:
            cache = self._state.cache
            live = {each.id: each for each in cache.silences if each.until > now}
            found = [each for each in dict.fromkeys(ids) if each in live]
            cache.silences = tuple(
                replace(each, until=now) if each.id in found else each for each in cache.silences
            )
            self._write(entries.ended(self._actor, [live[each] for each in found]))
            return found

    def retry(self, ids: Sequence[str]) -> list[str]:
        now = self._actor.at

        def due_now(each: Delivery) -> Delivery:
            return replace(each, state=DeliveryState.PENDING, due=now, created=now)

        with self._state.lock:
            found = self._in(ids, _RETRIED)
            self._state.deliveries.update((each, due_now(self._state.deliveries[each])) for each in found)
            self._note_deliveries(AuditAction.RETRY, found)
            return found

    def drop(self, ids: Sequence[str]) -> list[str]:
        with self._state.lock:
            found, known = self._in(ids, _DROPPED), self._state.deliveries
            known.update((each, replace(known[each], state=DeliveryState.DROPPED)) for each in found)
            self._note_deliveries(AuditAction.DROP, found)
            return found

    def _in(self, ids: Sequence[str], states: Collection[DeliveryState]) -> list[str]:
        known = self._state.deliveries
        return [each for each in dict.fromkeys(ids) if each in known and known[each].state in states]

    def hide(self, holdings: Sequence[tuple[Account, Asset]], reason: str) -> None:
        self._change(holdings, Quarantined(self._actor.at, reason, by=self._actor.name))
        self._write(entries.hidden(self._actor, AuditAction.HIDE, holdings, reason))

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        self._change(holdings, None)
        self._write(entries.hidden(self._actor, AuditAction.RELEASE, holdings))

    def note(self, action: AuditAction, targets: Sequence[str], detail: str = "") -> None:
        self._write(AuditEntry(self._actor, action, tuple(targets), detail))

    def _note_deliveries(self, action: AuditAction, ids: Sequence[str]) -> None:
        known = self._state.deliveries
        self._write(entries.delivered(self._actor, action, [known[each] for each in ids]))

    def _write(self, entry: AuditEntry | None) -> None:
        with self._state.lock:
            if entry is not None:
                self._state.audit.append(replace(entry, id=len(self._state.audit) + 1))

    def _change(self, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined | None) -> None:
        with self._state.lock:
            states = self._state.cache.states
            for account, asset in holdings:
                state = states[account]
                shut = {each: why for each, why in state.quarantined.items() if each != asset}
                new = {each: since for each, since in state.newcomers.items() if each != asset}
                if hidden is not None:
                    shut[asset] = hidden
                states[account] = state._replace(quarantined=shut, newcomers=new)
                if self._state.apart:
                    self._state.leave({SumKey("", subject_key(account)): False})
            self._state.cache.doubt()
