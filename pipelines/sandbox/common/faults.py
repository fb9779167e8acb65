"""Scripted failures: which request they befall, and how often."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.sandbox.common.exchange import Request

# What each kind takes beside the fields every fault has, with the value used when it is not given.
OPTIONS: dict[str, dict[str, Any]] = {
    "status": {"status": 500, "headers": {}, "body": None, "content_type": None},
    "status_after": {"status": 500, "headers": {}, "body": None, "content_type": None},
    "html": {"status": 200, "body": "<!DOCTYPE html><html><body><h1>Log in</h1></body></html>"},
    "redirect": {"status": 302, "location": "/elsewhere"},
    "body": {"body": {}},
    "no": {"msg": "Something went wrong"},
    "deep_json": {"depth": 100_000},
    "gzip_bomb": {"megabytes": 1024},
    "huge_field": {"megabytes": 50},
    "revoke_tokens": {"refresh": 0},
    "refuse": {"seconds": 2.0},
    "silence": {"seconds": 2.0},
    "edit": {"edits": []},
    "drop": {},
    "drop_after": {},
    "drop_late": {"seconds": 1.0},
    "hang": {"seconds": 60.0},
    "hang_after": {"seconds": 60.0},
    "slow": {"seconds": 1.0, "pieces": 1},
    "truncated": {"length": "half"},
    "wrong_length": {"by": 10},
    "reset_body": {},
    "empty_page": {},
    "repeat_page": {},
    "loop_next": {},
    "endless": {},
}
ONLY = {"no": "centra", "loop_next": "centra", "revoke_tokens": "myogo"}
MATCHING = {"method": "*", "path": "*", "contains": "", "skip": 0, "times": 1}


EDITS = frozenset(("add", "change", "remove", "order"))


class BadFault(ValueError):
    """A fault that cannot be scripted; the message says why."""


@dataclass
class Fault:
    """One scripted failure; `seen` and `taken` count the requests it has let pass and befallen."""

    side: str
    kind: str
    method: str
    path: str
    contains: str
    skip: int
    times: int
    options: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    taken: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Fault":
        """The fault as described; BadFault if it is not one."""
        kind, side = given.get("kind"), given.get("side")
        if kind not in OPTIONS:
            raise BadFault(f"no fault kind {kind!r}; there are: {', '.join(sorted(OPTIONS))}")
        if side not in ("centra", "myogo") or ONLY.get(kind, side) != side:
            raise BadFault(f"fault {kind!r} needs side {ONLY.get(kind, 'centra or myogo')!r}, not {side!r}")
        known: dict[str, Any] = MATCHING | OPTIONS[kind]
        unknown = sorted(set(given) - set(known) - {"kind", "side"})
        if unknown:
            raise BadFault(f"fault {kind!r} does not take {', '.join(unknown)}; it takes {', '.join(known)}")
        values = known | {name: value for name, value in given.items() if name in known}
        for name, default in known.items():
            if isinstance(default, (int, float)) and not isinstance(values[name], (int, float)):
                raise BadFault(f"{name!r} of fault {kind!r} must be a number")
        if kind == "edit" and not all(
            isinstance(one, dict) and len(one.keys() & EDITS) == 1 for one in values["edits"]
        ):
            raise BadFault(f"each of 'edits' of fault 'edit' is an object with one of {', '.join(sorted(EDITS))}")
        options = {name: values.pop(name) for name in OPTIONS[kind]}
        return cls(side=str(side), kind=str(kind), options=options, **values)

    def befalls(self, side: str, request: Request) -> bool:
        """Whether the request is one of those meant, leaving skip and times aside; a `$` in path marks its end."""
        target = f"{request.path}?{request.query}$".lower()
        return (
            self.side == side
            and self.method.upper() in ("*", request.method)
            and (self.path == "*" or self.path.lower() in target)
            and self.contains.encode() in request.body
        )

    def as_json(self) -> dict[str, Any]:
        """The fault as it was given, with its counts."""
        shown = asdict(self)
        options: dict[str, Any] = shown.pop("options")
        return shown | options


def _is_edit(given: Any) -> bool:
    return isinstance(given, Mapping) and len(given.keys() & EDITS) == 1


class Script:
    """Faults in the order they were added; the first that is due befalls a request."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def due(self, side: str, request: Request) -> Fault | None:
        """The fault for this request, counted as taken."""
        for fault in self.faults:
            if fault.taken == fault.times or not fault.befalls(side, request):
                continue
            if fault.seen < fault.skip:
                fault.seen += 1
                continue
            fault.taken += 1
            return fault
        return None
