"""Which flows a message hints at. Nothing else that it says is used: only the systems themselves are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.engine.flow import Flow
from pipelines.systems.system import UNKNOWN_EVENT


@dataclass(frozen=True)
class EventRouting:
    """`events` are words that the system declares, sorted and fit for a log: nothing that the message says itself."""

    flows: frozenset[str]
    events: tuple[str, ...]


class Router:
    """Routes the messages of one system by what the flows declare; `flows` are all that are known."""

    def __init__(self, system: str, events: Callable[[bytes], Sequence[str]], flows: Mapping[str, type[Flow]]) -> None:
        self._events = events
        self._flows: dict[str, set[str]] = {}
        for name, flow in flows.items():
            for event in flow.webhook_events.get(system, ()):
                self._flows.setdefault(event, set()).add(name)

    def route(self, body: bytes) -> EventRouting:
        """What cannot be recognised hints at all flows that the system's messages may be about."""
        events = self._events(body)
        flows: set[str] = set()
        for event in events:
            if event == UNKNOWN_EVENT:
                flows.update(*self._flows.values())
            else:
                flows |= self._flows.get(event, set())
        return EventRouting(frozenset(flows), tuple(sorted(set(events))))
