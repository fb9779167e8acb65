"""Pauses after wrong passwords. Callers pass all times (seconds of one clock); the module reads no clock."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

FREE_ATTEMPTS = 5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 30.0, 15 * 60.0
FORGET_S = 3600.0  # without a wrong password
MAX_KEYS = 10_000  # because a stranger may send any number of names
Value = TypeVar("Value")


@dataclass
class _Count:
    wrong: int = 0
    last_at: float = 0.0


class LockOut:
    """Counts wrong passwords by name and by address. From the fifth of either on, each one makes this name from this
    address wait, and longer each time. The same name from another address does not wait: nobody can lock out a user.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()

    def begin(self, name: str, address: str, now: float) -> float:
        """The seconds to wait; 0 if the password may be checked now.

        The attempt counts as wrong until `succeeded`, so that attempts at the same time count too.
        """
        name, address = name[:64], network(address)
        if (wait := self._until.get((name, address), now) - now) > 0:
            return wait
        wrong = max(self._add("name", name, now), self._add("address", address, now))
        if wrong >= FREE_ATTEMPTS:
            pause = min(FIRST_PAUSE_S * 2.0 ** min(wrong - FREE_ATTEMPTS, 16), LONGEST_PAUSE_S)
            _put(self._until, (name, address), now + pause)
        return 0.0

    def succeeded(self, name: str, address: str) -> None:
        """Forgets what was counted for the name, and this attempt of the address."""
        name, address = name[:64], network(address)
        self._counts.pop(("name", name), None)
        self._until.pop((name, address), None)
        if count := self._counts.get(("address", address)):
            count.wrong -= 1

    def _add(self, kind: str, value: str, now: float) -> int:
        count = self._counts.pop((kind, value), None)
        if count is None or now - count.last_at > FORGET_S:
            count = _Count()
        count.wrong, count.last_at = count.wrong + 1, now
        _put(self._counts, (kind, value), count)
        return count.wrong


def network(address: str) -> str:
    """The address; of an IPv6 address its /64, because one customer has all addresses in it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed), 64), strict=False))


def _put(table: OrderedDict[tuple[str, str], Value], key: tuple[str, str], value: Value) -> None:
    """Adds the value as the newest, and drops the oldest beyond MAX_KEYS."""
    table[key] = value
    table.move_to_end(key)
    while len(table) > MAX_KEYS:
        table.popitem(last=False)
