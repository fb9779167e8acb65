"""Maps a message to the flows that it concerns. Runs read their data from the systems, never from a message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.engine.flow import Flow
from pipelines.systems.system import UNKNOWN_EVENT


@dataclass(frozen=True)
class EventRouting:
    """`events` are event names that the system declares, sorted. They contain no text of the message, so they may be
    logged."""

    flows: frozenset[str]
    events: tuple[str, ...]


class Router:
    """Routes the messages of one system according to the flows' `webhook_events`; `flows` are all known flows."""

    def __init__(self, system: str, events: Callable[[bytes], Sequence[str]], flows: Mapping[str, type[Flow]]) -> None:
        self._events = events
        self._flows: dict[str, set[str]] = {}
        for name, flow in flows.items():
            for event in flow.webhook_events.get(system, ()):
                self._flows.setdefault(event, set()).add(name)

    def route(self, body: bytes) -> EventRouting:
        """The flows for a message. An unknown event concerns all flows that use any event of the system."""
        events = self._events(body)
        flows: set[str] = set()
        for event in events:
            if event == UNKNOWN_EVENT:
                flows.update(*self._flows.values())
            else:
                flows |= self._flows.get(event, set())
        return EventRouting(frozenset(flows), tuple(sorted(set(events))))
