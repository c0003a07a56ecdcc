"""Changes by people to state in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from watcher.domain.alerts.lifecycle import Ack, AlertState
from watcher.domain.alerts.silences import Silence
from watcher.domain.messages.delivery import Delivery, DeliveryState
from watcher.domain.model import Account, Asset, Quarantined
from watcher.ports.commands import Acknowledged
from watcher.store.memory.state import State

_RETRIED = (DeliveryState.GIVEN_UP, DeliveryState.WITHHELD, DeliveryState.PENDING)
_DROPPED = (DeliveryState.GIVEN_UP, DeliveryState.PENDING)


class MemoryCommands:
    def __init__(self, state: State) -> None:
        self._state = state

    def acknowledge(self, ids: Sequence[str], ack: Ack) -> Mapping[str, Acknowledged]:
        with self._state.lock:
            return {each: self._acknowledge(each, ack) for each in dict.fromkeys(ids)}

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

    def expire_silences(self, ids: Sequence[str], now: datetime) -> list[str]:
        with self._state.lock:
            cache = self._state.cache
            live = {each.id for each in cache.silences if each.until > now}
            found = [each for each in dict.fromkeys(ids) if each in live]
            cache.silences = tuple(
                replace(each, until=now) if each.id in found else each for each in cache.silences
            )
            return found

    def retry(self, ids: Sequence[str], now: datetime) -> list[str]:
        def due_now(each: Delivery) -> Delivery:
            return replace(each, state=DeliveryState.PENDING, due=now, created=now)

        with self._state.lock:
            found = self._in(ids, _RETRIED)
            self._state.deliveries.update((each, due_now(self._state.deliveries[each])) for each in found)
            return found

    def drop(self, ids: Sequence[str], now: datetime) -> list[str]:  # noqa: ARG002
        with self._state.lock:
            found, known = self._in(ids, _DROPPED), self._state.deliveries
            known.update((each, replace(known[each], state=DeliveryState.DROPPED)) for each in found)
            return found

    def _in(self, ids: Sequence[str], states: Collection[DeliveryState]) -> list[str]:
        known = self._state.deliveries
        return [each for each in dict.fromkeys(ids) if each in known and known[each].state in states]

    def hide(self, holdings: Sequence[tuple[Account, Asset]], hidden: Quarantined) -> None:
        self._change(holdings, hidden)

    def release(self, holdings: Sequence[tuple[Account, Asset]]) -> None:
        self._change(holdings, None)

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
            self._state.cache.doubt()
